// The ends of block jobs, and of the nodes that they worked on.
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../../domain/errors.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { nodeNames, queryJob, queryJobs, unlessRefused } from '../qmp/qmp-replies.js';

const JOB_END_TIMEOUT_MS = 20_000;

/** Wait until the job is concluded (or dismissed by somebody). */
export async function waitForJobEnd(qmp: QmpClient, job: string, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const status = (await queryJob(qmp, job))?.status;
    if (status === undefined || status === 'concluded') return;
    if (Date.now() > deadline)
      throw new VmshadowError(
        'DISK_COPY',
        `${qmp.name}: job ${job} is still ${status} after ${timeoutMs} ms`,
      );
    await sleep(5);
  }
}

/** Cancel the jobs whose id is named so, and forget them. */
export async function dropJobs(qmp: QmpClient, isNamed: (id: string) => boolean): Promise<void> {
  for (const { id } of (await queryJobs(qmp)).filter((job) => isNamed(job.id))) {
    await unlessRefused(qmp.execute('block-job-cancel', { device: id, force: true }));
    await waitForJobEnd(qmp, id, JOB_END_TIMEOUT_MS);
    await unlessRefused(qmp.execute('job-dismiss', { id }));
  }
}

/** Remove the block nodes that are named so. */
export async function dropNodes(qmp: QmpClient, isNamed: (name: string) => boolean): Promise<void> {
  for (const name of (await nodeNames(qmp)).filter(isNamed))
    await qmp.execute('blockdev-del', { 'node-name': name });
}
