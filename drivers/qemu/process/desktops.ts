// The desktops of this host: their disks, records and processes. A desktop's record says which copy's files are its own; the processes
// live on without the worker, and everything is found again from the records.
import { open, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DesktopRuntime } from '../../../ports/hypervisor.js';
import {
  isOff,
  type DesktopDefinition,
  type DesktopState,
  type PowerWish,
} from '../../../domain/model/desktop.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { VmshadowError, hasCode, isVmshadowError, messageOf } from '../../../domain/errors.js';
import { removeDurably } from '../../../os/durable-file.js';
import { asUser } from '../../../os/run-as.js';
import { mayStand } from '../../../os/record-errors.js';
import { QEMU, qemuCommand } from './command-lines.js';
import { removeUnfinished, usedBytes, type CopyWatch } from './disk-image.js';
import { driveFile, drivesOf, possibleFiles } from './drives.js';
import { findSources, makeDrives, mustBeBootable } from './make-drives.js';
import type { QemuHost } from './qemu-host.js';
import {
  findProcess,
  killByPidFile,
  startProcess,
  waitForEnd,
  type HostProcess,
} from '../../../os/host-process.js';
import { HOME_COPY, copyKeyOf, type CopyFiles } from './layout.js';
import { bootFiles } from './images.js';
import { prepareFolders } from './folders.js';
import { withOpened } from './opened.js';
import { quietOf } from './quiet.js';
import { endTpm, hasLostTpm, makeTpm, mustHaveTpm, removeTpm, startTpm } from './tpm.js';
import { residentBytes } from './resources.js';
import { statusWithin } from '../qmp/status-within.js';
import { queryStatus } from '../qmp/qmp-replies.js';
import type { DesktopRecord, IncomingRecord } from './records.js';

/** QEMU flushes its disks and ends well within this after `quit`. */
const QUIT_TIMEOUT_MS = 5_000;
const POLL_MS = 50;
/** A monitor answers in ms; whoever looks at desktops does not wait longer for one that hangs. */
const LOOK_PATIENCE_MS = 2_000;

/** Make the disk and the record of a new desktop; the same desktop made again is left alone. */
export async function createDesktop(
  host: QemuHost,
  definition: DesktopDefinition,
  tap: string,
  image: string | null,
  watch: CopyWatch,
): Promise<void> {
  await prepareFolders(host);
  const known = await host.records.desktops.get(definition.id);
  if (known !== null) {
    if (isDeepStrictEqual(known.definition, definition) && known.tap === tap) return;
    throw new VmshadowError(
      'ALREADY_EXISTS',
      `this host has another desktop ${definition.id}; remove it or choose another id`,
    );
  }
  await mustHaveTpm(definition);
  const sources = await findSources(host, definition, image);
  await bootFiles(definition, host.options);
  const { disk, tpm } = host.layout.copy(definition.id, HOME_COPY);
  // Without a record the disk is what an interrupted creation left.
  await removeUnfinishedCopy(host, definition.id);
  try {
    await makeDrives(sources, disk, { definition, watch });
    await makeTpm(definition, tpm);
    await mustBeBootable(definition, sources, disk);
    watch.signal?.throwIfAborted();
    const record = { definition, tap, copy: HOME_COPY, wanted: 'stopped' as const, viewSha256: null };
    await host.records.desktops.put(definition.id, record);
  } catch (error) {
    // A full disk must not stay full of what nobody can use. Where the record may stand after all, its disk stays too.
    if (!mayStand(error)) await removeUnfinishedCopy(host, definition.id);
    throw error;
  }
}

async function removeUnfinishedCopy(host: QemuHost, id: DesktopId): Promise<void> {
  const { disk, tpm } = host.layout.copy(id, HOME_COPY);
  await removeTpm(tpm.state);
  for (const file of possibleFiles(disk)) await removeUnfinished(file);
}

/** Start a desktop that has no living guest; one that runs, or waits, is left alone. */
export async function startDesktop(host: QemuHost, id: DesktopId): Promise<void> {
  await prepareFolders(host);
  const record = await host.desktop(id);
  const files = host.layout.copy(id, record.copy);
  const running = await host.findCopy(files, id);
  if (running !== null) {
    const state = stateOf((await queryStatus(running.qmp)).status);
    if (!isOff(state)) {
      if (record.wanted !== 'running') await host.records.desktops.put(id, { ...record, wanted: 'running' });
      return;
    }
    await endProcess(host, files, id);
  }
  // A full disk must not keep a desktop from starting that was meant to run already.
  if (record.wanted !== 'running') await host.records.desktops.put(id, { ...record, wanted: 'running' });
  await launchCopy(host, record.definition, files, record.tap, false);
  // Whoever wants to make room on a full disk must be able to stop it.
  await host.records.desktops.keepRoom(id, 1).catch((error: unknown) => {
    host.log.warn({ desktop: id }, messageOf(error));
  });
}

