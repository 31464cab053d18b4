// What a source keeps after its desktop has moved away: nothing that could run, and the disk for the grace time.
import type { MoveKey } from '../../../ports/hypervisor.js';
import { convertSize } from '../../../domain/model/units.js';
import { VmshadowError } from '../../../domain/errors.js';
import { isMissing, removeDurably, renameDurably } from '../../../os/durable-file.js';
import { removeCopyFiles } from '../process/desktops.js';
import { hashFile } from '../process/disk-hash.js';
import type { QemuHost } from '../process/qemu-host.js';
import { killByPidFile } from '../../../os/host-process.js';
import { copyKeyOf, moveName } from '../process/layout.js';

/** End the desktop's process for ever, forget the desktop, and set its disk aside. */
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
  const copy = retired?.copy ?? record?.copy;
  if (copy === undefined)
    throw new VmshadowError('UNKNOWN_DESKTOP', `this host has no desktop ${move.desktop} to retire`);
  const files = host.layout.copy(move.desktop, copy);
  await killByPidFile(files.pidFile);
  await host.monitors.drop(files.monitor);
  try {
    await renameDurably(files.disk, host.layout.retiredDisk(move));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  if (record?.copy === copy) await host.records.desktops.remove(move.desktop);
  await host.records.desktops.dropRoom(move.desktop);
  await removeCopyFiles(host, move.desktop, copy);
}

/** Hash the disk that was set aside: SHA-256 over its whole content. */
export async function hashRetired(host: QemuHost, move: MoveKey, signal: AbortSignal): Promise<string> {
  const record = await host.records.retired.get(moveName(move));
  if (record === null)
    throw new VmshadowError('NO_MOVE', `this host keeps no disk of ${move.desktop} from move ${move.moveId}`);
  return hashFile(host.layout.retiredDisk(move), convertSize(record.definition.diskMiB, 'MiB', 'B'), signal);
}

/** Remove the disk that was set aside. */
export async function removeRetired(host: QemuHost, move: MoveKey): Promise<void> {
  await removeDurably(host.layout.retiredDisk(move));
  await host.records.retired.remove(moveName(move));
}
