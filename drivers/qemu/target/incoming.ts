// Target side of a move. The replica is served by a storage daemon of its own, so that a target QEMU that fails can be replaced without
// copying the disk again; the target QEMU opens the disk only when activated (late-block-activate), after the daemon has let go of it.
//   prepared --memory and disk complete, paused--> confirmed --(activation.ts)--> this host's desktop
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskTarget, MemoryTarget, MoveKey } from '../../../ports/hypervisor.js';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import { sameHost, type HostRef } from '../../../domain/model/ids.js';
import { VmshadowError } from '../../../domain/errors.js';
import { STORAGE_DAEMON, storageDaemonCommand } from '../process/command-lines.js';
import { endProcess, launchCopy, removeCopyFiles } from '../process/desktops.js';
import { createEmptyDisk, syncFile } from '../process/disk-image.js';
import { driveFile, drivesOf } from '../process/drives.js';
import { mustHaveFirmware } from '../process/make-drives.js';
import type { QemuHost } from '../process/qemu-host.js';
import { asUser } from '../../../os/run-as.js';
import { findProcess, killByPidFile, startProcess } from '../../../os/host-process.js';
import { incomingCopy, incomingRecord, mustBeIncoming, refuseIfHere, tooLate } from './incoming-record.js';
import { bootFiles } from '../process/images.js';
import { prepareFolders } from '../process/folders.js';
import { copyKeyOf, moveName } from '../process/layout.js';
import { COMMON_CAPABILITIES, capabilities } from '../source/memory-copy.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { queryMigrate, queryStatus } from '../qmp/qmp-replies.js';
import type { IncomingRecord } from '../process/records.js';
import { startTargetRelay, stopRelay } from '../process/relay.js';
import { mustHaveKeptTpm, mustHaveTpm, syncTpm } from '../process/tpm.js';
import { addAuthorization, addServerCredentials, withCertificates } from '../process/tls.js';
import { dropView, prepareView } from './disk-view.js';

/** The source says `completed` a little before the target does. */
const COMPLETION_TIMEOUT_MS = 3_000;
const POLL_MS = 5;

/** Make the replica's file and serve it; called again, the same endpoint and what was copied. */
export async function prepareDisk(
  host: QemuHost,
  move: MoveKey,
  definition: DesktopDefinition,
  from: HostRef,
): Promise<DiskTarget> {
  await prepareFolders(host);
  await refuseIfHere(host, move);
  // Now, and not when the disk has come.
  await bootFiles(definition, host.options);
  await mustHaveFirmware(definition);
  await mustHaveTpm(definition);
  const record = await host.locked('ports', () => incomingRecord(host, move, definition, from));
  if (record.phase === 'activated') throw tooLate(move);
  const { disk } = host.layout.copy(move.desktop, copyKeyOf(move));
  for (const drive of drivesOf(definition)) await createEmptyDisk(driveFile(disk, drive), drive.sizeBytes);
  await serveReplica(host, move, record, from);
  if (record.relay !== null) await startTargetRelay(host, move, record, record.relay);
  return {
    endpoint: { address: host.options.incoming.address, port: record.diskPort },
    exportName: copyKeyOf(move),
    ...relayOf(record),
  };
}

/** Start a paused QEMU that waits for memory; one left by an earlier try is replaced, the disk stays. */
export async function prepareMemory(
  host: QemuHost,
  move: MoveKey,
  definition: DesktopDefinition,
  tap: string,
  from: HostRef,
): Promise<MemoryTarget> {
  const record = await mustBeIncoming(host, move);
  if (record.phase === 'activated') throw tooLate(move);
  const key = copyKeyOf(move);
  const files = host.layout.copy(move.desktop, key);
  await endProcess(host, files, move.desktop);
  await host.records.incoming.put(moveName(move), { ...record, definition, tap });
  // From the moment that the guest runs here its record must be written, and it must be possible to stop it, whoever fills the disk meanwhile.
  await host.records.desktops.keepRoom(move.desktop, 2);
  await prepareView(host, move.desktop, key, drivesOf(definition));
  // Most of the replica goes to the disk now, so that little is left to wait for in the pause.
  await syncDrives(files.disk, definition);
  await launchCopy(host, definition, files, tap, true);
  const qmp = await host.monitors.get(files.monitor, move.desktop);
  try {
    await qmp.execute('migrate-set-capabilities', { capabilities: capabilities(COMMON_CAPABILITIES) });
    const { address } = host.options.incoming;
    if (record.relay === null) await takeFromAlone(host, qmp, from);
    else await startTargetRelay(host, move, record, record.relay);
    await qmp.execute('migrate-incoming', {
      uri:
        record.relay === null
          ? `tcp:${address}:${record.memoryPort}`
          : `unix:${await socketFor(host, move, record.relay, from)}`,
      'exit-on-error': false,
    });
    return { address, port: record.memoryPort, ...relayOf(record) };
  } catch (error) {
    await endProcess(host, files, move.desktop);
    throw error;
  }
}

