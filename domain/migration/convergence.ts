// When does pre-copy stop? After each look at the copy: go on, switch over with some pause budget, or give up (reference: pre-copy of a
// desktop that dirties 6-7 MB/s over 60 Mbit/s never gets below a 500 ms pause by itself).

export interface PrecopyLook {
  /** Rounds begun, from 1. */
  readonly round: number;
  readonly remainingBytes: number;
  readonly bytesPerSecond: number;
  readonly dirtyBytesPerSecond: number;
  readonly elapsedMs: number;
  /** Expected pauses of the rounds so far, newest last, ms. */
  readonly history: readonly number[];
  readonly forced: boolean;
}

export interface ConvergenceRule {
  readonly pauseBudgetMs: number;
  readonly maxPauseMs: number;
  readonly maxRounds: number;
}

export type ConvergenceDecision =
  | { readonly kind: 'continue'; readonly expectedPauseMs: number }
  | {
      readonly kind: 'switch';
      readonly pauseBudgetMs: number;
      readonly expectedPauseMs: number;
      readonly why: string;
    };

/** Rounds without a better expected pause after which more copying is waste: three, since one round's figure is noisy. */
const STALLED_ROUNDS = 3;
/** An operator's force still bounds the pause, far above any sensible one. */
const FORCED_PAUSE_MS = 30_000;

/** Time that the rest would take with the guest stopped, ms; infinite when nothing is known of the speed. */
export function expectedPauseMs(remainingBytes: number, bytesPerSecond: number): number {
  if (remainingBytes <= 0) return 0;
  return bytesPerSecond > 0 ? (remainingBytes / bytesPerSecond) * 1000 : Number.POSITIVE_INFINITY;
}

/** Decide about the copy at this moment. Pure; the first round (everything) never switches unless forced. */
export function decideConvergence(look: PrecopyLook, rule: ConvergenceRule): ConvergenceDecision {
  const expected = expectedPauseMs(look.remainingBytes, look.bytesPerSecond);
  const go = (pauseBudgetMs: number, why: string): ConvergenceDecision => ({
    kind: 'switch',
    pauseBudgetMs,
    expectedPauseMs: expected,
    why,
  });
  if (look.forced) return go(FORCED_PAUSE_MS, 'the operator forced the switchover');
  if (look.round < 2) return { kind: 'continue', expectedPauseMs: expected };
  if (expected <= rule.pauseBudgetMs)
    return go(rule.pauseBudgetMs, `the rest fits the pause budget of ${String(rule.pauseBudgetMs)} ms`);
  const stalled = isStalled(look.history);
  if (expected <= rule.maxPauseMs && stalled)
    return go(rule.maxPauseMs, 'further rounds do not shorten the pause');
  if (look.round >= rule.maxRounds) return go(rule.maxPauseMs, `${String(rule.maxRounds)} rounds were made`);
  return { kind: 'continue', expectedPauseMs: expected };
}

function isStalled(history: readonly number[]): boolean {
  if (history.length <= STALLED_ROUNDS) return false;
  const before = Math.min(...history.slice(0, -STALLED_ROUNDS));
  return Math.min(...history.slice(-STALLED_ROUNDS)) >= before;
}
