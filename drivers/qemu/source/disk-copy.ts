// Source side of the disks: a mirror job for each to an export of its own at the target, first in the background, then write-blocking (each
// guest write waits for the target). All run side by side under the move's cap, and count as one copy (mirrors.ts). Measured on QEMU 10.0.2:
//   blockdev-add nbd (TLS, reconnect-delay) -> blockdev-mirror background -> BLOCK_JOB_READY -> block-job-change write-blocking
//   -> actively-synced -> [guest stopped] block-job-cancel without force = finish -> concluded -> job-dismiss -> blockdev-del
// To give up, the connection is yanked first: cancelling against a dead link hangs the monitor and has crashed QEMU.
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CopyProgress, DiskTarget, MoveKey } from '../../../ports/hypervisor.js';
import type { Endpoint } from '../../../domain/model/address.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { VmshadowError } from '../../../domain/errors.js';
import { dropJobs, dropNodes, waitForJobEnd } from '../process/block-jobs.js';
import { baseOf, drivesOf, isNamed, nameOf, type Drive } from '../process/drives.js';
import type { QemuHost } from '../process/qemu-host.js';
import { copyKeyOf } from '../process/layout.js';
import type { CommandOptions, QmpClient } from '../qmp/qmp-client.js';
import { queryBlockJobs, queryJobs, unlessRefused } from '../qmp/qmp-replies.js';
import { copyOf, mirrorsOf, newShares, sharesOf, type Mirror } from './mirrors.js';
import { startSourceRelay, stopRelay } from '../process/relay.js';
import { addClientCredentials, removeCredentials } from '../process/tls.js';
import { yank } from '../qmp/yank.js';

/** A page: with QEMU's default of 64 KB, random writes of 4 KB would be copied sixteen-fold, and a slow WAN never catch up. */
const GRANULARITY_BYTES = 4_096;
/** Survives a restart of the target's storage daemon; the watchdog cuts a dead link much sooner. */
const RECONNECT_DELAY_S = 15;
/** What a relay may take in a second, in seconds of the link: pages that it has seen, or that are there, pass in no time. */
export const RELAY_GAIN = 16;
const MIRROR = 'mirror-';
const SYNC_POLL_MS = 20;
/** Some round trips of the longest link. */
const CONNECT_TIMEOUT_MS = 5_000;

/** QEMU's own cap, bytes a second. A relay sends less than it takes: there the cap is held on the wire, and what cannot be sent yet waits. */
export function capOf(mbps: number, relay: object | undefined): number {
  return bytesPerSecond(mbps) * (relay === undefined ? 1 : RELAY_GAIN);
}

interface DiskNames {
  readonly job: string;
  readonly node: string;
  readonly tls: string;
}

/** Names of a copy's credentials in the source's QEMU, and those that its block jobs and nodes are named after, one a drive. */
function diskNamesOf(key: string): DiskNames {
  return { job: `${MIRROR}${key}`, node: `replica-${key}`, tls: `tls-disk-${key}` };
}

/** Tell which block nodes are the replicas of a move. */
export function isReplicaOf(move: MoveKey): (node: string) => boolean {
  const { node } = diskNamesOf(copyKeyOf(move));
  return (name) => isNamed(node, name);
}

/** Bytes a second of a cap in megabits a second. */
function bytesPerSecond(mbps: number): number {
  return Math.max(1, Math.round((mbps * 1e6) / 8));
}

/** Begin to copy the disks to the target; copies under way get the new cap; where one has failed all are begun anew. */
export async function startDiskCopy(
  host: QemuHost,
  move: MoveKey,
  target: DiskTarget,
  mbps: number,
): Promise<void> {
  const { qmp, record } = await host.runningDesktop(move.desktop);
  const drives = drivesOf(record.definition);
  const { job, tls } = diskNamesOf(copyKeyOf(move));
  const jobs = await queryJobs(qmp);
  const other = jobs.find((j) => j.id.startsWith(MIRROR) && !isNamed(job, j.id));
  if (other !== undefined)
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `the disk of ${move.desktop} is still being copied for another move (job ${other.id}); cancel that first`,
    );
  const { relay, endpoint } = target;
  if (relay !== undefined) await startSourceRelay(host, move, endpoint.address, relay);
  const cap = capOf(mbps, relay);
  const works = (d: Drive) => jobs.some((j) => j.id === nameOf(job, d) && j.status !== 'concluded');
  if (drives.every(works)) {
    await setSpeeds(qmp, newShares(cap, await mirrorsNow(qmp, move, drives)));
    return;
  }
  await mustAnswer(endpoint);
  await forgetDiskCopy(qmp, copyKeyOf(move));
  if (relay === undefined) await addClientCredentials(host, qmp, tls);
  const server =
    relay === undefined
      ? {
          server: { type: 'inet', host: endpoint.address, port: String(endpoint.port) },
          'tls-creds': tls,
        }
      : { server: { type: 'unix', path: host.layout.relay(move.desktop, copyKeyOf(move)).disk } };
  try {
    const shares = sharesOf(
      cap,
      drives.map((d) => ({ remainingBytes: d.sizeBytes, totalBytes: d.sizeBytes })),
    );
    for (const [i, drive] of drives.entries())
      await startMirror(qmp, copyKeyOf(move), drive, target.exportName, server, shares[i] ?? 1);
  } catch (error) {
    await forgetDiskCopy(qmp, copyKeyOf(move));
    throw diskError(move, `the target's disk export ${target.exportName} could not be used`, error);
  }
}

