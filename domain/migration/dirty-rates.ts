// How fast a desktop rewrites its memory and its disk: what equation 2's r is made of, apart. Hosts measure over a second or a cycle,
// which is noisy; they report a moving average.

/** Megabits (10^6 bits) a second; null where nothing has been measured. */
export interface DirtyRates {
  readonly memoryMbps: number | null;
  readonly diskMbps: number | null;
}

export const UNKNOWN_RATES: DirtyRates = { memoryMbps: null, diskMbps: null };

/** Share of the newest measurement in the average: one outlier is half forgotten after the next cycle, a change half believed at once. */
const NEWEST_WEIGHT = 0.5;

/** Take a measurement into the moving average; what it does not know keeps its last value. */
export function smoothDirtyRates(before: DirtyRates, measured: DirtyRates): DirtyRates {
  return {
    memoryMbps: smooth(before.memoryMbps, measured.memoryMbps),
    diskMbps: smooth(before.diskMbps, measured.diskMbps),
  };
}

function smooth(before: number | null, measured: number | null): number | null {
  if (measured === null || before === null) return measured ?? before;
  return before + NEWEST_WEIGHT * (measured - before);
}
