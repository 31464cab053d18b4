import fc from 'fast-check';
import {
  Fingerprint,
  FingerprintState,
  TrafficWindow,
  type FlowCounters,
} from '../../../../domain/fingerprint/model.js';
import { gainOfMove, predictAtRtt } from '../../../../domain/fingerprint/session/prediction.js';
import { updateFingerprint } from '../../../../domain/fingerprint/rank/rank.js';
import { summariseFlow } from '../../../../domain/fingerprint/session/summary.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import { play, type SessionSpec } from './synthetic-session.js';

const policy = FingerprintPolicy.parse({});
const paper = FingerprintPolicy.parse({ mode: 'paper' });
const FILM_MS = 1000 / 24;
const TYPING_MS = [110, 320, 150, 240, 180, 290, 130, 210, 340, 170];
const PAGES_MS = [2100, 60, 3200, 45, 2600, 70];
const rest = { flows: 0, bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0 };

/** The window that dom0 would report of a session, the `n`th of 30 s each. */
function windowOf(spec: SessionSpec, n = 0, others: FlowCounters[] = []): TrafficWindow {
  const { flow } = play(spec);
  const endMs = (n + 1) * 30_000;
  const cycles = summariseFlow(flow, { takenAtMs: endMs - 2_000, assumedFps: policy.assumedContentFps });
  const { bytesIn, packetsIn, bytesOut, packetsOut } = flow;
  const scale = 30_000 / flow.activeMs;
  const counters = {
    ...flow.key,
    bytesIn: Math.round(bytesIn * scale),
    packetsIn: Math.round(packetsIn * scale),
    bytesOut: Math.round(bytesOut * scale),
    packetsOut: Math.round(packetsOut * scale),
  };
  return {
    desktop: 'd1',
    startMs: n * 30_000,
    endMs,
    flows: [counters, ...others],
    rest,
    remoteDesktop: { ...flow.key, foundBy: 'port' },
    user: { address: flow.key.peerAddress, port: flow.key.peerPort },
    rttMs: cycles.rttMs,
    cycles,
  };
}
const rankOf = (spec: SessionSpec, p = policy) => updateFingerprint(undefined, windowOf(spec), p).fingerprint;