/** Start the QEMU of a copy and wait until its monitor answers. */
export async function launchCopy(
  host: QemuHost,
  definition: DesktopDefinition,
  files: CopyFiles,
  tap: string,
  incoming: boolean,
): Promise<HostProcess> {
  await rm(files.monitor, { force: true });
  const { runAs } = host.options;
  const boot = await bootFiles(definition, host.options);
  const accelerator = await host.accelerator();
  const command = asUser(runAs, qemuCommand({ definition, files, incoming, accelerator }));
  const argv = withOpened(tap, boot, command);
  await (await open(files.serialLog, 'a')).close();
  const disks = drivesOf(definition).map((drive) => driveFile(files.disk, drive));
  for (const path of [...disks, files.serialLog]) await host.giveToQemu(path);
  await startTpm(host, definition, files, incoming);
  const started = await startProcess(QEMU, argv, files.pidFile, files.processLog, async () => {
    try {
      await host.monitors.get(files.monitor, definition.id);
      return true;
    } catch (error) {
      if (hasCode(error, 'QMP_LOST')) return false;
      throw error;
    }
  });
  host.log.info({ desktop: definition.id, pid: started.pid, incoming }, 'QEMU started');
  return started;
}

/** Shut a desktop down: ACPI, and after `graceMs` by force. */
export async function stopDesktop(host: QemuHost, id: DesktopId, graceMs: number): Promise<void> {
  const record = await host.desktop(id);
  await host.records.desktops.put(id, { ...record, wanted: 'stopped' });
  const files = host.layout.copy(id, record.copy);
  const running = await host.findCopy(files, id).catch((error: unknown) => {
    if (!hasCode(error, 'QMP_LOST')) throw error;
    host.log.warn({ desktop: id }, `cannot be asked to shut down, and is ended: ${messageOf(error)}`);
    return 'mute' as const;
  });
  if (running === null) return;
  if (running !== 'mute' && graceMs > 0 && (await queryStatus(running.qmp)).running) {
    await running.qmp.execute('system_powerdown');
    const deadline = host.now() + graceMs;
    while (host.now() < deadline && (await queryStatus(running.qmp)).status !== 'shutdown')
      await sleep(POLL_MS);
  }
  await endProcess(host, files, id);
}

/** End what is left of the process of a desktop whose guest does not run; throws DESKTOP_RUNNING where it does. */
async function endIdle(host: QemuHost, files: CopyFiles, id: DesktopId): Promise<void> {
  const running = await host.findCopy(files, id);
  if (running === null) return;
  const state = stateOf((await queryStatus(running.qmp)).status);
  if (!isOff(state))
    throw new VmshadowError('DESKTOP_RUNNING', `desktop ${id} is ${state} on this host; stop it first`);
  await endProcess(host, files, id);
}

/** Keep another definition of a desktop whose guest does not run, with the same disks and firmware. */
export async function redefineDesktop(host: QemuHost, definition: DesktopDefinition): Promise<void> {
  const { id } = definition;
  const record = await host.desktop(id);
  await bootFiles(definition, host.options);
  await endIdle(host, host.layout.copy(id, record.copy), id);
  await host.records.desktops.put(id, { ...record, definition });
}

/** Remove disk, logs and record of a desktop whose guest does not run. */
export async function removeDesktop(host: QemuHost, id: DesktopId): Promise<void> {
  const record = await host.records.desktops.get(id);
  if (record === null) return removeUnfinishedCopy(host, id);
  const files = host.layout.copy(id, record.copy);
  await endIdle(host, files, id);
  // The record last: whoever is cut off here removes the desktop again.
  await removeCopyFiles(host, id, record.copy);
  await host.records.desktops.remove(id);
  await host.records.desktops.dropRoom(id);
}

/** Let a paused copy run. The caller has checked that it may. */
export async function resumeDesktop(host: QemuHost, id: DesktopId): Promise<void> {
  const { qmp } = await host.runningDesktop(id);
  if (!(await queryStatus(qmp)).running) await qmp.execute('cont');
}

/** List the desktops of this host, and the copies that are coming in. */
export async function listDesktops(host: QemuHost): Promise<DesktopRuntime[]> {
  // In this order: a copy that is activated meanwhile becomes a desktop before it ends to come in.
  const incoming = await host.records.incoming.list();
  const desktops = await host.records.desktops.list();
  const known = new Set(desktops.map((d) => `${d.definition.id}.${d.copy}`));
  return Promise.all([
    ...desktops.map((d) => residentRuntime(host, d)),
    ...incoming
      .filter((move) => !known.has(`${move.desktop}.${copyKeyOf(move)}`))
      .map((move) => incomingRuntime(host, move)),
  ]);
}

