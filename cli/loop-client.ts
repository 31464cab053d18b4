// What the command asks the control plane: queries, updates and signals of the shadow loop and of the moves, each bounded in time, each
// failure of the way there as one CONTROL_PLANE error that says what was tried and what to do. Refusals by a workflow pass as they are.
import { setTimeout as sleep } from 'node:timers/promises';
import { status as GrpcStatus } from '@grpc/grpc-js';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { WorkflowIdConflictPolicy } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { z } from 'zod';
import { hasCode, messageOf, VmshadowError } from '../domain/errors.js';
import type { Fingerprint } from '../domain/fingerprint/model.js';
import type { CloudConfig } from '../domain/model/cloud.js';
import type { DesktopDefinition } from '../domain/model/desktop.js';
import type { DesktopId, PoolId } from '../domain/model/ids.js';
import type { Policy } from '../domain/model/policy.js';
import { connectClient, temporalAddress } from '../temporal/connection.js';
import { LOOP } from '../temporal/contract/loop.js';
import type { Update } from '../temporal/contract/message.js';
import { MOVE, type MoveSignal, type MoveStatus } from '../temporal/contract/move.js';
import type { DesktopsAsk, LoopStatus } from '../temporal/contract/status.js';
import { CREATE, type CreateStatus } from '../temporal/contract/create.js';
import type { Reconcile, ReconcileResult } from '../temporal/contract/reconcile.js';
import {
  CONTROL_QUEUE,
  createId,
  migrateId,
  reconcileId,
  shadowLoopId,
  WORKFLOW,
} from '../temporal/contract/names.js';
import { failureInfo } from '../temporal/contract/failures.js';
import { pastMoves, type PastMove } from '../temporal/past-moves.js';
import {
  grpcStatusOf,
  isNamed,
  isNoNamespace,
  noNamespace,
  notAllowed,
  slowServer,
} from '../temporal/server-errors.js';
import { noMove, refusal } from './failures.js';

/** A query needs a manager that polls; an idle one answers in milliseconds. */
const QUERY_TIMEOUT_MS = 5_000;
/** One that takes in the reports of 20,000 desktops is not always free for that long. */
const BUSY_TIMEOUT_MS = 20_000;
/** The first reports of a run of the loop take seconds in large pools; a dead host holds them up for 5 s, one that hangs for 20 s. */
const BEGINNING_MS = 30_000;
const BEGINNING_POLL_MS = 250;
/** Plans of large pools take seconds; an operator's move waits for fresh reports. */
const UPDATE_TIMEOUT_MS = 120_000;

const WORKFLOW_TASKS = proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW;

export class LoopClient {
  readonly client: Client;
  readonly pool: PoolId;

  constructor(client: Client, pool: PoolId) {
    this.client = client;
    this.pool = pool;
  }

  /** Connect as the TEMPORAL_* variables say; CONTROL_PLANE when nothing answers. */
  static async connect(pool: PoolId): Promise<LoopClient> {
    return new LoopClient(await connectClient(), pool);
  }

  async close(): Promise<void> {
    await this.client.connection.close();
  }

