// What is told of a desktop's moves that are over: which measured gain belongs to which of them.
import type { MoveGain } from './realised-gain.js';
import { sameHost, type HostRef } from '../model/ids.js';

interface Ended {
  readonly from: HostRef;
  readonly to: HostRef;
  readonly endedAtMs: number;
}

/** The loop hears of a move's end, and takes its time, when the workflow says so: just before it ends. */
const SAME_END_MS = 60_000;

/** Find the gain that was measured of a move of the same desktop; null where none was, or where it is not kept any more. */
export function gainOfMove(move: Ended, gains: readonly MoveGain[]): MoveGain | null {
  const apart = (gain: MoveGain) => Math.abs(gain.endedAtMs - move.endedAtMs);
  const same = gains.filter(
    (gain) => sameHost(gain.from, move.from) && sameHost(gain.to, move.to) && apart(gain) <= SAME_END_MS,
  );
  return same.sort((a, b) => apart(a) - apart(b))[0] ?? null;
}
