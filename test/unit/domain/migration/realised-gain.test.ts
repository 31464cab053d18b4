import {
  awaitGain,
  isUnhelped,
  judge,
  measureGain,
  type MoveGain,
  type Seen,
  type Unhelped,
} from '../../../../domain/migration/realised-gain.js';
import { DesktopId, HostRef } from '../../../../domain/model/ids.js';

const host = (site: string) => HostRef.parse({ site, host: 'h1' });
const END_MS = 1_000_000;
const LATER_MS = END_MS + 60_000;
const felt = (rttMs: number, responseMs: number | null = null) => ({ rttMs, responseMs });
const MOVE = {
  desktop: DesktopId.parse('d1'),
  from: host('a'),
  to: host('b'),
  endedAtMs: END_MS,
  before: felt(100, 130),
  predicted: felt(20, 50),
};
const waiting = (more: Partial<MoveGain> = {}): MoveGain => ({
  ...MOVE,
  realised: null,
  verdict: 'waiting',
  ...more,
});
const seen = (rttMs: number, responseMs: number | null, more: Partial<Seen> = {}): Seen => ({
  host: host('b'),
  rtt: { ms: rttMs, atMs: LATER_MS },
  session: { responseMs, atMs: LATER_MS },
  ...more,
});
const verdictOf = (gain: MoveGain, what: Seen | null, nowMs = LATER_MS) =>
  measureGain(gain, what, nowMs).verdict;

describe('a gain', () => {
  it.each<[string, number, string]>([
    ['as predicted', 50, 'helped'],
    ['better than predicted', 20, 'helped'],
    ['half of what was predicted', 90, 'helped'],
    ['far under it', 95, 'fell-short'],
    ['none', 130, 'fell-short'],
    ['a loss', 200, 'fell-short'],
  ])('%s is judged by the response where that is known', (_, responseMs, verdict) => {
    expect(measureGain(waiting(), seen(20, responseMs), LATER_MS)).toMatchObject({
      realised: { rttMs: 20, responseMs },
      verdict,
    });
  });

  it('is judged by the round trip where no response was predicted', () => {
    const blind = waiting({ before: felt(100), predicted: felt(20) });
    expect(verdictOf(blind, seen(25, null))).toBe('helped');
    expect(verdictOf(blind, seen(90, 40))).toBe('fell-short');
  });

  it.each<[string, Seen | null]>([
    ['nothing is seen of the desktop', null],
    ['nobody works there', seen(20, 50, { session: null })],
    ['the sample is of before the move', seen(20, 50, { session: { responseMs: 50, atMs: END_MS - 1 } })],
    [
      'the sample is of its first seconds',
      seen(20, 50, { session: { responseMs: 50, atMs: END_MS + 9_999 } }),
    ],
    ['the round trip is of before', seen(20, 50, { rtt: { ms: 20, atMs: END_MS } })],
    ['no round trip is known', seen(20, 50, { rtt: null })],
    ['the sample is too small to tell a response', seen(20, null)],
  ])('waits while %s', (_, what) => {
    expect(measureGain(waiting(), what, LATER_MS)).toEqual(waiting());
  });

  it('is given up after a day, or when the desktop is elsewhere, or moved again', () => {
    expect(verdictOf(waiting(), null, END_MS + 86_400_001)).toBe('not-compared');
    expect(verdictOf(waiting(), seen(20, 50, { host: host('c') }))).toBe('not-compared');
    expect(awaitGain([waiting()], { ...MOVE, endedAtMs: LATER_MS }).map((g) => g.verdict)).toEqual([
      'waiting',
      'not-compared',
    ]);
  });

  it('that was never wanted is not judged: the desktop made room for another', () => {
    const evicted = waiting({ before: felt(20, 50), predicted: felt(60, 90) });
    expect(verdictOf(evicted, seen(60, 90))).toBe('not-compared');
    const small = waiting({ before: felt(20, 50), predicted: felt(15, 41) });
    expect(verdictOf(small, seen(20, 90))).toBe('not-compared');
  });

  it('is not judged twice', () => {
    const done = measureGain(waiting(), seen(20, 130), LATER_MS);
    expect(measureGain(done, seen(20, 50), LATER_MS)).toBe(done);
  });

  it('is one of a hundred that are kept', () => {
    let gains: MoveGain[] = [];
    for (let k = 0; k < 150; k++)
      gains = awaitGain(gains, { ...MOVE, desktop: DesktopId.parse(`d${String(k)}`) });
    expect(gains).toHaveLength(100);
    expect(gains[0]?.desktop).toBe('d149');
  });
});

describe('a desktop whose moves do not help', () => {
  const short = measureGain(waiting(), seen(20, 125), LATER_MS);
  const fine = measureGain(waiting(), seen(20, 50), LATER_MS);
  const after = (user: string, ...gains: MoveGain[]) =>
    gains.reduce<Map<string, Unhelped>>((known, gain) => judge(known, gain, user), new Map()).get('d1');

  it('is left alone after two in a row, with words', () => {
    expect(isUnhelped(after('u', short), 'u', host('b'))).toBe(false);
    const known = after('u', short, short);
    expect(isUnhelped(known, 'u', host('b'))).toBe(true);
    expect(known?.words).toBe('response 80 ms shorter was predicted of the last one, it became 5 ms shorter');
  });

  it('is moved again when one helped in between, its user is at another address, or it is elsewhere', () => {
    expect(after('u', short, fine)).toBeUndefined();
    expect(isUnhelped(after('u', short, fine, short), 'u', host('b'))).toBe(false);
    const known = after('u', short, short);
    expect(isUnhelped(known, 'v', host('b'))).toBe(false);
    expect(isUnhelped(known, 'u', host('c'))).toBe(false);
    expect(isUnhelped(known, null, host('b'))).toBe(true);
  });

  it('does not count what another user felt', () => {
    const known = judge(judge(new Map(), short, 'u'), short, 'v').get('d1');
    expect(known).toMatchObject({ misses: 1, user: 'v' });
  });
});
