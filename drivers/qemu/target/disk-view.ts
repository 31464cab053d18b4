// A view of a desktop's disk as it was when its copy was activated: before the guest runs, a copy-before-write job begins to keep what the
// guest overwrites in an overlay file (QEMU 10: the disk can be made active while the guest is paused). Read over a unix socket, then dropped.
import { rm } from 'node:fs/promises';
import type { DesktopId } from '../../../domain/model/ids.js';
import { runCommand } from '../../../os/run-command.js';
import { DISK_NODE } from '../process/command-lines.js';
import { waitForJobEnd } from '../source/disk-copy.js';
import { hashExport } from '../process/disk-hash.js';
import type { QemuHost } from '../process/qemu-host.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { hasNode, queryJob, unlessRefused } from '../qmp/qmp-replies.js';

const VIEW = 'view';
const JOB_END_TIMEOUT_MS = 20_000;

/** Make the empty overlay file, ahead of the pause. */
export async function prepareView(
  host: QemuHost,
  desktop: DesktopId,
  copy: string,
  diskMiB: number,
): Promise<void> {
  const { overlay } = host.layout.view(desktop, copy);
  const { disk } = host.layout.copy(desktop, copy);
  await rm(overlay, { force: true });
  // -u: the disk is not looked at, the storage daemon has it locked.
  const options = ['-q', '-u', '-f', 'qcow2', '-b', disk, '-F', 'raw'];
  await runCommand(['qemu-img', 'create', ...options, overlay, `${diskMiB}M`]);
  await host.giveToQemu(overlay);
}

/** Begin to keep the view; the guest must be paused, its disk active. */
export async function beginView(
  host: QemuHost,
  qmp: QmpClient,
  desktop: DesktopId,
  copy: string,
): Promise<void> {
  if (!(await hasNode(qmp, VIEW)))
    await qmp.execute('blockdev-add', {
      driver: 'qcow2',
      'node-name': VIEW,
      file: { driver: 'file', filename: host.layout.view(desktop, copy).overlay },
      backing: DISK_NODE,
    });
  if ((await queryJob(qmp, VIEW)) === undefined)
    await qmp.execute('blockdev-backup', {
      'job-id': VIEW,
      device: DISK_NODE,
      target: VIEW,
      sync: 'none',
      'auto-dismiss': false,
    });
}

/** Tell whether there is a view that still holds. */
export async function hasView(qmp: QmpClient): Promise<boolean> {
  return (await queryJob(qmp, VIEW))?.status === 'running';
}

/** Hash the view: SHA-256 over the whole disk. */
export async function hashView(
  host: QemuHost,
  qmp: QmpClient,
  desktop: DesktopId,
  copy: string,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<string> {
  const { socket } = host.layout.view(desktop, copy);
  await unlessRefused(qmp.execute('nbd-server-stop'));
  await rm(socket, { force: true });
  await qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path: socket } } });
  try {
    await qmp.execute('block-export-add', { type: 'nbd', id: VIEW, 'node-name': VIEW, name: VIEW });
    return await hashExport(socket, VIEW, sizeBytes, signal);
  } finally {
    // Stopping the server ends its export; a connection that was cut off needs a moment.
    await unlessRefused(qmp.execute('nbd-server-stop'));
    await rm(socket, { force: true });
  }
}

/** Drop the view: job, node and file. */
export async function dropView(
  host: QemuHost,
  qmp: QmpClient,
  desktop: DesktopId,
  copy: string,
): Promise<void> {
  if ((await queryJob(qmp, VIEW)) !== undefined) {
    await unlessRefused(qmp.execute('block-job-cancel', { device: VIEW, force: true }));
    await waitForJobEnd(qmp, VIEW, JOB_END_TIMEOUT_MS);
    await unlessRefused(qmp.execute('job-dismiss', { id: VIEW }));
  }
  if (await hasNode(qmp, VIEW)) await qmp.execute('blockdev-del', { 'node-name': VIEW });
  await rm(host.layout.view(desktop, copy).overlay, { force: true });
}