async function startMirror(
  qmp: QmpClient,
  key: string,
  drive: Drive,
  exportName: string,
  server: object,
  speed: number,
): Promise<void> {
  const { job, node } = diskNamesOf(key);
  await qmp.execute('blockdev-add', {
    driver: 'nbd',
    'node-name': nameOf(node, drive),
    ...server,
    export: nameOf(exportName, drive),
    'reconnect-delay': RECONNECT_DELAY_S,
    discard: 'unmap',
  });
  await qmp.execute('blockdev-mirror', {
    'job-id': nameOf(job, drive),
    device: drive.node,
    target: nameOf(node, drive),
    sync: 'full',
    'copy-mode': 'background',
    granularity: GRANULARITY_BYTES,
    speed,
    'on-target-error': 'report',
    'auto-dismiss': false,
  });
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

/**
 * How far the copy is, as QEMU tells it: of the disks as the guest sees them. A lost target shows as `failed`. While several are copied, it
 * also gives each its share of the cap anew.
 */
export async function diskProgress(host: QemuHost, move: MoveKey): Promise<JobProgress> {
  const { qmp, record } = await host.runningDesktop(move.desktop);
  const mirrors = await mirrorsNow(qmp, move, drivesOf(record.definition));
  const copy = copyOf(mirrors);
  if (mirrors.length > 1 && ['copying', 'ready'].includes(copy.state))
    await setSpeeds(qmp, newShares(null, mirrors));
  return copy;
}

type JobProgress = Omit<CopyProgress, 'wireBytes' | 'saved'>;

async function mirrorsNow(qmp: QmpClient, move: MoveKey, drives: readonly Drive[]): Promise<Mirror[]> {
  const { job } = diskNamesOf(copyKeyOf(move));
  const names = drives.map((drive) => nameOf(job, drive));
  const running = await queryBlockJobs(qmp);
  return mirrorsOf(names, running, await queryJobs(qmp));
}

/** A job that has ended meanwhile needs none. */
async function setSpeeds(qmp: QmpClient, speeds: readonly { job: string; speed: number }[]): Promise<void> {
  for (const { job, speed } of speeds)
    await unlessRefused(qmp.execute('block-job-set-speed', { device: job, speed }));
}

/** Wait until the target has everything, then let each write wait for the target, and wait until that holds for all disks. */
export async function makeSynchronous(host: QemuHost, move: MoveKey, signal: AbortSignal): Promise<void> {
  const { qmp, record } = await host.runningDesktop(move.desktop);
  const drives = drivesOf(record.definition);
  let changed = false;
  for (;;) {
    const mirrors = await mirrorsNow(qmp, move, drives);
    const progress = copyOf(mirrors);
    if (progress.state === 'synchronous') return;
    if (progress.state === 'failed' || progress.state === 'none')
      throw diskError(move, progress.error ?? 'there is no copy of the disk to make synchronous');
    // Also before it is ready: a copy that only chases the guest's writes ends once they no longer dirty anything.
    if (!changed)
      for (const { job } of mirrors.filter((m) => m.state !== 'synchronous'))
        await qmp.execute('block-job-change', { id: job, type: 'mirror', 'copy-mode': 'write-blocking' });
    changed = true;
    await sleep(SYNC_POLL_MS, undefined, { signal });
  }
}

/** Finish the mirrors of the stopped guest, all of them or none counts: afterwards the target's disks are the source's. */
export async function finishDiskCopy(
  qmp: QmpClient,
  move: MoveKey,
  drives: readonly Drive[],
  timeoutMs: number,
): Promise<void> {
  const { job, node, tls } = diskNamesOf(copyKeyOf(move));
  const before = copyOf(await mirrorsNow(qmp, move, drives));
  if (before.state !== 'synchronous')
    throw diskError(move, before.error ?? `the copy is ${before.state}, expected synchronous`);
  // Each is waited for, also when another has failed: what comes next finds none that is still at work.
  const ends = await Promise.allSettled(
    drives.map(async (drive) => {
      await finishMirror(qmp, move, nameOf(job, drive), timeoutMs);
      await qmp.execute('blockdev-del', { 'node-name': nameOf(node, drive) });
    }),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  await removeCredentials(qmp, tls);
}

async function finishMirror(qmp: QmpClient, move: MoveKey, job: string, timeoutMs: number): Promise<void> {
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
}

/** Give up the copy of this key: cut the connection, end the job, forget node and credentials. The guest runs on. */
export async function cancelDiskCopy(host: QemuHost, desktop: DesktopId, key: string): Promise<void> {
  const copy = await host.runningDesktopIfAny(desktop);
  if (copy !== null) {
    const { node } = diskNamesOf(key);
    await yank(copy.qmp, { isNode: (name) => isNamed(node, name) });
    await forgetDiskCopy(copy.qmp, key);
  }
  await stopRelay(host, desktop, key);
}

/** The keys of the moves whose copy of a disk this QEMU has a job of, also when that has ended. */
export async function diskCopiesOf(qmp: QmpClient, options?: CommandOptions): Promise<string[]> {
  const jobs = await queryJobs(qmp, options);
  const mirrors = jobs.filter((j) => j.id.startsWith(MIRROR));
  return [...new Set(mirrors.map((j) => baseOf(j.id.slice(MIRROR.length))))];
}

async function forgetDiskCopy(qmp: QmpClient, key: string): Promise<void> {
  const { job, node, tls } = diskNamesOf(key);
  await dropJobs(qmp, (id) => isNamed(job, id));
  await dropNodes(qmp, (name) => isNamed(node, name));
  await removeCredentials(qmp, tls);
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
