import {
  closedBy,
  emptiedFor,
  nextChangeMs,
  openAt,
  phaseOf,
  problemWith,
  sayWindow,
  windowKey,
  MaintenanceWindow,
} from '../../../../domain/maintenance/window.js';
import { HostRef } from '../../../../domain/model/ids.js';

const host = (site: string, id = 'h1') => HostRef.parse({ site, host: id });
const window = (more: object = {}) =>
  MaintenanceWindow.parse({ site: 'west', fromMs: 100, toMs: 200, leadFromMs: 50, drain: false, ...more });

describe('a maintenance window', () => {
  it.each([
    [0, 'planned'],
    [49, 'planned'],
    [50, 'closing'],
    [99, 'closing'],
    [100, 'open'],
    [199, 'open'],
    [200, 'over'],
  ])('at %s ms is %s', (nowMs, phase) => {
    expect(phaseOf(window(), nowMs)).toBe(phase);
  });

  it('without lead time is never closing', () => {
    expect([99, 100].map((ms) => phaseOf(window({ leadFromMs: 100 }), ms))).toEqual(['planned', 'open']);
  });

  it('closes its hosts from its lead time on, and holds what is there while it is open', () => {
    const of = [window({ host: 'h1' })];
    const at = (ms: number, id: string) => [
      closedBy(of, host('west', id), ms) !== undefined,
      openAt(of, host('west', id), ms) !== undefined,
    ];
    expect([0, 50, 100, 200].map((ms) => at(ms, 'h1'))).toEqual([
      [false, false],
      [true, false],
      [true, true],
      [false, false],
    ]);
    expect(at(100, 'h2')).toEqual([false, false]);
  });

  it('closes a whole site only where it is one of the site', () => {
    const site = { site: host('west').site };
    expect(closedBy([window({ host: 'h1' })], site, 150)).toBeUndefined();
    expect(closedBy([window()], site, 150)).toEqual(window());
  });

  it('that is open counts before another that is closing', () => {
    const [site, one] = [window({ fromMs: 160, toMs: 300, leadFromMs: 120 }), window({ host: 'h1' })];
    expect(openAt([site, one], host('west'), 150)).toBe(one);
    expect(closedBy([site, one], host('west', 'h2'), 150)).toBe(site);
    expect(openAt([site, one], host('west', 'h2'), 150)).toBeUndefined();
  });

  it('empties its place in its lead time alone, and only where that was asked for', () => {
    const drained = window({ drain: true });
    expect([0, 60, 150, 250].map((ms) => emptiedFor([drained, window({ site: 'east' })], ms))).toEqual([
      [],
      [drained],
      [],
      [],
    ]);
  });

  it('says when the loop has to look again', () => {
    const all = [window(), window({ site: 'east', fromMs: 120, leadFromMs: 30 })];
    expect([0, 30, 50, 110, 130, 200].map((ms) => nextChangeMs(all, ms))).toEqual([
      30,
      50,
      100,
      120,
      200,
      Infinity,
    ]);
    expect(nextChangeMs([], 0)).toBe(Infinity);
  });

  it.each([
    [{ toMs: 100 }, 0, /ends before it begins/],
    [{}, 200, /over already/],
    [{ fromMs: 190, toMs: 400, leadFromMs: 150 }, 0, /overlap another window of west/],
    [{ fromMs: 250, toMs: 400, leadFromMs: 199 }, 0, /overlap/],
    [{ fromMs: 250, toMs: 400, leadFromMs: 200 }, 0, null],
    [{ host: 'h1' }, 0, null],
  ])('%j at %s is refused: %s', (more, nowMs, problem) => {
    const found = problemWith(
      window(more),
      [window()].slice('toMs' in more && more.toMs === 100 ? 1 : 0),
      nowMs,
    );
    expect(found).toEqual(problem === null ? null : expect.stringMatching(problem));
  });

  it('has words and a name', () => {
    const inWords = (ms: number) => `${String(ms)} o'clock`;
    expect(sayWindow(window({ host: 'h1' }), 60, inWords)).toBe(
      "maintenance of west/h1 begins at 100 o'clock",
    );
    expect(sayWindow(window(), 150, inWords)).toBe("west is in maintenance until 200 o'clock");
    expect(windowKey(window())).toBe('west 100');
  });
});