/** Look at one desktop of this host, or at the copy of it that is coming in; null when there is neither. */
export async function getDesktop(host: QemuHost, id: DesktopId): Promise<DesktopRuntime | null> {
  const incoming = await host.records.incoming.list(`${id}.`);
  const resident = await host.records.desktops.get(id);
  if (resident !== null) return residentRuntime(host, resident);
  const [move] = incoming;
  return move === undefined ? null : incomingRuntime(host, move);
}

async function residentRuntime(host: QemuHost, d: DesktopRecord): Promise<DesktopRuntime> {
  const withoutProcess = d.wanted === 'running' ? 'crashed' : 'stopped';
  const runtime = await runtimeOf(host, d.definition, d.copy, d.wanted, withoutProcess);
  // One that has come from elsewhere was heard there.
  if (runtime.state !== 'running' || runtime.pid === null || d.copy !== HOME_COPY) return runtime;
  const quiet = await quietOf(d.tap, runtime.pid, host.layout.copy(d.definition.id, d.copy).serialLog);
  return quiet === null ? runtime : { ...runtime, quiet };
}

const incomingRuntime = (host: QemuHost, move: IncomingRecord): Promise<DesktopRuntime> =>
  runtimeOf(host, move.definition, copyKeyOf(move), 'running', 'incoming');

async function runtimeOf(
  host: QemuHost,
  definition: DesktopDefinition,
  copy: string,
  wanted: PowerWish,
  withoutProcess: DesktopState,
): Promise<DesktopRuntime> {
  const files = host.layout.copy(definition.id, copy);
  const used = drivesOf(definition).map((drive) => usedBytes(driveFile(files.disk, drive)));
  const diskUsedBytes = (await Promise.all(used)).reduce((sum, n) => sum + n, 0);
  const down = { definition, state: withoutProcess, wanted, pid: null, diskUsedBytes, memoryUsedBytes: 0 };
  const process = await findProcess(files.pidFile);
  if (process === null) return down;
  const { pid } = process;
  const lost = (await hasLostTpm(definition, files)) ? { tpmLost: true as const } : {};
  const up = { definition, wanted, pid, diskUsedBytes, memoryUsedBytes: await residentBytes(pid), ...lost };
  try {
    const running = await host.findCopy(files, definition.id);
    if (running === null) return down;
    const { status } = await statusWithin(running.qmp, LOOK_PATIENCE_MS);
    return { ...up, state: stateOf(status) };
  } catch (error) {
    if (!hasCode(error, 'QMP_LOST')) throw error;
    // A process that does not answer still has the desktop's memory: nobody may take it for ended.
    host.log.warn({ desktop: definition.id, pid }, error.message);
    return { ...up, state: 'running' };
  }
}

/** Translate QEMU's run state (qapi/run-state.json) into ours. */
export function stateOf(runState: string): DesktopState {
  switch (runState) {
    case 'running':
      return 'running';
    case 'inmigrate':
      return 'incoming';
    case 'postmigrate':
      return 'postmigrate';
    case 'shutdown':
      return 'stopped';
    // QEMU stops a guest at a write that finds no room (werror=enospc, its default) and reports every other error to the guest.
    case 'io-error':
      return 'out-of-space';
    case 'internal-error':
    case 'guest-panicked':
      return 'crashed';
    default:
      return 'paused';
  }
}

/** End a copy's process, gently first, and wait until it is gone. */
export async function endProcess(host: QemuHost, files: CopyFiles, name: string): Promise<void> {
  const process = await findProcess(files.pidFile);
  if (process !== null) {
    try {
      const qmp = await host.monitors.get(files.monitor, name);
      await qmp.execute('quit', undefined, { timeoutMs: QUIT_TIMEOUT_MS });
    } catch (error) {
      // The connection may go before the answer comes.
      if (!isVmshadowError(error)) throw error;
    }
    if (!(await waitForEnd(process, QUIT_TIMEOUT_MS)))
      host.log.warn({ name }, 'QEMU did not quit; it is killed');
  }
  await host.monitors.drop(files.monitor);
  await killByPidFile(files.pidFile);
  await endTpm(files.tpm);
  for (const socket of [files.monitor, files.agent]) await rm(socket, { force: true });
}

/** Remove all files of a copy that has no process. */
export async function removeCopyFiles(host: QemuHost, id: DesktopId, copy: string): Promise<void> {
  const files = host.layout.copy(id, copy);
  const view = host.layout.view(id, copy);
  await endTpm(files.tpm);
  await removeTpm(files.tpm.state);
  for (const path of [
    files.tpm.log,
    files.serialLog,
    files.processLog,
    files.pidFile,
    files.monitor,
    files.agent,
    ...possibleFiles(view.overlay),
    view.socket,
    ...possibleFiles(files.disk).slice(0, -1),
  ])
    await rm(path, { force: true });
  await removeDurably(files.disk);
}
