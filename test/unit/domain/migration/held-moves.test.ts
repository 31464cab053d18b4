import {
  describeHeld,
  heldBack,
  holdAfter,
  stillOfUse,
  withoutMoved,
  type FailedMove,
  type Hold,
} from '../../../../domain/migration/held-moves.js';
import { BLAMES, type Blame } from '../../../../domain/migration/blame.js';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';

const host = (site: string) => HostRef.parse({ site, host: 'h1' });
const terms = { retryAfterMs: 10, retryAtMostMs: 100 };
const move = (desktop: string, from: string, to: string) => ({
  desktop: DesktopId.parse(desktop),
  from: host(from),
  to: host(to),
});
const failed = (blame: Blame, more: Partial<FailedMove> = {}): FailedMove => ({
  ...move('d1', 'a', 'b'),
  blame,
  code: 'DISK_COPY',
  message: 'broke',
  startedAtMs: 0,
  situation: 'as it is',
  ...more,
});
const none: ReadonlyMap<string, Hold> = new Map();
const only = (holds: ReadonlyMap<string, Hold>) => [...holds.values()][0]!;

/** Fail again and again, each time when the hold has ended. */
function failTimes(n: number, more: (k: number) => Partial<FailedMove> = () => ({})) {
  let holds = none;
  let nowMs = 1_000;
  const delays: number[] = [];
  for (let k = 0; k < n; k++) {
    holds = holdAfter(holds, failed('move', { startedAtMs: nowMs, ...more(k) }), terms, nowMs);
    const { untilMs } = only(holds);
    delays.push(untilMs - nowMs);
    nowMs = untilMs;
  }
  return { holds, nowMs, delays };
}

describe('a move that fails again and again', () => {
  it('is held back twice as long each time, up to the bound', () => {
    expect(failTimes(7).delays).toEqual([10, 20, 40, 80, 100, 100, 100]);
    expect(failTimes(2_000).delays.at(-1)).toBe(100);
  });

  it('begins anew with another reason, or where its situation had changed', () => {
    expect(failTimes(4, (k) => ({ code: k < 2 ? 'DISK_COPY' : 'NO_CAPACITY' })).delays).toEqual([
      10, 20, 10, 20,
    ]);
    expect(failTimes(3, (k) => ({ situation: k < 2 ? 'one' : 'other' })).delays).toEqual([10, 20, 10]);
    expect(failTimes(3, (k) => ({ situation: k === 1 ? null : 'one' })).delays).toEqual([10, 20, 40]);
  });

  it('counts once what was begun before the last failure: hosts fail all their moves at the same time', () => {
    const first = holdAfter(none, failed('target', { startedAtMs: 5 }), terms, 10);
    const second = holdAfter(first, failed('target', { ...move('d2', 'c', 'b'), startedAtMs: 6 }), terms, 11);
    expect(only(second)).toEqual(only(first));
    const later = holdAfter(second, failed('target', { startedAtMs: 20 }), terms, 25);
    expect(only(later)).toMatchObject({ failures: 2, untilMs: 45 });
    const atOnce = holdAfter(first, failed('target', { startedAtMs: 10 }), terms, 11);
    expect(only(atOnce)).toMatchObject({ failures: 2 });
  });

  it('is the newest hold again, so that others are forgotten before it', () => {
    const one = holdAfter(none, failed('move'), terms, 0);
    const two = holdAfter(one, failed('move', move('d2', 'a', 'b')), terms, 1);
    const again = holdAfter(two, failed('move', { startedAtMs: 2 }), terms, 2);
    expect([...again.values()].map((hold) => hold.desktop)).toEqual(['d2', 'd1']);
  });

  it('keeps a reason of bounded length, and no more than a thousand holds, the newest', () => {
    let holds = none;
    for (let k = 0; k < 1_100; k++)
      holds = holdAfter(
        holds,
        failed('move', { ...move(`d${String(k)}`, 'a', 'b'), message: 'x'.repeat(9_999) }),
        terms,
        k,
      );
    expect(holds.size).toBe(1_000);
    expect([...holds.values()].at(-1)).toMatchObject({ desktop: 'd1099', reason: 'x'.repeat(240) });
    expect(JSON.stringify([...holds]).length).toBeLessThan(700_000);
  });
});

