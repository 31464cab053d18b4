// Follows the rounds of a memory copy until the convergence rule says that it is time to switch over.
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../domain/errors.js';
import {
  decideConvergence,
  expectedPauseMs,
  type ConvergenceRule,
} from '../../domain/migration/convergence.js';
import type { MoveProgress } from '../../domain/migration/progress.js';
import { WireRate } from '../../domain/migration/wire-rate.js';
import type { HostContext } from './host-context.js';
import type { ProgressReporter } from './progress-reporter.js';
import type { SourceMove } from './inputs.js';

export interface MemoryCopied {
  readonly pauseBudgetMs: number;
  readonly expectedPauseMs: number;
  readonly rounds: number;
  readonly why: string;
  /** Of the memory, on the wire; null: not known. */
  readonly wireBytes: number | null;
}

/** Rounds near the end are short: look often, so that the switchover does not come a round late. */
const LOOK_MS = 250;

/** Look at a memory copy until it is to be switched over; throws MEMORY_COPY when it ends before. */
export async function untilConverged(
  ctx: HostContext,
  move: SourceMove & { rule: ConvergenceRule; forced: boolean },
  report: ProgressReporter,
): Promise<MemoryCopied> {
  const startedMs = ctx.now();
  const history: number[] = [];
  const rate = new WireRate();
  let round = 0;
  for (;;) {
    const now = await ctx.hypervisor.memoryProgress(move);
    if (now.state === 'failed' || now.state === 'cancelled' || now.state === 'none')
      throw new VmshadowError(
        'MEMORY_COPY',
        `copying the memory of ${move.desktop} ended (${now.state}): ${now.error ?? 'no reason given'}`,
      );
    const progress: Partial<MoveProgress> = {
      // Before its first round the hypervisor has not yet counted what remains.
      memoryDoneBytes: now.round === 0 ? 0 : Math.max(0, now.totalBytes - now.remainingBytes),
      memoryTotalBytes: now.totalBytes,
      memoryWireBytes: now.wireBytes,
      saved: now.saved,
      bytesPerSecond: rate.at(ctx.now(), now.wireBytes),
      dirtyBytesPerSecond: now.dirtyBytesPerSecond,
      round: now.round,
    };
    await report(progress);
    if (now.round > round) {
      round = now.round;
      if (round > 1) history.push(expectedPauseMs(now.remainingBytes, now.bytesPerSecond));
    }
    const decision = decideConvergence(
      { ...now, elapsedMs: ctx.now() - startedMs, history, forced: move.forced },
      move.rule,
    );
    // A hypervisor that has stopped the guest by itself leaves nothing to decide.
    const stopped = now.state === 'pre-switchover' || now.state === 'device' || now.state === 'completed';
    if (decision.kind === 'switch' || stopped)
      return {
        pauseBudgetMs: decision.kind === 'switch' ? decision.pauseBudgetMs : move.rule.pauseBudgetMs,
        expectedPauseMs: Number.isFinite(decision.expectedPauseMs) ? decision.expectedPauseMs : 0,
        rounds: now.round,
        why: decision.kind === 'switch' ? decision.why : 'the hypervisor had converged',
        wireBytes: now.wireBytes,
      };
    await sleep(LOOK_MS, undefined, { signal: report.signal });
  }
}
