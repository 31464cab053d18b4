// Last part of a cycle: admit the moves of a plan within the limits, start them as children that outlive this run of the loop.
import { ParentClosePolicy, patched, startChild } from '@temporalio/workflow';
import { VmshadowError } from '../../domain/errors.js';
import { placeKey } from '../../domain/drain/place.js';
import { inTurns } from '../../domain/drain/turns.js';
import { admit } from '../../domain/migration/admission.js';
import type { Cause } from '../../domain/migration/phases.js';
import type { PlanMove, PlanResult } from '../../domain/placement/request/model.js';
import { DesktopId, hostKey, HostId, SiteId, type HostRef } from '../../domain/model/ids.js';
import { CONTROL_QUEUE, ATTRIBUTE, migrateId, reconcileId, WORKFLOW } from '../../temporal/contract/names.js';
import type { MigrateDesktop, MigrateInput, MoveEnded } from '../../temporal/contract/move.js';
import type { Reconcile } from '../../temporal/contract/reconcile.js';
import { control } from '../control-proxy.js';
import { drainOf } from './drain.js';
import { expectGain, feltByMove } from './gains.js';
import { holdOn, learnFromEnd } from './holds.js';
import { moveInProgress } from './in-move.js';
import type { LoopState } from './loop-state.js';
import { plannableRtts } from './round-trips.js';
import { whyClosed, whyStill } from './windows.js';

interface WantedMove {
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly cause: Cause;
  readonly reason: string;
  /** A stop on the way, to turn an exchange between full sites: it must be free to move on. */
  readonly parking: boolean;
  readonly rttBeforeMs: number | null;
  readonly rttAfterMs: number | null;
  /** When it is cancelled by itself. */
  readonly deadlineAtMs?: number;
}

/**
 * Start the first wave of a plan as far as the limits let it; the rest waits for the next cycle's plan. Gives why moves of the wave were
 * not started, by desktop.
 */
export async function actOn(
  state: LoopState,
  result: PlanResult,
  cause: Cause,
): Promise<ReadonlyMap<string, string>> {
  const wanted = result.moves.filter((m) => m.wave === 1).flatMap((m) => fromPlan(state, m, cause));
  const isFree = (move: WantedMove) => holdOn(state, move, Date.now()) === null;
  const underWay = [...state.moves.values()];
  const inOrder = state.draining.size === 0 ? wanted : inTurns(wanted, underWay, partyOf(state));
  const { admitted, waiting } = admit(inOrder.filter(isFree), underWay, state.cloud.limits);
  const notStarted = new Map<string, string>(waiting.map(({ move, reason }) => [move.desktop, reason]));
  for (const move of wanted)
    if (!isFree(move))
      notStarted.set(move.desktop, 'another move like it is tried first, since such moves failed');
  for (const move of admitted) {
    // Looked at again: of the moves whose hold has just ended, the first one tries for the others; an operator may have spoken meanwhile.
    const isOpen = whyClosed(state, move.to) === null && whyStill(state, move.from) === null;
    if (state.pausedSinceMs === null && isFree(move) && isOpen && drainOf(state, move.to) === undefined)
      await startMove(state, move);
  }
  return notStarted;
}

/** Each place that is being emptied is a party of its own, and so are all other moves together. */
function partyOf(state: LoopState): (move: Pick<WantedMove, 'from'>) => string {
  return ({ from }) => {
    const place = drainOf(state, from);
    return place === undefined ? '' : placeKey(place);
  };
}

/** Take in that a move has ended. */
export function endMove(state: LoopState, ended: MoveEnded): void {
  const nowMs = Date.now();
  const move = state.moves.get(ended.desktop);
  state.endMove(ended, nowMs);
  learnFromEnd(state, ended, move?.startedAtMs ?? nowMs, nowMs);
  expectGain(state, ended, move, nowMs);
  // Whoever waits for its turn to leave does not wait for the next cycle's time, too.
  if (ended.cause === 'drain') state.askCycle({ act: false, cause: 'loop' });
}

function fromPlan(state: LoopState, move: PlanMove, cause: Cause): WantedMove[] {
  const desktop = DesktopId.parse(move.desktop);
  const found = state.find(desktop);
  if (found === null || move.toHost === undefined) return [];
  const leaves = drainOf(state, found.host) !== undefined;
  return [
    {
      desktop,
      from: found.host,
      to: { site: SiteId.parse(move.to), host: HostId.parse(move.toHost) },
      cause: leaves ? 'drain' : cause,
      reason: move.reason,
      parking: move.parking === true,
      rttBeforeMs: move.rttBeforeMs,
      rttAfterMs: move.rttAfterMs,
      ...(leaves ? knownRtts(state, desktop, found.host.site, move.to) : {}),
    },
  ];
}

