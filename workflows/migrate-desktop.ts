// One move of one desktop, in the phases of ARCHITECTURE.md, "A move". The workflow's ID is the lock on the desktop. Until the commit everything is
// undone on failure or cancellation and the desktop runs at the source; after it, only forward.
import {
  ApplicationFailure,
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { SwitchoverDone } from '../activities/switchover/switchover.js';
import { blameOf } from '../domain/migration/blame.js';
import { moveIdOf } from '../domain/model/ids.js';
import { failedStep, failureInfo } from '../temporal/contract/failures.js';
import { LOOP } from '../temporal/contract/loop.js';
import { MigrateInput, MOVE, type MoveStatus } from '../temporal/contract/move.js';
import { DEPLOYMENT, shadowLoopId, WORKFLOW } from '../temporal/contract/names.js';
import { MoveState } from './move-state.js';
import { asyncDisk, preflight, syncSwitch, type Prepared } from './phases/before-commit.js';
import { cleanup } from './phases/cleanup.js';
import { memoryAndSwitchover, type Force } from './phases/memory.js';
import { Saga } from './saga.js';
import { serve, workflowInput } from './serve.js';

// Where managers run as versions (workers/manager-version.ts), a move stays with the one that began it. Of any other worker, which has a
// version of no deployment, the server takes no such word.
setWorkflowOptions(
  () =>
    workflowInfo().currentDeploymentVersion?.deploymentName === DEPLOYMENT
      ? { versioningBehavior: 'PINNED' }
      : {},
  migrateDesktop,
);

/** Move a desktop; resolves with `moved` or `cancelled`, fails with the reason otherwise. */
export async function migrateDesktop(raw: unknown): Promise<MoveStatus> {
  const input = workflowInput(MigrateInput, raw, WORKFLOW.migrateDesktop);
  const moveId = moveIdOf(input.desktop, workflowInfo().runId);
  const state = new MoveState(input, moveId);
  const saga = new Saga();
  const force: Force = { requested: false, interrupt: () => undefined };
  const untilCommit = new CancellationScope();
  answerTo(state, untilCommit, force);
  if (input.deadlineAtMs !== undefined) void keepDeadline(input.deadlineAtMs, state, untilCommit);
  let reached: { prepared: Prepared; done: SwitchoverDone };
  try {
    reached = await untilCommit.run(async () => {
      const prepared = await preflight(input, moveId, state, saga);
      await asyncDisk(input, prepared, state, saga);
      await syncSwitch(input, prepared, state);
      return { prepared, done: await memoryAndSwitchover(input, prepared, state, saga, force) };
    });
  } catch (error) {
    return await rollBack(error, state, saga, input);
  }
  saga.clear();
  const { done, prepared } = reached;
  state.learn({
    downtimeMs: done.downtimeMs,
    switchoverMs: done.switchoverMs,
    heldPackets: done.heldPackets,
  });
  state.progress({
    diskWireBytes: done.wireBytes?.disk ?? null,
    memoryWireBytes: done.wireBytes?.memory ?? null,
    saved: done.saved,
  });
  state.end('moved');
  await CancellationScope.nonCancellable(async () => {
    await cleanup(input, prepared, state);
    state.finish();
    await tellLoop(input, state);
  });
  return state.status();
}

function answerTo(state: MoveState, untilCommit: CancellationScope, force: Force): void {
  serve(MOVE, {
    status: () => state.status(),
    progress: (part) => state.progress(part),
    cancelMove: (ask) => {
      if (state.outcome === 'running') cancel(state, untilCommit, ask?.because);
      else state.note('cancel came after the commit: the desktop already runs at the target');
    },
    forceSwitchover: () => {
      force.requested = true;
      state.note('forced: switching over as soon as memory has been copied once');
      force.interrupt();
    },
  });
}

function cancel(state: MoveState, untilCommit: CancellationScope, because: string | undefined): void {
  state.cancelBecause(because);
  state.note(`cancelling${saidWhy(state)}: undoing what was done`);
  untilCommit.cancel();
}

/** Cancel the move when its time is over; after the commit it has arrived in time. */
async function keepDeadline(
  deadlineAtMs: number,
  state: MoveState,
  untilCommit: CancellationScope,
): Promise<void> {
  try {
    await sleep(Math.max(1, deadlineAtMs - Date.now()));
  } catch {
    // The workflow itself was cancelled.
    return;
  }
  if (state.outcome === 'running') cancel(state, untilCommit, 'its deadline has passed');
}

const saidWhy = ({ cancelledBecause }: MoveState): string =>
  cancelledBecause === null ? '' : ` (${cancelledBecause})`;

async function rollBack(
  error: unknown,
  state: MoveState,
  saga: Saga,
  input: MigrateInput,
): Promise<MoveStatus> {
  const cancelled = isCancellation(error);
  const info = cancelled
    ? { code: 'CANCELLED', message: `cancelled in phase ${state.phase}${saidWhy(state)}` }
    : failureInfo(error);
  const left = await saga.unwind((step) => {
    state.note(`rolling back: ${step}`);
  });
  const message =
    left.length === 0
      ? info.message
      : `${info.message} (rolling back left something behind: ${left.map((e) => failureInfo(e).message).join('; ')})`;
  state.note(null);
  if (cancelled) state.end('cancelled', { code: info.code, message });
  else state.end('failed', { code: info.code, message }, blameOf(failedStep(error)));
  state.finish();
  await CancellationScope.nonCancellable(() => tellLoop(input, state));
  if (cancelled) return state.status();
  throw ApplicationFailure.create({
    type: info.code,
    message,
    nonRetryable: true,
    details: [state.status()],
  });
}

/** The loop may have been started by nobody (a move begun from the UI): then there is no one to tell. */
async function tellLoop(input: MigrateInput, state: MoveState): Promise<void> {
  await getExternalWorkflowHandle(shadowLoopId(input.pool))
    .signal(LOOP.moveEnded, state.status())
    .catch(() => undefined);
}
