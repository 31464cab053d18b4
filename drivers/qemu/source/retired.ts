// What a source keeps after its desktop has moved away: nothing that could run, and disk and TPM for the grace time.
import { rm } from 'node:fs/promises';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { VmshadowError } from '../../../domain/errors.js';
import { isMissing, removeDurably, renameDurably } from '../../../os/durable-file.js';
import { removeCopyFiles } from '../process/desktops.js';
import { hashFile, hashOfAll } from '../process/disk-hash.js';
import { driveFile, drivesOf, possibleFiles } from '../process/drives.js';
import type { QemuHost } from '../process/qemu-host.js';
import { endTpm, removeTpm } from '../process/tpm.js';
import { stopRelay } from '../process/relay.js';
import { killByPidFile } from '../../../os/host-process.js';
import { copyKeyOf, moveName } from '../process/layout.js';

/** End the desktop's process for ever, forget the desktop, and set its disks and its TPM aside. */
export async function retireSource(host: QemuHost, move: MoveKey): Promise<void> {
  const record = await host.records.desktops.get(move.desktop);
  if (record?.copy === copyKeyOf(move))
    throw new VmshadowError(
      'INPUT_INVALID',
      `this host is the target of move ${move.moveId}: ${move.desktop} runs here and is not retired`,
    );
  const retired = await host.records.retired.get(moveName(move));
  // A record without a retired one: not begun. Both: cut off in the middle. Only the retired one: the rest may be missing.
  if (record !== null && retired === null) {
    await killByPidFile(host.layout.copy(move.desktop, record.copy).pidFile);
    await host.records.retired.put(moveName(move), {
      desktop: move.desktop,
      moveId: move.moveId,
      definition: record.definition,
      copy: record.copy,
    });
  }
  const { copy, definition } = retired ?? record ?? {};
  if (copy === undefined || definition === undefined)
    throw new VmshadowError('UNKNOWN_DESKTOP', `this host has no desktop ${move.desktop} to retire`);
  const files = host.layout.copy(move.desktop, copy);
  await killByPidFile(files.pidFile);
  await endTpm(files.tpm);
  await host.monitors.drop(files.monitor);
  await stopRelay(host, move.desktop, copyKeyOf(move));
  const retiredDisk = host.layout.retiredDisk(move);
  for (const drive of drivesOf(definition))
    await setAside(driveFile(files.disk, drive), driveFile(retiredDisk, drive));
  await setAside(files.tpm.state, host.layout.retiredTpm(move));
  if (record?.copy === copy) await host.records.desktops.remove(move.desktop);
  await host.records.desktops.dropRoom(move.desktop);
  await removeCopyFiles(host, move.desktop, copy);
}

async function setAside(from: string, to: string): Promise<void> {
  await renameDurably(from, to).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

/** Hash what was set aside: SHA-256 over the whole content of the disk; of several, over their hashes. */
export async function hashRetired(host: QemuHost, move: MoveKey, signal: AbortSignal): Promise<string> {
  const record = await host.records.retired.get(moveName(move));
  if (record === null)
    throw new VmshadowError('NO_MOVE', `this host keeps no disk of ${move.desktop} from move ${move.moveId}`);
  return hashOfAll(drivesOf(record.definition), (drive) =>
    hashFile(driveFile(host.layout.retiredDisk(move), drive), drive.sizeBytes, signal),
  );
}

/** Remove the disk that was set aside. */
export async function removeRetired(host: QemuHost, move: MoveKey): Promise<void> {
  const [first = '', ...others] = possibleFiles(host.layout.retiredDisk(move)).reverse();
  for (const file of others) await rm(file, { force: true });
  await removeTpm(host.layout.retiredTpm(move));
  await removeDurably(first);
  await host.records.retired.remove(moveName(move));
}