const workloads: Record<string, Omit<SessionSpec, 'rttMs'>> = {
  film: { changeEveryMs: FILM_MS },
  game: { changeEveryMs: 33, packetsPerFrame: 12, workMs: 8, inputsPerSecond: 8 },
  typing: { changeEveryMs: TYPING_MS, packetsPerFrame: 1, inputsPerSecond: 4.5 },
  pages: { changeEveryMs: PAGES_MS, packetsPerFrame: 12, seconds: 20 },
  clock: { changeEveryMs: 1000, packetsPerFrame: 1 },
};
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

  it('smooths the rank and does not use one sample twice', () => {
    const film = windowOf({ changeEveryMs: FILM_MS, rttMs: 20 });
    const first = updateFingerprint(undefined, film, policy);
    const typing = windowOf({ ...workloads['typing']!, rttMs: 20 }, 1);
    const second = updateFingerprint(first.state, typing, policy);
    const again = updateFingerprint(second.state, { ...typing, startMs: 60_000, endMs: 90_000 }, policy);
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

describe('updateFingerprint, the paper’s rank', () => {
  const video: FlowCounters = {
    protocol: 'tcp',
    desktopPort: 50_000,
    peerAddress: '192.0.2.80',
    peerPort: 1935,
    bytesIn: 1_908_000,
    packetsIn: 1500,
    bytesOut: 55_500,
    packetsOut: 700,
  };
  const rank = (spec: SessionSpec, others: FlowCounters[] = [], p = paper) =>
    updateFingerprint(undefined, windowOf(spec, 0, others), p).fingerprint;

  it('ranks streaming and local video above pages, typing and a clock', () => {
    const film = { changeEveryMs: FILM_MS, rttMs: 20 };
    const high = [rank(film, [video]).rank, rank(film).rank];
    const low = ['pages', 'typing', 'clock'].map((w) => rank({ ...workloads[w]!, rttMs: 20 }).rank);
    expect(Math.min(...high)).toBeGreaterThan(0.6);
    expect(high[0]).toBeGreaterThan(high[1]!);
    expect(Math.max(...low)).toBeLessThan(0.3);
  });

  it('counts ports and traffic that are location-sensitive beside the remote desktop', () => {
    const other = { ...video, peerPort: 8081, peerAddress: '192.0.2.81', desktopPort: 50_001 };
    const { paper: m } = rank({ changeEveryMs: FILM_MS, rttMs: 20 }, [video, other]);
    expect(m).toMatchObject({ activePorts: 2, sensitivePorts: 1, ports: 0.5, bandwidth: 1 });
    expect(m.traffic).toBeGreaterThan(0.2);
    expect(m.traffic).toBeLessThan(0.5);
  });

  it('counts servers of the operator’s list whatever their port', () => {
    const web = { ...video, peerPort: 443 };
    const listed = FingerprintPolicy.parse({ mode: 'paper', sensitiveServers: ['192.0.2.0/24'] });
    const spec = { changeEveryMs: 1000, rttMs: 20 };
    expect(rank(spec, [web]).paper.sensitivePorts).toBe(0);
    expect(rank(spec, [web], listed).paper).toMatchObject({ sensitivePorts: 1, ports: 1 });
  });

  it('counts a server that the list names by the addresses that its host resolved, whatever its port', () => {
    const web = { ...video, peerPort: 443 };
    const listed = FingerprintPolicy.parse({ mode: 'paper', sensitiveServers: ['cdn.example.com'] });
    const window = windowOf({ changeEveryMs: 1000, rttMs: 20 }, 0, [web]);
    const resolved = (name: string, address: string) =>
      updateFingerprint(undefined, { ...window, resolvedServers: [{ name, address }] }, listed).fingerprint;
    const named = resolved('cdn.example.com', web.peerAddress);
    expect(named.paper).toMatchObject({ sensitivePorts: 1, ports: 1 });
    expect(named.paper.traffic).toBeGreaterThan(0.9);
    expect(named.reasons).toContain('location-sensitive by name: cdn.example.com (192.0.2.80)');
    for (const other of [
      resolved('cdn.example.com', '192.0.2.99'),
      resolved('no-longer-listed.example.com', web.peerAddress),
      updateFingerprint(undefined, window, listed).fingerprint,
    ])
      expect(other.paper).toMatchObject({ sensitivePorts: 0, traffic: 0 });
  });

  it('ranks as before, and says so, where a name of the list does not resolve', () => {
    const p = FingerprintPolicy.parse({ sensitiveServers: ['gone.example.com'] });
    const window = windowOf({ changeEveryMs: FILM_MS, rttMs: 20 });
    const before = updateFingerprint(undefined, window, p).fingerprint;
    const { fingerprint } = updateFingerprint(
      undefined,
      { ...window, unresolvedServers: ['gone.example.com'] },
      p,
    );
    const said = fingerprint.reasons.filter((r) => r.includes('gone.example.com'));
    expect(said).toEqual([expect.stringContaining('no address is known')]);
    expect({ ...fingerprint, reasons: [] }).toEqual({ ...before, reasons: [] });
  });

  it('stays at 0 for a window without time or traffic', () => {
    const empty: TrafficWindow = {
      desktop: 'd1',
      startMs: 5,
      endMs: 5,
      flows: [],
      rest,
      remoteDesktop: null,
      user: null,
      rttMs: null,
    };
    expect(updateFingerprint(undefined, empty, paper).fingerprint.rank).toBe(0);
  });
});

describe('what passes through Temporal', () => {
  const count = fc.nat(2 ** 40);
  const flow = fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    desktopPort: fc.integer({ min: 1, max: 65_535 }),
    peerAddress: fc.constantFrom('198.51.100.2', '2001:db8::1'),
    peerPort: fc.integer({ min: 1, max: 65_535 }),
    bytesIn: count,
    packetsIn: count,
    bytesOut: count,
    packetsOut: count,
  });
  const samples = [1, 100].map((rttMs) => windowOf({ changeEveryMs: FILM_MS, rttMs }).cycles!);
  const windows = fc.record(
    {
      desktop: fc.constant('d1'),
      startMs: fc.nat(10_000),
      endMs: fc.nat(1_000_000),
      flows: fc.array(flow, { maxLength: 6 }),
      rest: fc.constant(rest),
      remoteDesktop: fc.constant(null),
      user: fc.constantFrom(null, { address: '1.2.3.4', port: 9 }, { address: '::1', port: 9 }),
      rttMs: fc.constantFrom(null, 0, 55),
      cycles: fc.constantFrom(...samples),
    },
    { requiredKeys: ['desktop', 'startMs', 'endMs', 'flows', 'rest', 'remoteDesktop', 'user', 'rttMs'] },
  );

  it('is valid and never NaN for any sequence of windows, in both modes', () => {
    fc.assert(
      fc.property(fc.array(windows, { maxLength: 8 }), fc.constantFrom(policy, paper), (list, p) => {
        let state: FingerprintState | undefined;
        for (const window of list) {
          const updated = updateFingerprint(state, window, p);
          // Exactly what Temporal's JSON does to it.
          state = FingerprintState.parse(JSON.parse(JSON.stringify(updated.state)));
          expect(
            Fingerprint.safeParse(JSON.parse(JSON.stringify(updated.fingerprint))).error,
          ).toBeUndefined();
        }
      }),
      { numRuns: 300 },
    );
  });

  it('stays below 100 kB for the windows, and for the states, of 50 busy desktops', () => {
    const busy = Array.from({ length: 50 }, (_, i) => {
      const window = windowOf({ changeEveryMs: FILM_MS, rttMs: 100 });
      const flows = Array.from({ length: 6 }, (_unused, n) => ({
        ...window.flows[0]!,
        desktopPort: 50_000 + n,
        bytesIn: 123_456_789,
        bytesOut: 987_654_321,
      }));
      return TrafficWindow.parse({ ...window, desktop: `desktop-${i}-of-a-long-name`, flows });
    });
    const states = busy.map((w) => updateFingerprint(undefined, w, policy).state);
    expect(JSON.stringify(busy).length).toBeLessThan(100_000);
    expect(JSON.stringify(states).length).toBeLessThan(100_000);
  });
});
