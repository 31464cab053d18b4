// Source side of the disk: a mirror job to the target's NBD export, first in the background, then write-blocking (each guest write waits
// for the target). Measured on QEMU 10.0.2:
//   blockdev-add nbd (TLS, reconnect-delay) -> blockdev-mirror background -> BLOCK_JOB_READY -> block-job-change write-blocking
//   -> actively-synced -> [guest stopped] block-job-cancel without force = finish -> concluded -> job-dismiss -> blockdev-del
// To give up, the connection is yanked first: cancelling against a dead link hangs the monitor and has crashed QEMU.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CopyProgress, DiskTarget, MoveKey } from '../../../ports/hypervisor.js';
import type { Endpoint } from '../../../domain/model/address.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { VmshadowError } from '../../../domain/errors.js';
import { DISK_NODE } from '../process/command-lines.js';
import type { QemuHost } from '../process/qemu-host.js';
import { copyKeyOf } from '../process/layout.js';
import type { CommandOptions, QmpClient } from '../qmp/qmp-client.js';
import { hasNode, queryBlockJob, queryJob, queryJobs, unlessRefused } from '../qmp/qmp-replies.js';
import { addClientCredentials, removeCredentials } from '../process/tls.js';
import { yank } from '../qmp/yank.js';

/** A page: with QEMU's default of 64 KB, random writes of 4 KB would be copied sixteen-fold, and a slow WAN never catch up. */
const GRANULARITY_BYTES = 4_096;
/** Survives a restart of the target's storage daemon; the watchdog cuts a dead link much sooner. */
const RECONNECT_DELAY_S = 15;
const MIRROR = 'mirror-';
const SYNC_POLL_MS = 20;
/** Some round trips of the longest link. */
const CONNECT_TIMEOUT_MS = 5_000;
const JOB_END_TIMEOUT_MS = 20_000;

/** Names of a move's block job, block node and credentials in the source's QEMU. */
export function diskNames(move: MoveKey): { job: string; node: string; tls: string } {
  return diskNamesOf(copyKeyOf(move));
}

function diskNamesOf(key: string): { job: string; node: string; tls: string } {
  return { job: `${MIRROR}${key}`, node: `replica-${key}`, tls: `tls-disk-${key}` };
}

/** Bytes a second of a cap in megabits a second. */
export function bytesPerSecond(mbps: number): number {
  return Math.max(1, Math.round((mbps * 1e6) / 8));
}

/** Begin to copy the disk to the target; a copy under way gets the new cap, one that failed is begun anew. */
export async function startDiskCopy(
  host: QemuHost,
  move: MoveKey,
  target: DiskTarget,
  mbps: number,
): Promise<void> {
  const { qmp } = await host.runningDesktop(move.desktop);
  const { job, node, tls } = diskNames(move);
  const jobs = await queryJobs(qmp);
  const known = jobs.find((j) => j.id === job);
  const other = jobs.find((j) => j.id.startsWith(MIRROR) && j.id !== job);
  if (other !== undefined)
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `the disk of ${move.desktop} is still being copied for another move (job ${other.id}); cancel that first`,
    );
  if (known !== undefined && known.status !== 'concluded') {
    await qmp.execute('block-job-set-speed', { device: job, speed: bytesPerSecond(mbps) });
    return;
  }
  await mustAnswer(target.endpoint);
  await forgetDiskCopy(qmp, copyKeyOf(move));
  await addClientCredentials(host, qmp, tls);
  try {
    await qmp.execute('blockdev-add', {
      driver: 'nbd',
      'node-name': node,
      server: { type: 'inet', host: target.endpoint.address, port: String(target.endpoint.port) },
      export: target.exportName,
      'tls-creds': tls,
      'reconnect-delay': RECONNECT_DELAY_S,
      discard: 'unmap',
    });
    await qmp.execute('blockdev-mirror', {
      'job-id': job,
      device: DISK_NODE,
      target: node,
      sync: 'full',
      'copy-mode': 'background',
      granularity: GRANULARITY_BYTES,
      speed: bytesPerSecond(mbps),
      'on-target-error': 'report',
      'auto-dismiss': false,
    });
  } catch (error) {
    await forgetDiskCopy(qmp, copyKeyOf(move));
    throw diskError(move, `the target's disk export ${target.exportName} could not be used`, error);
  }
}

/** QEMU connects with its main loop stopped, and the guest with it: a peer that is not there must be found out before. */
async function mustAnswer({ address, port }: Endpoint): Promise<void> {
  const socket = connect({ host: address, port });
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void =>
      reject(
        new VmshadowError(
          'HOST_UNREACHABLE',
          `the target's disk export at ${address}:${port} does not answer: ${why}`,
        ),
      );
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => fail(`nothing within ${CONNECT_TIMEOUT_MS} ms`));
    socket.once('error', (error) => fail(error.message));
    socket.once('connect', () => resolve());
  }).finally(() => socket.destroy());
}

