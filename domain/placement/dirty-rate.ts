// Dirty rates over cycles: one sample of a second in thirty says little by itself.

/** Megabits a second; null where nothing was measured. */
export interface Rates {
  readonly memoryMbps: number | null;
  readonly diskMbps: number | null;
}

/** Weight of the newest sample. */
const NEW = 0.5;

/** Average the newest sample into what is known; a null keeps what is known. */
export function smoothRates(known: Rates | undefined, sample: Rates): Rates {
  const smooth = (before: number | null | undefined, now: number | null) =>
    now === null
      ? (before ?? null)
      : before === null || before === undefined
        ? now
        : before + NEW * (now - before);
  return {
    memoryMbps: smooth(known?.memoryMbps, sample.memoryMbps),
    diskMbps: smooth(known?.diskMbps, sample.diskMbps),
  };
}
