// Holds the rate that was predicted at one distance against the one that the user had at another. Pure.
import type { RateCell } from './cells.js';

interface MoveError {
  readonly protocol: string;
  readonly content: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly predicted: number;
  readonly measured: number;
  /** Relative to what was measured, 0 for exact. */
  readonly error: number;
  /** Whether the content's own rate was seen, or had to be assumed. */
  readonly sure: boolean;
}

/** Compare every prediction with the measurement at its distance; without loss on either side. */
export function moveErrors(cells: readonly RateCell[]): MoveError[] {
  const whole = cells.filter((c) => c.loss === 0);
  return whole.flatMap((from) =>
    whole
      .filter((to) => to.protocol === from.protocol && to.content === from.content && to.rttMs !== from.rttMs)
      .flatMap((to): MoveError[] => {
        const predicted = from.predicted[to.rttMs];
        if (predicted === undefined) return [];
        return [
          {
            ...{ protocol: from.protocol, content: from.content, fromMs: from.rttMs, toMs: to.rttMs },
            predicted,
            measured: to.seenPerSecond,
            error: Math.abs(predicted / to.seenPerSecond - 1),
            sure: from.contentKnown || to.rttMs > from.rttMs,
          },
        ];
      }),
  );
}
