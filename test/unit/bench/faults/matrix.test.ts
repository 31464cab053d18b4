import {
  cells,
  cellsNamed,
  cutMs,
  faults,
  nameOf,
  openCells,
  phases,
} from '../../../../bench/faults/matrix.js';
import type { Observed } from '../../../../bench/faults/observed.js';
import { countsOf, faultsPage, runsOf } from '../../../../bench/faults/page.js';

it('has each fault in each phase once', () => {
  expect(new Set(cells.map(nameOf)).size).toBe(phases.length * faults.length);
});

it.each([
  ['pre-copy/cancel', 1],
  ['pre-copy/*', faults.length],
  ['pre-copy', faults.length],
  ['*/cancel', phases.length],
  ['pre-copy/nothing', 0],
  ['pre-copy/cancel/now', 0],
  ['', 0],
])('finds by the name %s %d cells', (name, found) => {
  expect(cellsNamed(name)).toHaveLength(found);
});

it('tries each cell once before any is tried again, and none more often than wanted', () => {
  const [a, b, c] = cells;
  const runs = new Map([
    [a, 2],
    [b, 0],
    [c, 1],
  ]);
  expect(openCells([a!, b!, c!], (cell) => runs.get(cell)!, 2)).toEqual([b, c]);
});

it.each([
  ['cut-5s', 5_000],
  ['cut-backward-60s', 60_000],
  ['cancel', 0],
  ['freeze-temporal', 0],
] as const)('%s cuts for %d ms', (fault, ms) => {
  expect(cutMs(fault)).toBe(ms);
});

describe('the page', () => {
  const run = (change: Partial<Observed>): Observed => ({
    phase: 'pre-copy',
    fault: 'cancel',
    atMs: 0,
    applies: true,
    hitAt: '',
    hit: true,
    outcome: 'cancelled',
    error: null,
    mostRunning: 1,
    load: 1,
    sent: [],
    stillS: 0.2,
    restarted: false,
    killedAt: null,
    owner: 'a/h1',
    copies: ['a/h1'],
    disksEqual: null,
    guest: { badBlocks: 0, diskErrors: 0, memoryErrors: 0 },
    streams: [],
    orphans: [],
    repaired: [],
    safeS: 3,
    ...change,
  });
  const page = (...all: Observed[]) => faultsPage(all, 'today', { cores: 2, node: 'v20' });

  it('says of every cell that was not measured that it was not', () => {
    expect(page().match(/not measured yet \|/g)).toHaveLength(cells.length);
  });

  it('shows the worst run of a cell, and how often it was hit', () => {
    const runs = [run({}), run({ mostRunning: 2 }), run({ hit: false })];
    expect(
      runsOf(
        cells.find((cell) => nameOf(cell) === 'pre-copy/cancel')!,
        runs,
      ),
    ).toBe(2);
    expect(page(...runs)).toContain('**failing** (2)');
    expect(page(...runs)).toContain(
      '`pre-copy/cancel`: cancelled, still 0 s, safe after 3 s; TWO COPIES RAN',
    );
    expect(countsOf(runs)).toMatch(
      /^0 green, 0 explained, 1 failing, 0 with nothing to hit, \d+ not measured/,
    );
  });

  it('says where there is nothing to hit', () => {
    expect(page(run({ applies: false }))).toContain('| - |');
  });
});