describe('a hold', () => {
  const others = {
    'another desktop on the same way': move('d2', 'a', 'b'),
    'the desktop elsewhere': move('d1', 'a', 'c'),
    'another desktop, elsewhere, from there': move('d2', 'a', 'c'),
    'another desktop, to there, from elsewhere': move('d2', 'c', 'b'),
    'something else': move('d2', 'c', 'd'),
  };
  it.each<[Blame, string[]]>([
    ['move', []],
    ['desktop', ['the desktop elsewhere']],
    ['hosts', ['another desktop on the same way']],
    ['target', ['another desktop on the same way', 'another desktop, to there, from elsewhere']],
    [
      'source',
      ['another desktop on the same way', 'the desktop elsewhere', 'another desktop, elsewhere, from there'],
    ],
  ])('for which %s is to blame keeps back what would fail too, and nothing else', (blame, expected) => {
    const holds = holdAfter(none, failed(blame), terms, 0);
    expect(heldBack(holds, move('d1', 'a', 'b'), [], 9)).toBe(only(holds));
    const kept = Object.entries(others).filter(([, m]) => heldBack(holds, m, [], 9) !== null);
    expect(kept.map(([name]) => name)).toEqual(expected);
    expect(describeHeld(only(holds))).toMatch(/d1|a\/h1|b\/h1/);
  });

  it('lets one move try when it has ended, and the others wait for what comes of it', () => {
    const holds = holdAfter(none, failed('target'), terms, 0);
    const next = move('d2', 'c', 'b');
    expect(heldBack(holds, next, [], 10)).toBeNull();
    expect(heldBack(holds, next, [move('d3', 'c', 'b')], 10)).toBe(only(holds));
    expect(heldBack(holds, next, [move('d3', 'c', 'd')], 10)).toBeNull();
  });

  it('gives the longest of several', () => {
    const one = holdAfter(none, failed('hosts'), terms, 0);
    const two = holdAfter(one, failed('move', { code: 'NO_CAPACITY' }), terms, 5);
    expect(heldBack(two, move('d1', 'a', 'b'), [], 6)?.code).toBe('NO_CAPACITY');
    const first = holdAfter(none, failed('move'), terms, 0);
    const longer = holdAfter(first, failed('hosts', { code: 'NO_CAPACITY' }), terms, 5);
    expect(heldBack(longer, move('d1', 'a', 'b'), [], 6)?.code).toBe('NO_CAPACITY');
  });

  it.each(BLAMES)('for which %s is to blame ends with a move that works', (blame) => {
    const holds = holdAfter(none, failed(blame), terms, 0);
    expect(withoutMoved(holds, move('d1', 'a', 'b')).size).toBe(0);
    expect(withoutMoved(holds, move('d9', 'x', 'y')).size).toBe(1);
  });

  it.each<[Blame, string[]]>([
    ['move', ['the desktop elsewhere']],
    ['desktop', ['the desktop elsewhere']],
    ['hosts', ['another desktop on the same way']],
    ['target', ['another desktop on the same way', 'another desktop, to there, from elsewhere']],
    [
      'source',
      ['another desktop on the same way', 'the desktop elsewhere', 'another desktop, elsewhere, from there'],
    ],
  ])('for which %s is to blame ends with what shows that it is not, and nothing else', (blame, expected) => {
    const holds = holdAfter(none, failed(blame), terms, 0);
    const ended = Object.entries(others).filter(([, m]) => withoutMoved(holds, m).size === 0);
    expect(ended.map(([name]) => name)).toEqual(expected);
  });

  it('of a desktop ends when it was moved elsewhere, since it starts from another place', () => {
    expect(withoutMoved(holdAfter(none, failed('move'), terms, 0), move('d1', 'a', 'c')).size).toBe(0);
  });

  it('is let go when its situation has changed, not when nothing is known of it', () => {
    const holds = holdAfter(none, failed('move'), terms, 0);
    expect(stillOfUse(holds, () => 'as it is', terms, 5).size).toBe(1);
    expect(stillOfUse(holds, () => null, terms, 5).size).toBe(1);
    expect(stillOfUse(holds, () => 'changed', terms, 5).size).toBe(0);
  });

  it('is remembered for the bound after it has ended, so that the next failure counts on', () => {
    const holds = holdAfter(none, failed('move'), terms, 0);
    expect(stillOfUse(holds, () => null, terms, 110).size).toBe(1);
    expect(stillOfUse(holds, () => null, terms, 111).size).toBe(0);
  });
});