/** Let in the source, over TLS, and nobody else. */
async function takeFromAlone(host: QemuHost, qmp: QmpClient, from: HostRef): Promise<void> {
  const credentials = 'tls-incoming';
  const authorization = 'source';
  await addServerCredentials(host, qmp, credentials);
  await addAuthorization(qmp, authorization, from);
  await qmp.execute('migrate-set-parameters', {
    'tls-creds': credentials,
    'tls-authz': authorization,
  });
}

/** Where the copy waits for its memory: the relay lets in one host, and another one's memory never gets here. */
async function socketFor(host: QemuHost, move: MoveKey, letIn: HostRef, from: HostRef): Promise<string> {
  const { memory, nobody } = host.layout.relay(move.desktop, copyKeyOf(move));
  for (const path of [memory, nobody]) await rm(path, { force: true });
  return sameHost(letIn, from) ? memory : nobody;
}

const relayOf = ({ relay, diskPort, memoryPort }: IncomingRecord): Pick<DiskTarget, 'relay'> =>
  relay !== null ? { relay: { diskPort, memoryPort } } : {};

/** Check that everything has arrived and the copy stands paused; let go of the disk, and see that it is on stable storage. */
export async function confirmComplete(host: QemuHost, move: MoveKey): Promise<void> {
  const record = await mustBeIncoming(host, move);
  if (record.phase === 'activated') return;
  const copy = await incomingCopy(host, move);
  const deadline = Date.now() + COMPLETION_TIMEOUT_MS;
  for (;;) {
    const { status } = await queryStatus(copy.qmp);
    const migration = await queryMigrate(copy.qmp);
    if (migration.status === 'completed' && status === 'paused') break;
    if (migration.status === 'failed' || Date.now() > deadline)
      throw new VmshadowError(
        'MEMORY_COPY',
        `the copy of ${move.desktop} is not complete here: migration ${migration.status ?? 'none'}, guest ${status}` +
          (migration['error-desc'] === undefined ? '' : ` (${migration['error-desc']})`),
      );
    await sleep(POLL_MS);
  }
  await stopServing(host, move);
  const files = host.layout.copy(move.desktop, copyKeyOf(move));
  await mustHaveKeptTpm(record.definition, files);
  await Promise.all([syncDrives(files.disk, record.definition), syncTpm(record.definition, files)]);
}

async function syncDrives(disk: string, definition: DesktopDefinition): Promise<void> {
  await Promise.all(drivesOf(definition).map((drive) => syncFile(driveFile(disk, drive))));
}

/** Drop whatever this host has of a move that was given up. What was activated stays (but for the view of its disk). */
export async function discardTarget(host: QemuHost, move: MoveKey): Promise<void> {
  const key = copyKeyOf(move);
  const known = await host.records.desktops.get(move.desktop);
  if (known?.copy === key) {
    const copy = await host.findCopy(host.layout.copy(move.desktop, key), move.desktop);
    if (copy !== null) await dropView(host, copy.qmp, move.desktop, key);
    return;
  }
  const record = await host.records.incoming.get(moveName(move));
  if (record?.phase === 'activated') throw tooLate(move);
  await endProcess(host, host.layout.copy(move.desktop, key), move.desktop);
  await stopServing(host, move);
  await stopRelay(host, move.desktop, key);
  await removeCopyFiles(host, move.desktop, key);
  await rm(host.layout.replicaServer(move).log, { force: true });
  await host.records.desktops.dropRoom(move.desktop);
  await host.records.incoming.remove(moveName(move));
}

async function serveReplica(
  host: QemuHost,
  move: MoveKey,
  record: IncomingRecord,
  from: HostRef,
): Promise<void> {
  const files = host.layout.replicaServer(move);
  if ((await findProcess(files.pidFile)) !== null) return;
  await rm(files.monitor, { force: true });
  const key = copyKeyOf(move);
  const { disk } = host.layout.copy(move.desktop, key);
  const drives = drivesOf(record.definition);
  for (const drive of drives) await host.giveToQemu(driveFile(disk, drive));
  const { address } = host.options.incoming;
  const socket = host.layout.relay(move.desktop, key).disk;
  if (record.relay !== null) await rm(socket, { force: true });
  await withCertificates(host, async (pkiDir) => {
    const at = record.relay !== null ? { socket } : { address, port: record.diskPort, pkiDir, from };
    const argv = storageDaemonCommand({ disk, drives, files, at, exportName: key });
    // The daemon writes its pid file when everything on its command line is in force.
    const command = asUser(host.options.runAs, argv);
    await startProcess(STORAGE_DAEMON, command, files.pidFile, files.log, () => Promise.resolve(true));
  });
}

async function stopServing(host: QemuHost, move: MoveKey): Promise<void> {
  const files = host.layout.replicaServer(move);
  // It holds nothing back: what it was given to write it has written to the file.
  await killByPidFile(files.pidFile);
  await rm(files.monitor, { force: true });
}