  /** The loop's view of the pool, with the first page of its desktops or those that are asked for. A loop that has just begun is waited for. */
  async status(ask: z.input<typeof DesktopsAsk> = {}): Promise<LoopStatus> {
    const deadlineMs = Date.now() + BEGINNING_MS;
    for (;;) {
      const status = await this.#ask(shadowLoopId(this.pool), QUERY_TIMEOUT_MS, (handle) =>
        handle.query(LOOP.status, ask),
      );
      if (!status.beginning || ask.limit === 0 || Date.now() > deadlineMs) return status;
      await sleep(BEGINNING_POLL_MS);
    }
  }

  /** The loop's view of the pool with all of its desktops. One that comes, goes or moves between two pages may be missing or be there twice. */
  async wholeStatus(): Promise<LoopStatus> {
    const first = await this.status();
    const desktops = [...first.desktops];
    while (desktops.length < first.desktopCount) {
      const { desktops: more } = await this.status({ from: desktops.length });
      if (more.length === 0) break;
      desktops.push(...more);
    }
    return { ...first, desktops };
  }

  /** The policy in force. */
  policy(): Promise<Policy> {
    return this.#ask(shadowLoopId(this.pool), QUERY_TIMEOUT_MS, (handle) => handle.query(LOOP.policy));
  }

  /** The cloud as the manager that started last has it. */
  cloud(): Promise<CloudConfig> {
    return this.#ask(shadowLoopId(this.pool), QUERY_TIMEOUT_MS, (handle) => handle.query(LOOP.cloud));
  }

  /** A desktop's definition; null where there is none of that id. A loop that has just begun is waited for. */
  async definition(desktop: DesktopId): Promise<DesktopDefinition | null> {
    await this.status({ desktop });
    return this.#ask(shadowLoopId(this.pool), QUERY_TIMEOUT_MS, (handle) =>
      handle.query(LOOP.definition, { desktop }),
    );
  }

  /** A desktop's fingerprint of the last cycle; null where there is none. */
  async fingerprint(desktop: DesktopId): Promise<Fingerprint | null> {
    const [found] = await this.#ask(shadowLoopId(this.pool), QUERY_TIMEOUT_MS, (handle) =>
      handle.query(LOOP.fingerprints, { desktop }),
    );
    return found ?? null;
  }

  /** How far the (latest) move of a desktop is; null when it has never been in one. */
  moveStatus(desktop: DesktopId): Promise<MoveStatus | null> {
    return nullIfMissing(
      this.#ask(migrateId(desktop), QUERY_TIMEOUT_MS, (handle) => handle.query(MOVE.status)),
    );
  }

  /**
   * The last moves of a desktop that Temporal keeps, the newest first, with what they gave as the loop remembers it; throws UNKNOWN_DESKTOP.
   * `known`: the loop's view of that desktop, where it has just been asked for.
   */
  async history(
    desktop: DesktopId,
    limit: number,
    known?: Pick<LoopStatus, 'gains' | 'desktops'>,
  ): Promise<PastMove[]> {
    const { gains, desktops } = known ?? (await this.status({ desktop }));
    try {
      const moves = await this.client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () =>
        pastMoves(this.client, desktop, gains, limit),
      );
      if (moves.length > 0 || desktops.length > 0) return moves;
    } catch (error) {
      throw this.#explain(error, migrateId(desktop));
    }
    throw new VmshadowError(
      'UNKNOWN_DESKTOP',
      `there is no desktop ${desktop}, and Temporal keeps no move of one: \`vmshadow desktop list\` names those that there are`,
    );
  }

  /** How the (latest) creation of a desktop stands; null when there never was one. */
  createStatus(desktop: DesktopId): Promise<CreateStatus | null> {
    return nullIfMissing(
      this.#ask(createId(desktop), QUERY_TIMEOUT_MS, (handle) => handle.query(CREATE.status)),
    );
  }

  /** End a creation that is under way. */
  async cancelCreate(desktop: DesktopId): Promise<void> {
    await this.#ask(createId(desktop), QUERY_TIMEOUT_MS, (handle) => handle.signal(CREATE.cancelCreate));
  }

  /** Temporal's own word on the latest move: RUNNING, COMPLETED, TERMINATED ...; null when there never was one. */
  moveExecution(desktop: DesktopId): Promise<string | null> {
    return this.#execution(migrateId(desktop));
  }

  /** Temporal's own word on the latest creation. */
  createExecution(desktop: DesktopId): Promise<string | null> {
    return this.#execution(createId(desktop));
  }

  async #execution(workflowId: string): Promise<string | null> {
    const found = this.#ask(workflowId, QUERY_TIMEOUT_MS, (h) => h.describe());
    return (await nullIfMissing(found))?.status.name ?? null;
  }

  /** Ask the loop for something and wait for its answer. Asks for the status first: without a manager an update waits for long. */
  async update<S extends z.ZodType, R>(update: Update<S, R>, input: z.input<S>): Promise<R> {
    await this.status({ limit: 0 });
    return this.#ask(shadowLoopId(this.pool), UPDATE_TIMEOUT_MS, (handle) =>
      handle.executeUpdate(update, { args: [input] }),
    );
  }

  /** Look for leftovers now, and clear them unless it is a dry run. A run of the same kind that is under way is joined. */
  async reconcile(dryRun: boolean): Promise<ReconcileResult> {
    await this.status({ limit: 0 });
    const workflowId = `${reconcileId(this.pool)}/${dryRun ? 'dry-run' : 'by-hand'}`;
    try {
      const handle = await this.client.workflow.start<Reconcile>(WORKFLOW.reconcile, {
        workflowId,
        taskQueue: CONTROL_QUEUE,
        args: [{ pool: this.pool, dryRun }],
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      });
      return await this.client.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, () => handle.result());
    } catch (error) {
      if (isNamed(error, 'WorkflowFailedError')) throw refusal(failureInfo(error), error);
      throw this.#explain(error, workflowId);
    }
  }

  /** Send a signal to the move under way; NO_MOVE when the desktop is in none. */
  async signalMove(desktop: DesktopId, signal: MoveSignal): Promise<void> {
    try {
      await this.#ask(migrateId(desktop), QUERY_TIMEOUT_MS, (handle) => handle.signal(signal.name));
    } catch (error) {
      throw isNotFound(error) ? noMove(desktop, error) : error;
    }
  }

  async #ask<R>(
    workflowId: string,
    timeoutMs: number,
    ask: (handle: WorkflowHandle) => Promise<R>,
  ): Promise<R> {
    const within = (ms: number) =>
      this.client.withDeadline(Date.now() + ms, () => ask(this.client.workflow.getHandle(workflowId)));
    try {
      return await within(timeoutMs).catch(async (error: unknown) => {
        const late = timeoutMs < BUSY_TIMEOUT_MS && grpcStatusOf(error) === GrpcStatus.DEADLINE_EXCEEDED;
        if (late && (await this.#hasManager())) return within(BUSY_TIMEOUT_MS);
        throw error;
      });
    } catch (error) {
      throw this.#explain(error, workflowId);
    }
  }

  /** Tell whether a manager has asked for work lately, busy as it may be. */
  async #hasManager(): Promise<boolean> {
    const { namespace } = this.client.options;
    try {
      const { pollers } = await this.client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
        this.client.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: CONTROL_QUEUE },
          taskQueueType: WORKFLOW_TASKS,
        }),
      );
      return pollers.length > 0;
    } catch (error) {
      throw grpcStatusOf(error) === GrpcStatus.DEADLINE_EXCEEDED
        ? slowServer(error, temporalAddress(), QUERY_TIMEOUT_MS)
        : error;
    }
  }

  /** Refusals and missing moves pass; all else is about the way to the loop. */
  #explain(error: unknown, workflowId: string): unknown {
    const known = ourOwn(error) ?? notAllowed(error, temporalAddress());
    if (known !== null) return known;
    if (isNoNamespace(error)) return noNamespace(error, this.client.options.namespace, temporalAddress());
    if (isNamed(error, 'WorkflowUpdateFailedError')) return refusal(failureInfo(error), error);
    if (isNotFound(error))
      return workflowId !== shadowLoopId(this.pool)
        ? error
        : new VmshadowError(
            'CONTROL_PLANE',
            `there is no shadow loop for the pool ${this.pool} at this Temporal server. Start \`vmshadow manager --config vmshadow.yaml\`, or name another pool with --pool.`,
            { cause: error },
          );
    if (grpcStatusOf(error) === GrpcStatus.INVALID_ARGUMENT)
      return refusal(
        {
          code: 'INPUT_INVALID',
          message: `${workflowId} does not take this question: do the command and the manager have the same release?\n${messageOf(error)}`,
        },
        error,
      );
    return new VmshadowError(
      'CONTROL_PLANE',
      `${workflowId} does not answer: is \`vmshadow manager\` running? (${messageOf(error)})`,
      { cause: error },
    );
  }
}

function isNotFound(error: unknown): boolean {
  return isNamed(error, 'WorkflowNotFoundError') || grpcStatusOf(error) === GrpcStatus.NOT_FOUND;
}

async function nullIfMissing<R>(found: Promise<R>): Promise<R | null> {
  try {
    return await found;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

/** What was said already (a slow server), or what this machine lacks to read an answer (payload keys), however the SDK has wrapped it. */
function ourOwn(error: unknown): VmshadowError | null {
  if (hasCode(error, 'CONTROL_PLANE')) return error;
  for (let e = error; e instanceof Error; e = e.cause) if (hasCode(e, 'CONFIG_INVALID')) return e;
  return null;
}
