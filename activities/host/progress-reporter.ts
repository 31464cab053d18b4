// How a long activity tells how far it is: a heartbeat each time (checkpoint, seen as a pending activity in the UI), and now and then a
// signal to its own workflow, so that the query `status` and the UI's details move too without filling the history.
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import type { MoveProgress } from '../../domain/migration/progress.js';
import { CREATE, type CreateProgress } from '../../temporal/contract/create.js';
import { MOVE } from '../../temporal/contract/move.js';

export interface Beating<P> {
  (progress: Partial<P>): Promise<void>;
  /** Aborted when the activity is cancelled, times out, or its worker shuts down. */
  readonly signal: AbortSignal;
}

export type ProgressReporter = Beating<MoveProgress>;

/** At most one signal in this time: a move of an hour then adds some 2,000 events, far below the limit of 51,200. */
const SIGNAL_EVERY_MS = 2_000;
/** Longer moves signal less: never more often than each 1/200 of the time so far. */
const SIGNALS_A_MOVE = 200;

/** Make the reporter of the activity of a move that is running now. */
export const activityReporter = (): ProgressReporter =>
  reporterTo((handle, progress) => handle.signal(MOVE.progress, progress));

/** Make the reporter of a creation that is running now. */
export const creationReporter = (): Beating<CreateProgress> =>
  reporterTo((handle, progress) => handle.signal(CREATE.progress, progress));

function reporterTo<P extends object>(
  send: (handle: WorkflowHandle, progress: Partial<P>) => Promise<void>,
): Beating<P> {
  const context = Context.current();
  const { workflowExecution } = context.info;
  const handle =
    workflowExecution === undefined
      ? null
      : context.client.workflow.getHandle(workflowExecution.workflowId, workflowExecution.runId);
  const startedMs = Date.now();
  let signalledMs = 0;
  const report = async (progress: Partial<P>): Promise<void> => {
    context.heartbeat(progress);
    const now = Date.now();
    const every = Math.max(SIGNAL_EVERY_MS, (now - startedMs) / SIGNALS_A_MOVE);
    if (handle === null || Object.keys(progress).length === 0 || now - signalledMs < every) return;
    signalledMs = now;
    // A lost progress signal is repaired by the next one; it must not fail the copy.
    await send(handle, progress).catch(() => undefined);
  };
  return Object.assign(report, { signal: context.cancellationSignal });
}

/** Often enough for every heartbeat timeout of ours. */
export const BEAT_MS = 1_000;

/** Do one long thing that cannot report by itself, with a heartbeat each second. */
export async function whileBeating<T, P>(
  report: Beating<P>,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timer = setInterval(() => void report({}), BEAT_MS);
  try {
    return await work(report.signal);
  } finally {
    clearInterval(timer);
  }
}
