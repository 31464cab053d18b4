// What must exist in Temporal before the manager works: search attributes, the pool's shadow loop, the schedules. Idempotent.
import { status as GrpcStatus } from '@grpc/grpc-js';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import proto from '@temporalio/proto';
import { messageOf, VmshadowError } from '../domain/errors.js';
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
import { grpcStatusOf } from './server-errors.js';

const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
/** Adding some writes a row; on Elasticsearch it changes an index. */
const ATTRIBUTES_TIMEOUT_MS = 30_000;
/** Often enough to catch what the loop's own cycle does not act on, rare enough not to matter. */
const REBALANCE_EVERY = '6h';
/** A leftover keeps room and an address from others; a look asks each host once. */
const RECONCILE_EVERY = '5m';

/** Register our search attributes where they are missing; throws CONFIG_INVALID where that cannot be, with what an operator can do. */
export async function ensureSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const { operatorService } = client.connection;
  const { customAttributes } = await client.withDeadline(Date.now() + ATTRIBUTES_TIMEOUT_MS, () =>
    operatorService.listSearchAttributes({ namespace }),
  );
  const names = Object.values(ATTRIBUTE).map((key) => key.name);
  const wrong = names.filter((name) => name in customAttributes && customAttributes[name] !== KEYWORD);
  if (wrong.length > 0) throw unfitAttributes(namespace, wrong);
  const missing = names.filter((name) => !(name in customAttributes));
  if (missing.length === 0) return;
  try {
    await client.withDeadline(Date.now() + ATTRIBUTES_TIMEOUT_MS, () =>
      operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
      }),
    );
  } catch (error) {
    throw isPassing(error) ? error : missingAttributes(namespace, missing, error);
  }
}

/** A server that has only just started, or has much to do. */
function isPassing(error: unknown): boolean {
  const status = grpcStatusOf(error);
  return status === GrpcStatus.UNAVAILABLE || status === GrpcStatus.DEADLINE_EXCEEDED;
}

function missingAttributes(namespace: string, names: readonly string[], cause: unknown): VmshadowError {
  const options = names.map((name) => `--name ${name} --type Keyword`).join(' ');
  return new VmshadowError(
    'CONFIG_INVALID',
    `the namespace ${namespace} lacks search attributes that moves are found by, and they cannot be added from here (${messageOf(cause)}). Whoever may add them: ` +
      `\`temporal operator search-attribute create --namespace ${namespace} ${options}\` (Temporal Cloud: in its UI, or \`tcld namespace search-attributes add\`). Then start this again.`,
    { cause },
  );
}

function unfitAttributes(namespace: string, names: readonly string[]): VmshadowError {
  return new VmshadowError(
    'CONFIG_INVALID',
    `the namespace ${namespace} has search attributes of our names that are no keywords: ${names.join(', ')}. ` +
      `Use a namespace of its own (TEMPORAL_NAMESPACE), or remove them (\`temporal operator search-attribute remove --namespace ${namespace} --name NAME\`).`,
  );
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
