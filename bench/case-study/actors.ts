// The case study's desktops as their hosts' samplers see them: who watches, who writes, who has stopped. Hosts are fakes, and so is what a guest sends:
// a session of the pull kind, which waits a round trip and then its own time for each update.
import { REFERENCE_RTTS_MS, type TrafficWindow } from '../../domain/fingerprint/model.js';

export type Activity = 'video' | 'streaming' | 'text' | 'idle';

/** Round trips of the one user that all thin clients stand for (Massachusetts), ms. */
export const RTT_MS: Readonly<Record<string, number>> = { 'us-west': 100, 'us-east': 15 };
/** What the desktop itself takes for an update. */
const THINK_MS = 26;
/** A fast typist's keystrokes. */
const KEYS_PER_SECOND = 3;
const USER = { address: '203.0.113.2', port: 40_000 };

/** From a refresh request to its answer, as the paper's client measures it; a text editor is asked at its own pace, which hides the distance. */
export function responseMs(activity: Activity, site: string): number | null {
  const rtt = RTT_MS[site];
  if (rtt === undefined || activity === 'idle') return null;
  // The answer to a request comes when there is something new to show: at the next keystroke.
  return activity === 'text' ? Math.max(rtt + THINK_MS, 1000 / KEYS_PER_SECOND) : rtt + THINK_MS;
}

/** What the sampler says of a desktop that does this, at that site, now. */
export function windowOf(desktop: string, activity: Activity, site: string): TrafficWindow {
  const endMs = Date.now();
  const rttMs = RTT_MS[site] ?? 100;
  const plays = activity === 'video' || activity === 'streaming';
  const flow = {
    protocol: 'tcp' as const,
    desktopPort: 5901,
    peerAddress: USER.address,
    peerPort: USER.port,
  };
  const rate = (ms: number) => (plays ? 1000 / (ms + THINK_MS) : activity === 'text' ? KEYS_PER_SECOND : 0);
  const frames = Math.round(5 * rate(rttMs));
  const none = { bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0 };
  const screen = {
    bytesIn: 60 * frames,
    packetsIn: frames,
    bytesOut: 9_000 * frames,
    packetsOut: 7 * frames,
  };
  return {
    desktop,
    startMs: endMs - 5_000,
    endMs,
    flows: activity === 'idle' ? [] : [{ ...flow, ...screen }],
    rest: { ...none, flows: 0 },
    user: USER,
    rttMs,
    remoteDesktop: { ...flow, foundBy: 'port' },
    ...(activity === 'idle'
      ? {}
      : {
          cycles: {
            flow,
            takenAtMs: endMs,
            sampleMs: 5_000,
            mode: 'pull',
            frames,
            framesPerSecond: rate(rttMs),
            bytesPerFrame: plays ? 9_000 : 900,
            outstanding: 1,
            thinkMs: plays ? THINK_MS : 1000 / KEYS_PER_SECOND,
            burstMs: 1,
            turnaroundMs: rttMs + THINK_MS,
            distanceLimitedShare: plays ? 1 : 0,
            inputsPerSecond: plays ? 0 : 0.2,
            retransmissions: 0,
            rttMs,
            rttFrom: 'timestamps',
            contentKnown: true,
            predicted: {
              framesPerSecond: REFERENCE_RTTS_MS.map(rate),
              visibleFps: REFERENCE_RTTS_MS.map(rate),
              responseMs: REFERENCE_RTTS_MS.map((ms) => ms + THINK_MS),
            },
            doubt: null,
            lowerBound: false,
          },
        }),
  };
}