/** How far the copy is, as QEMU tells it: of the disk as the guest sees it. A lost target shows as `failed`. */
export async function diskProgress(host: QemuHost, move: MoveKey): Promise<JobProgress> {
  const { qmp } = await host.runningDesktop(move.desktop);
  return progressOf(qmp, move);
}

type JobProgress = Omit<CopyProgress, 'wireBytes'>;

async function progressOf(qmp: QmpClient, move: MoveKey): Promise<JobProgress> {
  const { job } = diskNames(move);
  const running = await queryBlockJob(qmp, job);
  if (running !== undefined && running.error === undefined) {
    const state = !running.ready ? 'copying' : running['actively-synced'] === true ? 'synchronous' : 'ready';
    return { state, doneBytes: running.offset, totalBytes: running.len, error: null };
  }
  const ended = await queryJob(qmp, job);
  if (ended === undefined) return { state: 'none', doneBytes: 0, totalBytes: 0, error: null };
  return {
    state: 'failed',
    doneBytes: running?.offset ?? 0,
    totalBytes: running?.len ?? 0,
    error: ended.error ?? running?.error ?? `the mirror job is ${ended.status}`,
  };
}

/** Wait until the target has everything, then let each write wait for the target, and wait until that holds. */
export async function makeSynchronous(host: QemuHost, move: MoveKey, signal: AbortSignal): Promise<void> {
  const { qmp } = await host.runningDesktop(move.desktop);
  const { job } = diskNames(move);
  let changed = false;
  for (;;) {
    const progress = await progressOf(qmp, move);
    if (progress.state === 'synchronous') return;
    if (progress.state === 'failed' || progress.state === 'none')
      throw diskError(move, progress.error ?? 'there is no copy of the disk to make synchronous');
    // Also before it is ready: a copy that only chases the guest's writes ends once they no longer dirty anything.
    if (!changed) {
      await qmp.execute('block-job-change', { id: job, type: 'mirror', 'copy-mode': 'write-blocking' });
      changed = true;
    }
    await sleep(SYNC_POLL_MS, undefined, { signal });
  }
}

/** Finish the mirror of the stopped guest: afterwards the target's disk is the source's. */
export async function finishDiskCopy(qmp: QmpClient, move: MoveKey, timeoutMs: number): Promise<void> {
  const { job, node, tls } = diskNames(move);
  const before = await progressOf(qmp, move);
  if (before.state !== 'synchronous')
    throw diskError(move, before.error ?? `the copy is ${before.state}, expected synchronous`);
  const since = qmp.lastSeq;
  const completed = qmp.waitFor(
    (e) => (e.name === 'BLOCK_JOB_COMPLETED' || e.name === 'BLOCK_JOB_CANCELLED') && e.data['device'] === job,
    'the end of the disk copy',
    { since, timeoutMs },
  );
  completed.catch(() => undefined);
  await qmp.execute('block-job-cancel', { device: job, force: false }, { timeoutMs });
  const event = await completed;
  const error = event.data['error'];
  if (event.name !== 'BLOCK_JOB_COMPLETED' || error !== undefined)
    throw diskError(move, typeof error === 'string' ? error : 'the mirror was cancelled');
  await waitForJobEnd(qmp, job, timeoutMs);
  await qmp.execute('job-dismiss', { id: job });
  await qmp.execute('blockdev-del', { 'node-name': node });
  await removeCredentials(qmp, tls);
}

/** Give up the copy of this key: cut the connection, end the job, forget node and credentials. The guest runs on. */
export async function cancelDiskCopy(host: QemuHost, desktop: DesktopId, key: string): Promise<void> {
  const copy = await host.runningDesktopIfAny(desktop);
  if (copy === null) return;
  await yank(copy.qmp, { node: diskNamesOf(key).node });
  await forgetDiskCopy(copy.qmp, key);
}

/** The keys of the moves whose copy of the disk this QEMU has a job of, also when that has ended. */
export async function diskCopiesOf(qmp: QmpClient, options?: CommandOptions): Promise<string[]> {
  const jobs = await queryJobs(qmp, options);
  return jobs.filter((j) => j.id.startsWith(MIRROR)).map((j) => j.id.slice(MIRROR.length));
}

async function forgetDiskCopy(qmp: QmpClient, key: string): Promise<void> {
  const { job, node, tls } = diskNamesOf(key);
  if ((await queryJob(qmp, job)) !== undefined) {
    await unlessRefused(qmp.execute('block-job-cancel', { device: job, force: true }));
    await waitForJobEnd(qmp, job, JOB_END_TIMEOUT_MS);
    await unlessRefused(qmp.execute('job-dismiss', { id: job }));
  }
  if (await hasNode(qmp, node)) await qmp.execute('blockdev-del', { 'node-name': node });
  await removeCredentials(qmp, tls);
}

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

function diskError(move: MoveKey, why: string, cause?: unknown): VmshadowError {
  const detail = cause instanceof Error ? `: ${cause.message}` : '';
  return new VmshadowError(
    'DISK_COPY',
    `disk copy of ${move.desktop} (move ${move.moveId}): ${why}${detail}`,
    {
      cause,
    },
  );
}
