// What must exist in Temporal before the manager works: search attributes, the pool's shadow loop, the schedules. Idempotent.
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { CloudConfig } from '../domain/model/cloud.js';
import { LOOP, type ShadowLoop } from './contract/loop.js';
import {
  ATTRIBUTE,
  CONTROL_QUEUE,
  rebalanceScheduleId,
  reconcileId,
  shadowLoopId,
  WORKFLOW,
} from './contract/names.js';

/** Often enough to catch what the loop's own cycle does not act on, rare enough not to matter. */
const REBALANCE_EVERY = '6h';
/** A leftover keeps room and an address from others; a look asks each host once. */
const RECONCILE_EVERY = '5m';

/** Register our search attributes where they are missing. */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace });
  const missing = Object.values(ATTRIBUTE).filter((key) => !(key.name in customAttributes));
  if (missing.length === 0) return;
  const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  await client.connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((key) => [key.name, KEYWORD])),
  });
}

/** Start the pool's loop, or tell the running one of the cloud as it is now. */
export async function ensureShadowLoop(client: Client, cloud: CloudConfig): Promise<void> {
  const workflowId = shadowLoopId(cloud.pool);
  await client.workflow.start<ShadowLoop>(WORKFLOW.shadowLoop, {
    workflowId,
    taskQueue: CONTROL_QUEUE,
    args: [{ cloud }],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    staticSummary: `Keeps the desktops of pool ${cloud.pool} close to their users`,
  });
  // Not by the handle of `start`: that one is bound to a chain that begins with the present run, which a loop that runs has long left.
  await client.workflow.getHandle(workflowId).executeUpdate(LOOP.setCloud, { args: [cloud] });
}

/** Make the schedule `rebalance` unless an operator has it already (perhaps changed or paused). */
export async function ensureRebalanceSchedule(client: Client, { pool }: CloudConfig): Promise<void> {
  await ensureSchedule(client, rebalanceScheduleId(pool), REBALANCE_EVERY, {
    workflowType: WORKFLOW.rebalance,
    args: [pool],
    staticSummary: `One acting cycle of pool ${pool}`,
  });
}

/** Make the schedule `reconcile` likewise. */
export async function ensureReconcileSchedule(client: Client, { pool }: CloudConfig): Promise<void> {
  await ensureSchedule(client, reconcileId(pool), RECONCILE_EVERY, {
    workflowType: WORKFLOW.reconcile,
    args: [{ pool }],
    staticSummary: `Looks for what ended moves of pool ${pool} have left, and clears it`,
  });
}

async function ensureSchedule(
  client: Client,
  scheduleId: string,
  every: typeof REBALANCE_EVERY | typeof RECONCILE_EVERY,
  action: { workflowType: string; args: unknown[]; staticSummary: string },
): Promise<void> {
  await client.schedule
    .create({
      scheduleId,
      spec: { intervals: [{ every }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      action: { type: 'startWorkflow', workflowId: scheduleId, taskQueue: CONTROL_QUEUE, ...action },
    })
    .catch((error: unknown) => {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    });
}
