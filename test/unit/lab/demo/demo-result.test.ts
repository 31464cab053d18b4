import { brokenPromises, DemoResult } from '../../../../lab/demo/demo-result.js';
import { renderDemoTable } from '../../../../lab/demo/report-table.js';
import { RESULT } from './fixture.js';

describe("the demo's result", () => {
  it('has exactly the keys that programs read', () => {
    expect(Object.keys(DemoResult.shape).sort()).toEqual(
      [
        'decidedByLoop',
        'decidedInCycle',
        'diskHashesEqual',
        'downtimeMs',
        'gapMs',
        'leftovers',
        'moves',
        'phaseMs',
        'ranks',
        'responseMs',
        'runningCopies',
        'sameConnection',
        'wanBytes',
      ].sort(),
    );
    expect(DemoResult.safeParse({ ...RESULT, more: 1 }).success).toBe(false);
  });

  it('survives JSON', () => {
    expect(DemoResult.parse(JSON.parse(JSON.stringify(RESULT)))).toEqual(RESULT);
  });

  it('breaks no promise when all is well', () => {
    expect(brokenPromises(RESULT)).toEqual([]);
    expect(renderDemoTable(RESULT)).toContain('All promises were kept.');
  });

  it.each<[string, Partial<DemoResult>, RegExp]>([
    ['somebody asked for the move', { decidedByLoop: false }, /own decision/],
    [
      'it moved elsewhere',
      { moves: RESULT.moves.map((m) => ({ ...m, to: 'us-central/h1' })) },
      /not to the site nearest/,
    ],
    ['the loop took its time', { decidedInCycle: 4 }, /cycle 4/],
    ['the connection broke', { sameConnection: false }, /connection/],
    ['the disks differ', { diskHashesEqual: false }, /disks/],
    ['two copies run', { runningCopies: 2 }, /2 copies/],
    ['no copy runs', { runningCopies: 0 }, /0 copies/],
    ['something is left', { leftovers: ['process 42'] }, /process 42/],
    ['nothing moved', { moves: [] }, /no desktop was moved/],
    [
      'no frame came after',
      { responseMs: { ...RESULT.responseMs, after: { median: null, p95: null, samples: 0 } } },
      /frames/,
    ],
  ])('names the broken promise when %s', (_case, change, expected) => {
    const broken = brokenPromises({ ...RESULT, ...change });
    expect(broken).toHaveLength(1);
    expect(broken[0]).toMatch(expected);
    expect(renderDemoTable({ ...RESULT, ...change })).toContain('Not kept:');
  });
});

describe('the final table', () => {
  it("shows the figures beside the paper's", () => {
    const table = renderDemoTable(RESULT);
    expect(table).toMatch(/response time before +median 115\.2 ms, p95 118\.4 ms \(1040 frames\) +300 ms/);
    expect(table).toMatch(/response time after +median 33\.1 ms/);
    expect(table).toMatch(/downtime \(hypervisor\) +410 ms +2\.48 s/);
    expect(table).toContain('180 MB disk + 210 MB memory = 390 MB');
    expect(table).toMatch(/phase memory +33\.8 s/);
    expect(table).toMatch(/rank of video +0\.86/);
    expect(table).toContain('us-west/h1 -> us-east/h1, decided by the loop: moved');
  });

  it('marks the check that failed', () => {
    const table = renderDemoTable({ ...RESULT, sameConnection: false });
    expect(table).toMatch(/FAIL +the same TCP connection/);
    expect(table).toMatch(/ok +disks equal/);
  });
});
