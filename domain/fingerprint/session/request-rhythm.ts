// A second witness for pull, from the rhythm of requests: it holds for servers so slow (emulated, overloaded) that they fall silent in
// the middle of an update, which then looks like several frames that nobody asked for.
import type { CycleSplit } from './cycles.js';

/** Fewer frames show no habit; a lossy link leaves few, and each has to meet every condition below. */
const ENOUGH_FRAMES = 4;
/** Distances at which a request on its way shows as silence of the server, above any pause of its own. */
const SHOWING_RTT_MS = 5;
const NEARLY_ALL = 0.9;
/** Plain pull: one message a frame, but for some that a retransmission or the sample's ends hide. */
const ONE_EACH = { low: 0.85, high: 1.15 };

/**
 * Tell whether the server only ever sends after a message that had seen everything: one message a frame, and a silence of a round trip
 * before each. A push server does not wait so; one with little to push gets two fences a frame. `split` is by messages.
 */
export function asksOneByOne(split: CycleSplit, rttMs: number | null): boolean {
  const { frames, answers, others } = split;
  if (rttMs === null || rttMs < SHOWING_RTT_MS || frames.length < ENOUGH_FRAMES) return false;
  const each = (answers.length + others.length) / frames.length;
  if (each < ONE_EACH.low || each > ONE_EACH.high) return false;
  const waited = frames.filter((f, i) => {
    const previous = frames[i - 1];
    return previous === undefined || f.startMs - previous.endMs >= rttMs * NEARLY_ALL;
  });
  return waited.length / frames.length >= NEARLY_ALL;
}
