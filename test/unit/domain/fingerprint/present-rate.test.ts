// Frames in each second by headers, against those that were played: near and far, asked for and pushed, with loss.
import type { CapturedFlow } from '../../../../domain/fingerprint/capture/flow-table.js';
import { presentRates } from '../../../../domain/fingerprint/session/present-rate.js';
import { play, type SessionSpec } from './synthetic-session.js';

const FILM_MS = 1000 / 24;
/** The first second has the beginning in it. */
const rates = (flow: CapturedFlow) => presentRates(flow).slice(1);

describe('presentRates', () => {
  it.each<[string, SessionSpec]>(
    [1, 20, 100, 300].flatMap((rttMs): [string, SessionSpec][] => [
      [`asked for, ${rttMs} ms away`, { rttMs, changeEveryMs: FILM_MS }],
      [`pushed, ${rttMs} ms away`, { rttMs, changeEveryMs: FILM_MS, mode: 'push' }],
      [`typed, ${rttMs} ms away`, { rttMs, changeEveryMs: 240, packetsPerFrame: 1, inputsPerSecond: 4.2 }],
    ]),
  )('counts what the user sees: %s', (_, spec) => {
    const { flow, framesPerSecond } = play({ ...spec, seconds: 8 });
    const seen = rates(flow);
    expect(seen.length).toBeGreaterThan(5);
    for (const { frames } of seen) {
      expect(Math.abs(frames!.seen - framesPerSecond)).toBeLessThanOrEqual(2);
      expect(frames!.least).toBeLessThanOrEqual(frames!.seen);
      expect(frames!.most).toBeGreaterThanOrEqual(frames!.seen);
    }
  });

  it('counts a frame when what was lost of it has come again', () => {
    const { flow } = play({ rttMs: 100, changeEveryMs: FILM_MS, mode: 'push', seconds: 8 });
    // From the fourth second on nothing is acknowledged for a second: a packet is on its way again, and then all comes at once.
    const held = flow.packets.map((p) =>
      !p.fromDesktop && p.atMs >= 4_000 && p.atMs < 5_000
        ? { ...p, atMs: 5_000 + (p.atMs - 4_000) / 1_000 }
        : p,
    );
    const packets = held.sort((a, b) => a.atMs - b.atMs);
    const at = (startMs: number) =>
      presentRates({ ...flow, packets }, 1_000, 900).find((r) => r.startMs === startMs)?.frames?.seen;
    expect(at(3_900)).toBeLessThan(6);
    expect(at(4_900)).toBeGreaterThan(40);
  });

  it('knows nothing of what is pushed with pauses in each picture, rather than a wrong figure', () => {
    const { flow } = play({ rttMs: 20, changeEveryMs: 100, mode: 'push', seconds: 8, packetGapMs: 14 });
    const packets = flow.packets.map((p) =>
      p.fromDesktop && p.tcp !== undefined ? { ...p, tcp: { ...p.tcp, push: true } } : p,
    );
    for (const { frames } of rates({ ...flow, packets }))
      expect(frames === null || Math.abs(frames.seen - 10) <= 2).toBe(true);
  });
});