/** Of whoever must leave the plan is made with or without round trips. */
function knownRtts(state: LoopState, desktop: DesktopId, from: string, to: string) {
  const { rttMs } = plannableRtts(state, desktop, from, Date.now());
  return { rttBeforeMs: rttMs[from] ?? null, rttAfterMs: rttMs[to] ?? null };
}

/** Take moves off the list whose workflow was terminated: it could not say that it ended. */
export async function forgetTerminated(state: LoopState): Promise<void> {
  const moves = [...state.moves.values()];
  if (moves.length === 0) return;
  const ended = new Set(await control.endedWorkflows(moves.map((m) => m.workflowId)));
  // Its own signal may have come while we asked.
  const terminated = moves.filter((m) => ended.has(m.workflowId) && state.moves.get(m.desktop) === m);
  for (const move of terminated)
    // Whoever terminated it had a reason that says nothing of the next try: nothing is held back.
    state.endMove(
      {
        ...move,
        outcome: 'failed',
        cause: 'operator',
        error: {
          code: 'INTERNAL',
          message:
            'its workflow was terminated: what it left is cleared by the next move of the desktop, or by the workflow `reconcile`',
        },
      },
      Date.now(),
    );
  if (terminated.length > 0 && patched('reconcile-after-terminate')) await startReconcile(state);
}

/** Have what terminated moves left cleared now: it keeps room from others. One that is under way will do. */
async function startReconcile({ cloud: { pool } }: LoopState): Promise<void> {
  await startChild<Reconcile>(WORKFLOW.reconcile, {
    workflowId: `${reconcileId(pool)}/after-terminate`,
    args: [{ pool }],
    taskQueue: CONTROL_QUEUE,
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `Clears what terminated moves of pool ${pool} have left`,
  }).catch((error: unknown) => {
    if ((error as { name?: unknown }).name !== 'WorkflowExecutionAlreadyStartedError') throw error;
  });
}

/** Start one move; throws MOVE_IN_PROGRESS when the desktop is in one. */
export async function startMove(state: LoopState, move: WantedMove): Promise<string> {
  const workflowId = migrateId(move.desktop);
  const found = state.find(move.desktop);
  const [fromPeer, toPeer] = [state.peerOf(move.from), state.peerOf(move.to)];
  if (found === null || fromPeer === undefined || toPeer === undefined)
    throw new VmshadowError(
      'INTERNAL',
      `desktop ${move.desktop} or one of the hosts of its move is not in the cloud's configuration`,
    );
  if (state.moves.has(move.desktop)) throw moveInProgress(move.desktop);
  const input: MigrateInput = {
    pool: state.cloud.pool,
    desktop: move.desktop,
    from: move.from,
    to: move.to,
    peers: { from: fromPeer, to: toPeer },
    cause: move.cause,
    reason: move.reason,
    policy: state.policy.migration,
    moveMbps: state.cloud.limits.moveMbps,
    rttBeforeMs: move.rttBeforeMs,
    rttAfterMs: move.rttAfterMs,
    ...(move.deadlineAtMs === undefined ? {} : { deadlineAtMs: move.deadlineAtMs }),
  };
  const { vcpus, memoryMiB, diskMiB } = found.report.definition;
  const { desktop, from, to, cause, parking } = move;
  state.startMove({
    workflowId,
    parking,
    desktop,
    from,
    to,
    cause,
    startedAtMs: Date.now(),
    vcpus,
    memoryMiB,
    diskMiB,
    ...feltByMove(state, desktop, move.rttBeforeMs, move.rttAfterMs),
  });
  try {
    await startChild<MigrateDesktop>(WORKFLOW.migrateDesktop, {
      workflowId,
      args: [input],
      taskQueue: CONTROL_QUEUE,
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `${desktop}: ${hostKey(from)} to ${hostKey(to)}`,
      staticDetails: `Wanted by ${cause}: ${move.reason}`,
      typedSearchAttributes: [
        { key: ATTRIBUTE.desktop, value: desktop },
        { key: ATTRIBUTE.from, value: hostKey(from) },
        { key: ATTRIBUTE.to, value: hostKey(to) },
        { key: ATTRIBUTE.cause, value: cause },
        { key: ATTRIBUTE.phase, value: 'preflight' },
        { key: ATTRIBUTE.outcome, value: 'running' },
      ],
    });
  } catch (error) {
    state.moves.delete(desktop);
    if ((error as { name?: unknown }).name === 'WorkflowExecutionAlreadyStartedError')
      throw moveInProgress(desktop);
    throw error;
  }
  return workflowId;
}
