// Managers under Temporal's worker versioning: each is a version of one deployment, named by what its workflows are. The loop goes over to the
// current version at its next step; a move stays with the version that began it. Which is current, an operator says.
import { setTimeout as sleep } from 'node:timers/promises';
import { status as GrpcStatus } from '@grpc/grpc-js';
import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { temporalAddress } from './connection.js';
import { DEPLOYMENT } from './contract/names.js';
import { grpcStatusOf, noNamespace, notAllowed } from './server-errors.js';

/** A manager that has just come polls one of its queues before the other; the server wants to see both. */
const POLLS_WITHIN_MS = 15_000;
const POLL_LOOK_MS = 500;

const STATUS = proto.temporal.api.enums.v1.WorkerDeploymentVersionStatus;

/** `waiting`: never current; `draining`: was, and has workflows that began under it; `drained`: has none any more. */
type VersionState = 'waiting' | 'current' | 'draining' | 'drained';

/** One version of the managers. */
export interface ManagerVersion {
  readonly buildId: string;
  readonly state: VersionState;
  /** When its first manager came. */
  readonly sinceMs: number;
  /** Moves under way that it began: they stay with it. */
  readonly open: number;
}

const stateOf = (status: number | null | undefined): VersionState => {
  switch (status) {
    case STATUS.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT:
    case STATUS.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING:
      return 'current';
    case STATUS.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING:
      return 'draining';
    case STATUS.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED:
      return 'drained';
    default:
      return 'waiting';
  }
};

/** What the server holds of the deployment; null where no versioned manager has ever come. */
async function describe(client: Client) {
  const { namespace } = client.options;
  for (;;) {
    try {
      return await client.workflowService.describeWorkerDeployment({ namespace, deploymentName: DEPLOYMENT });
    } catch (error) {
      if (grpcStatusOf(error) !== GrpcStatus.NOT_FOUND) throw notAllowed(error, temporalAddress()) ?? error;
    }
    // It says that, too, of a deployment that is there while it hands its state on, and of a namespace that is not.
    if (!(await isListed(client))) return null;
    await sleep(POLL_LOOK_MS);
  }
}

async function isListed(client: Client): Promise<boolean> {
  const { namespace } = client.options;
  try {
    const { workerDeployments } = await client.workflowService.listWorkerDeployments({ namespace });
    return workerDeployments.some(({ name }) => name === DEPLOYMENT);
  } catch (error) {
    throw grpcStatusOf(error) === GrpcStatus.NOT_FOUND
      ? noNamespace(error, namespace, temporalAddress())
      : error;
  }
}

/** Where new work goes. */
export interface Routing {
  /** The current version; null: whoever has none. */
  readonly current: string | null;
  /** Somebody has said so; false: nobody has ever said anything. */
  readonly said: boolean;
  /** Of this state: a change by it fails where another has come between. */
  readonly token: Uint8Array;
}

/** Where new work goes; null where the server knows of no version. */
export async function routing(client: Client): Promise<Routing | null> {
  const found = await describe(client);
  if (found === null) return null;
  const config = found.workerDeploymentInfo?.routingConfig;
  return {
    current: config?.currentDeploymentVersion?.buildId ?? null,
    said: config?.currentVersionChangedTime != null,
    token: found.conflictToken,
  };
}

/** All versions that the server knows, the newest first. */
export async function managerVersions(client: Client): Promise<ManagerVersion[]> {
  const summaries = (await describe(client))?.workerDeploymentInfo?.versionSummaries ?? [];
  const versions = await Promise.all(
    summaries.map(async ({ deploymentVersion, status, createTime }) => {
      const buildId = deploymentVersion?.buildId ?? '';
      const { count } = await client.workflow.count(
        `ExecutionStatus = 'Running' AND TemporalWorkerDeploymentVersion = '${DEPLOYMENT}:${buildId}' AND TemporalWorkflowVersioningBehavior = 'Pinned'`,
      );
      return {
        buildId,
        state: stateOf(status),
        sinceMs: Number(createTime?.seconds ?? 0) * 1_000,
        open: count,
      };
    }),
  );
  return versions.sort((a, b) => b.sinceMs - a.sinceMs);
}

/**
 * Send new work, and the loops with their next step, to the managers of `buildId`; null: to managers without a version.
 * `token`: only where nothing has been changed since. Throws PREREQUISITE where no manager of that version runs, or something has.
 */
export async function makeCurrent(
  client: Client,
  buildId: string | null,
  token: Uint8Array = new Uint8Array(),
): Promise<void> {
  const deadlineMs = Date.now() + POLLS_WITHIN_MS;
  for (;;) {
    try {
      await client.workflowService.setWorkerDeploymentCurrentVersion({
        namespace: client.options.namespace,
        deploymentName: DEPLOYMENT,
        buildId: buildId ?? '',
        identity: client.options.identity,
        conflictToken: token,
      });
      return;
    } catch (error) {
      const status = grpcStatusOf(error);
      if (status !== GrpcStatus.NOT_FOUND && status !== GrpcStatus.FAILED_PRECONDITION) throw error;
      const known = (await managerVersions(client)).some((v) => v.buildId === buildId);
      if (!known || Date.now() > deadlineMs) throw noSuchVersion(buildId, error);
    }
    await sleep(POLL_LOOK_MS);
  }
}

function noSuchVersion(buildId: string | null, cause: unknown): VmshadowError {
  return new VmshadowError(
    'PREREQUISITE',
    `no manager runs as version ${buildId ?? '(none)'} (${messageOf(cause)}). \`vmshadow versions\` lists those that there are; start one with \`vmshadow manager --versioned\`.`,
    { cause },
  );
}
