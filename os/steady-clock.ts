// The clock of timers and intervals: it begins at the machine's time and then never jumps, whatever becomes of that.
import { performance } from 'node:perf_hooks';

/** Milliseconds since 1970 as of the start of this process, plus what has passed since; never goes back. */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}
