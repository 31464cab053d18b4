// Windows of traffic as dom0 would report them of made-up sessions.
import type { FlowCounters, TrafficWindow } from '../../../../domain/fingerprint/model.js';
import { summariseFlow } from '../../../../domain/fingerprint/session/summary.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import { play, type SessionSpec } from './synthetic-session.js';

export const policy = FingerprintPolicy.parse({});
export const FILM_MS = 1000 / 24;
const TYPING_MS = [110, 320, 150, 240, 180, 290, 130, 210, 340, 170];
const PAGES_MS = [2100, 60, 3200, 45, 2600, 70];
export const rest = { flows: 0, bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0 };

/** The window that dom0 would report of a session, the `n`th of 30 s each. */
export function windowOf(spec: SessionSpec, n = 0, others: FlowCounters[] = []): TrafficWindow {
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

/** What people do at their desktops. */
export const workloads: Record<string, Omit<SessionSpec, 'rttMs'>> = {
  film: { changeEveryMs: FILM_MS },
  game: { changeEveryMs: 33, packetsPerFrame: 12, workMs: 8, inputsPerSecond: 8 },
  typing: { changeEveryMs: TYPING_MS, packetsPerFrame: 1, inputsPerSecond: 4.5 },
  pages: { changeEveryMs: PAGES_MS, packetsPerFrame: 12, seconds: 20 },
  clock: { changeEveryMs: 1000, packetsPerFrame: 1 },
};
