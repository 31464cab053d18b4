import type { TrafficWindow } from '../../../../domain/fingerprint/model.js';
import { gainOfMove, predictAtRtt } from '../../../../domain/fingerprint/session/prediction.js';
import { updateFingerprint } from '../../../../domain/fingerprint/rank/rank.js';
import type { SessionSpec } from './synthetic-session.js';
import { FILM_MS, policy, rest, windowOf, workloads } from './windows.js';

const rankOf = (spec: SessionSpec) => updateFingerprint(undefined, windowOf(spec), policy).fingerprint;
const seenAt = [1, 20, 100, 200];

describe('updateFingerprint, predicted gain', () => {
  it('ranks film and game above typing, pages and a clock, wherever each is measured', () => {
    const ranks = (names: string[]) =>
      names.flatMap((name) => seenAt.map((rttMs) => rankOf({ ...workloads[name]!, rttMs }).rank));
    expect(Math.min(...ranks(['film', 'game']))).toBeGreaterThan(0.6);
    expect(Math.max(...ranks(['typing', 'pages', 'clock']))).toBeLessThan(0.3);
  });

  it.each(Object.keys(workloads))(
    'keeps the rank of %s within 0.1 whatever the distance it is measured at',
    (name) => {
      const ranks = seenAt.map((rttMs) => rankOf({ ...workloads[name]!, rttMs }).rank);
      expect(Math.max(...ranks) - Math.min(...ranks)).toBeLessThanOrEqual(0.1);
    },
  );

  it('ranks a pushed film by its input only', () => {
    const push = { changeEveryMs: FILM_MS, mode: 'push' as const, rttMs: 100 };
    expect(rankOf(push).rank).toBeLessThan(0.1);
    expect(rankOf({ ...push, inputsPerSecond: 30 }).rank).toBeGreaterThan(0.5);
    expect(rankOf(push).reasons.join()).toContain('pushed');
    expect(rankOf(push).reasons.join()).toMatch(/wait for the [\d.]+ ms round trip/);
    const measured = windowOf(push);
    const unmeasured = { ...measured, rttMs: null, cycles: { ...measured.cycles!, rttMs: null } };
    const { reasons } = updateFingerprint(undefined, unmeasured, policy).fingerprint;
    expect(reasons.join()).toContain('wait for the unknown round trip');
  });

  it('predicts the gain of a move between two distances', () => {
    const print = rankOf({ changeEveryMs: FILM_MS, rttMs: 100 });
    const gain = gainOfMove(print, 100, 20)!;
    expect(gain.framesPerSecond).toBeGreaterThan(13);
    expect(gain.responseMs).toBeGreaterThan(50);
    expect(gainOfMove(print, 20, 100)!.framesPerSecond).toBe(-gain.framesPerSecond);
    expect(gainOfMove(print, 20, 20)).toEqual({ framesPerSecond: 0, responseMs: 0 });
  });

  it('falls back to the paper’s metrics until there is a header sample, and says so', () => {
    const window = { ...windowOf({ changeEveryMs: FILM_MS, rttMs: 20 }), cycles: undefined };
    const { fingerprint } = updateFingerprint(undefined, window, policy);
    expect(fingerprint).toMatchObject({ rankedBy: 'paper', gain: null, prediction: null });
    expect(fingerprint.rank).toBe(fingerprint.rankPaper);
    expect(fingerprint.reasons[0]).toContain('no header sample');
    expect(predictAtRtt(fingerprint, 20)).toBeNull();
    expect(gainOfMove(fingerprint, 100, 1)).toBeNull();
  });

  it('smooths the rank over short windows and does not use one sample twice', () => {
    const short = (w: TrafficWindow, n: number) => ({ ...w, startMs: 10_000 * n, endMs: 10_000 * (n + 1) });
    const sampled = (w: TrafficWindow, atMs: number) => ({ ...w, cycles: { ...w.cycles!, takenAtMs: atMs } });
    const film = windowOf({ changeEveryMs: FILM_MS, rttMs: 20 });
    const typing = windowOf({ ...workloads['typing']!, rttMs: 20 });
    const first = updateFingerprint(undefined, sampled(short(film, 0), 9_000), policy);
    const second = updateFingerprint(first.state, sampled(short(typing, 1), 19_000), policy);
    const again = updateFingerprint(second.state, sampled(short(typing, 2), 19_000), policy);
    expect(first.fingerprint.rank).toBe(1);
    expect(second.fingerprint.rank).toBeGreaterThan(0.5);
    expect(second.fingerprint.rank).toBeLessThan(0.6);
    expect(again.fingerprint.rank).toBe(second.fingerprint.rank);
  });

  it('lets the rank of a desktop that nobody looks at any more fade', () => {
    let { state, fingerprint } = updateFingerprint(
      undefined,
      windowOf({ changeEveryMs: FILM_MS, rttMs: 20 }),
      policy,
    );
    for (let n = 1; n < 5; n++)
      ({ state, fingerprint } = updateFingerprint(
        state,
        {
          desktop: 'd1',
          startMs: n * 30_000,
          endMs: (n + 1) * 30_000,
          flows: [],
          rest,
          remoteDesktop: null,
          user: null,
          rttMs: null,
        },
        policy,
      ));
    expect(fingerprint.rank).toBeLessThan(0.1);
    expect(fingerprint.reasons.join()).toContain('no remote-desktop flow');
  });

  describe('a session that begins', () => {
    const silent: TrafficWindow = {
      desktop: 'd1',
      startMs: 0,
      endMs: 30_000,
      flows: [],
      rest,
      remoteDesktop: null,
      user: null,
      rttMs: null,
    };
    const idle = updateFingerprint(undefined, silent, policy).state;
    const film = windowOf({ changeEveryMs: FILM_MS, rttMs: 100 }, 1);
    const begun: TrafficWindow = {
      ...film,
      startMs: 30_000,
      endMs: 45_000,
      cycles: { ...film.cycles!, takenAtMs: 44_000, predicted: null, doubt: 'beginning' },
    };

    it('is not averaged with the time in which nobody looked', () => {
      expect(updateFingerprint(idle, film, policy).fingerprint.rank).toBe(1);
    });

    it('is not ranked by its log-in and first screen, and says so', () => {
      const { fingerprint } = updateFingerprint(idle, begun, policy);
      expect(fingerprint).toMatchObject({ rank: 0, rankedBy: 'predicted-gain' });
      expect(fingerprint.rankPaper).toBeGreaterThan(0.3);
      expect(fingerprint.reasons.join()).toContain('has only begun');
      const { state } = updateFingerprint(idle, { ...begun, cycles: undefined }, policy);
      expect(updateFingerprint(state, { ...film, startMs: 45_000 }, policy).fingerprint.rank).toBe(1);
    });

    it('is ranked by the paper’s metrics when no sample of it comes', () => {
      const { state } = updateFingerprint(idle, begun, policy);
      const later = { ...begun, startMs: 45_000, endMs: 60_000, cycles: undefined };
      expect(updateFingerprint(state, later, policy).fingerprint.rankedBy).toBe('paper');
    });
  });

  describe('a sample that cannot tell work from waiting', () => {
    const film = windowOf({ changeEveryMs: FILM_MS, rttMs: 100 });
    const unsure = (n: number): TrafficWindow => {
      const window = windowOf({ changeEveryMs: FILM_MS, rttMs: 100 }, n);
      return { ...window, cycles: { ...window.cycles!, predicted: null, doubt: 'work-or-wait' } };
    };

    it('lets the paper’s rank stand in, and says why', () => {
      const { fingerprint } = updateFingerprint(undefined, unsure(0), policy);
      expect(fingerprint).toMatchObject({ rankedBy: 'paper', gain: null, prediction: null });
      expect(fingerprint.rank).toBe(fingerprint.rankPaper);
      expect(fingerprint.reasons[0]).toContain('cannot be told from this sample');
    });

    it('ranks by the least that it surely loses, and says so', () => {
      const bound = { ...film, cycles: { ...film.cycles!, lowerBound: true } };
      const { fingerprint, state } = updateFingerprint(undefined, bound, policy);
      expect(fingerprint).toMatchObject({ rankedBy: 'predicted-gain', rank: 1 });
      expect(fingerprint.reasons.join()).toContain('that is the least');
      // A later sample that can tell is believed; what it told holds against a bound that comes after.
      const told = updateFingerprint(state, windowOf({ changeEveryMs: FILM_MS, rttMs: 100 }, 1), policy);
      expect(told.fingerprint.reasons.join()).not.toContain('that is the least');
      const next = windowOf({ changeEveryMs: FILM_MS, rttMs: 100 }, 2);
      const after = updateFingerprint(
        told.state,
        { ...next, cycles: { ...next.cycles!, lowerBound: true } },
        policy,
      );
      expect(after.fingerprint.reasons.join()).not.toContain('that is the least');
    });

    it('changes nothing of what an earlier one told, as long as that is young', () => {
      const first = updateFingerprint(undefined, film, policy);
      const second = updateFingerprint(first.state, unsure(1), policy);
      expect(second.fingerprint).toMatchObject({ rank: 1, rankedBy: 'predicted-gain' });
      const late = updateFingerprint(first.state, unsure(9), policy);
      expect(late.fingerprint.rankedBy).toBe('paper');
    });
  });

  it('no longer ranks by a sample that is too old', () => {
    const film = windowOf({ changeEveryMs: FILM_MS, rttMs: 20 });
    const { state } = updateFingerprint(undefined, film, policy);
    const later = { ...film, startMs: 600_000, endMs: 630_000, cycles: undefined };
    expect(updateFingerprint(state, later, policy).fingerprint.rankedBy).toBe('paper');
  });

  it('follows a user that moves from WiFi to 3G within one cycle', () => {
    const wifi = windowOf({ changeEveryMs: FILM_MS, rttMs: 20 });
    const { state } = updateFingerprint(undefined, wifi, policy);
    const mobile = windowOf({ changeEveryMs: FILM_MS, rttMs: 150, user: '203.0.113.2' }, 1);
    const { fingerprint } = updateFingerprint(state, mobile, policy);
    expect(fingerprint.user?.address).toBe('203.0.113.2');
    expect(fingerprint.rttMs).toBeCloseTo(151, 0);
    expect(fingerprint.reasons).toContain('the user moved from 198.51.100.2 to 203.0.113.2');
    expect(fingerprint.rank).toBe(1);
  });

  it('lets the paper’s rank stand in where loss leaves too few cycles to predict from', () => {
    const { state } = updateFingerprint(undefined, windowOf({ changeEveryMs: FILM_MS, rttMs: 20 }), policy);
    const mobile = windowOf({ changeEveryMs: FILM_MS, rttMs: 150, user: '203.0.113.2' }, 1);
    const few = { ...mobile.cycles!, frames: 6, predicted: null };
    const rank = (retransmissions: number) =>
      updateFingerprint(state, { ...mobile, cycles: { ...few, retransmissions } }, policy).fingerprint;
    expect(rank(9)).toMatchObject({ rankedBy: 'paper', user: { address: '203.0.113.2' } });
    expect(rank(9).rttMs).toBeCloseTo(151, 0);
    expect(rank(9).rank).toBe(rank(9).rankPaper);
    expect(rank(9).rank).toBeGreaterThan(0.3);
    expect(rank(0).rankedBy).toBe('predicted-gain');
    expect(rank(0).rank).toBeLessThan(0.1);
  });

  it('starts anew for a user who comes from elsewhere to type where another one watched', () => {
    const { state } = updateFingerprint(undefined, windowOf({ changeEveryMs: FILM_MS, rttMs: 20 }), policy);
    const typing = windowOf({ ...workloads['typing']!, rttMs: 100, user: '203.0.113.2' }, 1);
    expect(updateFingerprint(state, typing, policy).fingerprint.rank).toBeLessThan(0.3);
  });

  it('remembers the film’s rate when distance hides it later', () => {
    const slow = { changeEveryMs: 1000 / 15, rttMs: 1 };
    const { state } = updateFingerprint(undefined, windowOf(slow), policy);
    const far = windowOf({ ...slow, rttMs: 150 }, 1);
    const knowing = updateFingerprint(state, far, policy).fingerprint;
    const naive = updateFingerprint(undefined, far, policy).fingerprint;
    expect(predictAtRtt(knowing, 1)!.framesPerSecond).toBeCloseTo(15, 0);
    expect(predictAtRtt(knowing, 1)!.responseMs).toBeCloseTo(1000 / 15, -1);
    expect(predictAtRtt(knowing, 150)!.responseMs).toBe(predictAtRtt(naive, 150)!.responseMs);
    expect(knowing.reasons.join()).not.toContain('a guess');
    expect(naive.reasons.join()).toContain('nearer than 151 ms is a guess');
    expect(predictAtRtt(naive, 1)!.framesPerSecond).toBeGreaterThan(20);
  });

  it('says when packets and control channel disagree about the distance', () => {
    const window = { ...windowOf({ changeEveryMs: FILM_MS, rttMs: 20 }), controlRttMs: 90 };
    expect(updateFingerprint(undefined, window, policy).fingerprint.reasons.join()).toContain(
      'they disagree',
    );
  });
});
