// A view of each of a desktop's disks as it was when its copy was activated: before the guest runs, a copy-before-write job begins to keep what the
// guest overwrites in an overlay file (QEMU 10: the disk can be made active while the guest is paused). Read over a unix socket, then dropped.
import { rm } from 'node:fs/promises';
import type { DesktopId } from '../../../domain/model/ids.js';
import { runCommand } from '../../../os/run-command.js';
import { dropJobs, dropNodes } from '../process/block-jobs.js';
import { hashExport, hashOfAll } from '../process/disk-hash.js';
import { driveFile, isNamed, nameOf, possibleFiles, type Drive } from '../process/drives.js';
import type { QemuHost } from '../process/qemu-host.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { nodeNames, queryJobs, unlessRefused } from '../qmp/qmp-replies.js';

const VIEW = 'view';

/** Make the empty overlay files, ahead of the pause. */
export async function prepareView(
  host: QemuHost,
  desktop: DesktopId,
  copy: string,
  drives: readonly Drive[],
): Promise<void> {
  const { overlay: first } = host.layout.view(desktop, copy);
  const { disk } = host.layout.copy(desktop, copy);
  for (const drive of drives) {
    const overlay = driveFile(first, drive);
    await rm(overlay, { force: true });
    // -u: the disk is not looked at, the storage daemon has it locked.
    const options = ['-q', '-u', '-f', 'qcow2', '-b', driveFile(disk, drive), '-F', 'raw'];
    await runCommand(['qemu-img', 'create', ...options, overlay, String(drive.sizeBytes)]);
    await host.giveToQemu(overlay);
  }
}

/** Begin to keep the views; the guest must be paused, its disks active. */
export async function beginView(
  host: QemuHost,
  qmp: QmpClient,
  desktop: DesktopId,
  copy: string,
  drives: readonly Drive[],
): Promise<void> {
  const { overlay } = host.layout.view(desktop, copy);
  const [nodes, jobs] = [await nodeNames(qmp), await queryJobs(qmp)];
  for (const drive of drives) {
    const name = nameOf(VIEW, drive);
    if (!nodes.includes(name))
      await qmp.execute('blockdev-add', {
        driver: 'qcow2',
        'node-name': name,
        file: { driver: 'file', filename: driveFile(overlay, drive) },
        backing: drive.node,
      });
    if (jobs.every((job) => job.id !== name))
      await qmp.execute('blockdev-backup', {
        'job-id': name,
        device: drive.node,
        target: name,
        sync: 'none',
        'auto-dismiss': false,
      });
  }
}

/** Tell whether there is a view of every drive that still holds. */
export async function hasView(qmp: QmpClient, drives: readonly Drive[]): Promise<boolean> {
  const jobs = await queryJobs(qmp);
  return drives.every((d) => jobs.some((job) => job.id === nameOf(VIEW, d) && job.status === 'running'));
}

/** Hash the views: SHA-256 over the whole disk; of several, over their hashes. */
export async function hashView(
  host: QemuHost,
  qmp: QmpClient,
  desktop: DesktopId,
  copy: string,
  drives: readonly Drive[],
  signal: AbortSignal,
): Promise<string> {
  const { socket } = host.layout.view(desktop, copy);
  await unlessRefused(qmp.execute('nbd-server-stop'));
  await rm(socket, { force: true });
  await qmp.execute('nbd-server-start', { addr: { type: 'unix', data: { path: socket } } });
  try {
    for (const drive of drives) {
      const name = nameOf(VIEW, drive);
      await qmp.execute('block-export-add', { type: 'nbd', id: name, 'node-name': name, name });
    }
    return await hashOfAll(drives, (drive) =>
      hashExport(socket, nameOf(VIEW, drive), drive.sizeBytes, signal),
    );
  } finally {
    // Stopping the server ends its exports; a connection that was cut off needs a moment.
    await unlessRefused(qmp.execute('nbd-server-stop'));
    await rm(socket, { force: true });
  }
}

/** Drop the views: jobs, nodes and files. */
export async function dropView(
  host: QemuHost,
  qmp: QmpClient,
  desktop: DesktopId,
  copy: string,
): Promise<void> {
  await dropJobs(qmp, (id) => isNamed(VIEW, id));
  await dropNodes(qmp, (name) => isNamed(VIEW, name));
  for (const file of possibleFiles(host.layout.view(desktop, copy).overlay)) await rm(file, { force: true });
}
