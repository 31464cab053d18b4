import { DesktopId } from '../../../../domain/model/ids.js';
import {
  hasSettled,
  MAX_RESTARTS,
  restartDecision,
  type RestartRecord,
} from '../../../../domain/model/restarts.js';

const d1 = DesktopId.parse('d1');
const HOUR = 3_600_000;
const NOW = 1_700_000_000_000;
const record = (...agoMs: number[]): RestartRecord => ({
  desktop: d1,
  atMs: agoMs.map((ago) => NOW - ago),
  givenUp: false,
});

describe('a desktop that should run and is down', () => {
  it('is started at once the first time, and that is written down', () => {
    expect(restartDecision(d1, null, NOW)).toEqual({ kind: 'start', record: record(0) });
  });

  it.each([
    [[5_000], 5_000],
    [[30_000, 5_000], 15_000],
    [[60_000, 40_000, 20_000], 20_000],
    [[100_000, 80_000, 60_000, 20_000], 60_000],
  ])('waits twice as long after each start (%j ms ago: %d ms more)', (ago, more) => {
    expect(restartDecision(d1, record(...ago), NOW)).toEqual({
      kind: 'wait',
      untilMs: NOW + more,
      restarts: ago.length,
    });
    expect(restartDecision(d1, record(...ago), NOW + more)).toMatchObject({
      kind: 'start',
      record: { atMs: [...record(...ago).atMs, NOW + more] },
    });
  });

  it('is given up after so many starts within an hour, for ever', () => {
    const many = record(...Array.from({ length: MAX_RESTARTS }, (_, i) => HOUR - 1 - i));
    const decision = restartDecision(d1, many, NOW);
    expect(decision).toEqual({ kind: 'give-up', record: { ...many, givenUp: true } });
    const known = { ...many, givenUp: true };
    expect(restartDecision(d1, known, NOW + 100 * HOUR)).toEqual({ kind: 'give-up', record: known });
    expect((restartDecision(d1, known, NOW) as { record: RestartRecord }).record).toBe(known);
  });

  it('is not held to what is older than an hour', () => {
    const old = record(...Array.from({ length: MAX_RESTARTS }, () => HOUR));
    expect(restartDecision(d1, old, NOW)).toEqual({ kind: 'start', record: record(0) });
  });

  it('does not wait for a time that a clock set back has put into the future', () => {
    const future = { ...record(), atMs: [NOW + 5 * HOUR] };
    expect(restartDecision(d1, future, NOW)).toEqual({ kind: 'wait', untilMs: NOW + 10_000, restarts: 1 });
  });
});

it('a desktop has settled when its last start is an hour ago', () => {
  expect(hasSettled(record(2 * HOUR, HOUR), NOW)).toBe(true);
  expect(hasSettled(record(2 * HOUR, HOUR - 1), NOW)).toBe(false);
});
