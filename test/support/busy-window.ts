// What a host's sampler says of a desktop that plays a video, for tests over fakes.
import type { TrafficWindow } from '../../domain/fingerprint/model.js';

/** Traffic of a desktop playing a video: all on the remote desktop's port, above the full bandwidth. */
export function busyWindow(desktop: string): TrafficWindow {
  const endMs = Date.now();
  const sums = { bytesIn: 20_000, packetsIn: 200, bytesOut: 1_000_000, packetsOut: 900 };
  return {
    desktop,
    startMs: endMs - 10_000,
    endMs,
    flows: [{ protocol: 'tcp', desktopPort: 5901, peerAddress: '203.0.113.2', peerPort: 40_000, ...sums }],
    rest: { bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0, flows: 0 },
    user: { address: '203.0.113.2', port: 40_000 },
    rttMs: 100,
    remoteDesktop: null,
  };
}
