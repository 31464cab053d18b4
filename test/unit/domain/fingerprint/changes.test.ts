// A rank follows what the user does: at most two cycles after a change of it, and never a backup after the user has gone.
import { updateFingerprint } from '../../../../domain/fingerprint/rank/rank.js';
import { flowId } from '../../../../domain/fingerprint/capture/flow-table.js';
import type { FingerprintState, FlowCounters, TrafficWindow } from '../../../../domain/fingerprint/model.js';
import { trafficWindow } from '../../../../domain/fingerprint/session/traffic-window.js';
import { policy, rest, windowOf, workloads } from './windows.js';

const RTT_MS = 40;
const CYCLE_MS = 30_000;
/** What the desktop does in one cycle; `null`: nothing at all. */
type Doing = string | null;

const silent = (n: number): TrafficWindow => ({
  ...{ desktop: 'd1', startMs: n * CYCLE_MS, endMs: (n + 1) * CYCLE_MS, flows: [], rest },
  ...{ remoteDesktop: null, user: null, rttMs: null },
});
const cycle = (doing: Doing, n: number): TrafficWindow =>
  doing === null ? silent(n) : windowOf({ ...workloads[doing]!, rttMs: RTT_MS }, n);

/** The cycle in which it changes: half of each counted, and the last look was taken before. */
function changing(from: Doing, to: Doing, n: number): TrafficWindow {
  const [a, b] = [cycle(from, n), cycle(to, n)];
  const half = (w: TrafficWindow, key: 'bytesIn' | 'packetsIn' | 'bytesOut' | 'packetsOut') =>
    Math.round((w.flows[0]?.[key] ?? 0) / 2);
  const sum = (key: Parameters<typeof half>[1]) => half(a, key) + half(b, key);
  const known = a.remoteDesktop === null ? b : a;
  return {
    ...known,
    flows: known.flows.map((f) => ({
      ...f,
      ...{ bytesIn: sum('bytesIn'), packetsIn: sum('packetsIn') },
      ...{ bytesOut: sum('bytesOut'), packetsOut: sum('packetsOut') },
    })),
    cycles: a.cycles,
  };
}

function follow(windows: readonly TrafficWindow[]): number[] {
  let state: FingerprintState | undefined;
  return windows.map((window) => {
    const updated = updateFingerprint(state, window, policy);
    state = updated.state;
    return updated.fingerprint.rank;
  });
}

const doings: readonly Doing[] = [...Object.keys(workloads), null];
const pairs = doings.flatMap((from) => doings.filter((to) => to !== from).map((to) => [from, to] as const));

describe('a change of what the user does', () => {
  it.each(pairs)('from %s to %s is in the rank two cycles later at most', (from, to) => {
    const windows = [0, 1, 2].map((n) => cycle(from, n));
    const ranks = follow([...windows, changing(from, to, 3), cycle(to, 4)]);
    const [own] = follow([cycle(to, 0)]);
    expect(ranks.at(-1)).toBeCloseTo(own!, 1);
  });

  it('is not taken from a burst that the counters do not bear out', () => {
    const film = cycle('film', 3);
    const burst = { ...film, flows: cycle('typing', 3).flows };
    const ranks = follow([...[0, 1, 2].map((n) => cycle('typing', n)), burst]);
    expect(ranks.at(-1)).toBeGreaterThan(0.4);
    expect(ranks.at(-1)).toBeLessThan(0.6);
  });
});

describe('a user who has gone', () => {
  const backup: FlowCounters = {
    ...{ protocol: 'tcp', desktopPort: 9_102, peerAddress: '10.9.9.9', peerPort: 40_000 },
    ...{ bytesIn: 60_000, packetsIn: 900, bytesOut: 30_000_000, packetsOut: 21_000 },
  };
  const session = cycle('film', 0);
  const after = (n: number, ruledOut: ReadonlySet<string> | undefined) =>
    trafficWindow({
      desktop: 'd1',
      startMs: n * CYCLE_MS,
      endMs: (n + 1) * CYCLE_MS,
      flows: [backup],
      sample: { cycles: session.cycles!, foundBy: 'port' },
      ruledOut,
      remoteDesktopPorts: policy.remoteDesktopPorts,
      relayPorts: policy.relayPorts,
      presentPeer: undefined,
    });

  it.each([
    ['before its headers are seen', new Set<string>()],
    ['once its headers have shown no screen', new Set([flowId(backup)])],
  ])('is not replaced by a backup that begins, %s', (_, ruledOut) => {
    let { state } = updateFingerprint(undefined, session, policy);
    for (const n of [1, 2]) {
      const updated = updateFingerprint(state, after(n, ruledOut), policy);
      const { fingerprint } = updated;
      state = updated.state;
      expect(fingerprint).toMatchObject({ rank: 0, remoteDesktop: null, user: session.user });
      expect(fingerprint.rankPaper).toBeLessThan(0.4);
    }
  });

  it('leaves the counters to tell a screen where headers are never seen', () => {
    expect(after(1, undefined).remoteDesktop?.foundBy).toBe('behaviour');
  });
});
