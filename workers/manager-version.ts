// A manager as a version under Temporal's worker versioning: named by what its workflows are, and at work once it is the current one.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { hasCode } from '../domain/errors.js';
import { DEPLOYMENT } from '../temporal/contract/names.js';
import { makeCurrent, routing } from '../temporal/manager-versions.js';

const LOOK_MS = 2_000;
const DIGITS = 12;

/** The version of the workflows in `bundle`: managers of one release, anywhere, have the same. */
export async function buildIdOf(bundle: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(bundle))
    .digest('hex')
    .slice(0, DIGITS);
}

/** What a worker of version `buildId` is made with: the loop and its like go over to the current version, unless a workflow says otherwise. */
export const versionedAs = (buildId: string): Pick<WorkerOptions, 'workerDeploymentOptions'> => ({
  workerDeploymentOptions: {
    version: { deploymentName: DEPLOYMENT, buildId },
    useWorkerVersioning: true,
    defaultVersioningBehavior: 'AUTO_UPGRADE',
  },
});

/**
 * Wait until `buildId` is the current version. Where nobody has ever said which is, it becomes it: the first versioned manager takes over
 * from those without a version. Its worker must run meanwhile. Ends when `signal` does.
 */
export async function untilCurrent(
  client: Client,
  buildId: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let said = false; ;) {
    const now = await routing(client);
    if (now?.current === buildId) return;
    if (now?.said === true) {
      const current = now.current ?? 'managers without a version';
      const message = `waiting: \`vmshadow versions use ${buildId}\` gives this version the work`;
      if (!said) logger.info({ buildId, current }, message);
      said = true;
    } else if (now !== null)
      await makeCurrent(client, buildId, now.token).catch((error: unknown) => {
        // Another was faster, or the server has not yet heard of this version: it learns of it by the worker's first poll.
        if (!hasCode(error, 'PREREQUISITE')) throw error;
      });
    await sleep(LOOK_MS, undefined, { signal });
  }
}
