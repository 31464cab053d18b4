// The manager: workflows and planning on the control queue, for one cloud. Stateless: any number may run, anywhere.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { openGeoDatabase } from '../drivers/solver/geo-database.js';
import { highs } from '../drivers/solver/highs-solver.js';
import { controlActivities } from '../activities/control/control-activities.js';
import { messageOf, VmshadowError } from '../domain/errors.js';
import type { CloudConfig } from '../domain/model/cloud.js';
import {
  ensureRebalanceSchedule,
  ensureReconcileSchedule,
  ensureSearchAttributes,
  ensureShadowLoop,
} from '../temporal/bootstrap.js';
import { connectClient } from '../temporal/connection.js';
import { failureInfo } from '../temporal/contract/failures.js';
import { CONTROL_QUEUE } from '../temporal/contract/names.js';
import { buildIdOf, untilCurrent, versionedAs } from './manager-version.js';
import { keepLoopMetrics } from './loop-metrics.js';
import { connectWhenThere, installRuntime, runWorkers, workerDefaults } from './worker-runtime.js';

export interface ManagerOptions {
  readonly cloud: CloudConfig;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** `ADDRESS:PORT` at which Prometheus finds metrics. */
  readonly metrics?: string | undefined;
  /** Take part in Temporal's worker versioning. */
  readonly versioned?: boolean | undefined;
}

const built = fileURLToPath(new URL('../workflow-bundle.js', import.meta.url));
/** The workflows as the build has bundled them: beside us in dist/, or in dist/ where we run from sources. */
export const WORKFLOW_BUNDLE = existsSync(built)
  ? built
  : fileURLToPath(new URL('../dist/workflow-bundle.js', import.meta.url));
const BOOTSTRAP_TRIES = 60;
const BOOTSTRAP_RETRY_MS = 1_000;

/** Run the manager until `signal` is aborted. */
export async function runManager({
  cloud,
  logger,
  signal,
  metrics,
  versioned,
}: ManagerOptions): Promise<void> {
  const defaults = workerDefaults();
  installRuntime(logger, metrics);
  const { connection, namespace, address } = await connectWhenThere(logger, signal);
  const client = await connectClient();
  const buildId = versioned === true ? await buildIdOf(WORKFLOW_BUNDLE) : null;
  const worker = await Worker.create({
    ...defaults,
    ...(buildId === null ? {} : versionedAs(buildId)),
    workflowBundle: { codePath: WORKFLOW_BUNDLE },
    connection,
    namespace,
    taskQueue: CONTROL_QUEUE,
    activities: controlActivities({
      client,
      solver: highs,
      geo: cloud.geoDatabase === undefined ? null : await openGeoDatabase(cloud.geoDatabase),
    }),
  });
  const ending = new AbortController();
  const running = runWorkers([worker], AbortSignal.any([signal, ending.signal]));
  try {
    const start = async () => {
      // What a newer configuration says is nothing for a loop that an older version still runs.
      if (buildId !== null) await untilCurrent(client, buildId, logger, signal);
      await bootstrap(client, cloud, logger, signal);
    };
    await Promise.race([running, start()]);
    const version = buildId === null ? {} : { buildId };
    logger.info({ pool: cloud.pool, temporal: address, namespace, ...version }, 'manager ready');
    if (metrics !== undefined)
      void keepLoopMetrics(client, cloud.pool, AbortSignal.any([signal, ending.signal]));
    await running;
  } finally {
    ending.abort();
    await running.catch(() => undefined);
    await client.connection.close();
    await connection.close();
  }
}

/** Start the loop and the schedules; a server that has only just started refuses for a while. */
async function bootstrap(
  client: Client,
  cloud: CloudConfig,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let tries = 1; !signal.aborted; tries++) {
    try {
      await ensureSearchAttributes(client);
      await ensureShadowLoop(client, cloud);
      await ensureRebalanceSchedule(client, cloud);
      await ensureReconcileSchedule(client, cloud);
      return;
    } catch (error) {
      // Ours is a real refusal, for instance of the configuration; the rest passes.
      if (failureInfo(error).code !== 'INTERNAL') throw error;
      if (tries >= BOOTSTRAP_TRIES)
        throw new VmshadowError(
          'CONTROL_PLANE',
          `the Temporal server does not let the pool ${cloud.pool} be set up, tried ${String(tries)} times: ${messageOf(error)}`,
          { cause: error },
        );
      logger.warn({ error: messageOf(error), tries }, 'Temporal is not ready yet; trying again');
      await sleep(BOOTSTRAP_RETRY_MS, undefined, { signal });
    }
  }
}
