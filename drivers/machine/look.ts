// Looks at this machine: network, room, programs, QEMU. Changes nothing. What cannot be told (a program is missing) is told as not there.
import { readFileSync } from 'node:fs';
import { access, constants, readdir, statfs } from 'node:fs/promises';
import { cpus } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { SERVICES, type HostFacts, type MachineFacts, type Service } from '../../domain/machine/facts.js';
import { CLIENT_TOOLS, HOST_TOOLS } from '../../domain/machine/tools.js';
import type { Dom0Config } from '../../domain/model/dom0.js';
import { convertSize } from '../../domain/model/units.js';
import { listListeners } from '../../os/listeners.js';
import { findUser } from '../../os/run-as.js';
import { runCommand } from '../../os/run-command.js';
import { chooseAccelerator } from '../qemu/process/accelerator.js';
import { QEMU } from '../qemu/process/command-lines.js';
import { usedBytes } from '../qemu/process/disk-image.js';
import { Layout } from '../qemu/process/layout.js';
import { parseVersion } from '../qemu/process/info.js';
import { machineResources } from '../qemu/process/resources.js';
import { parseDefaultRoutes, parseDevices, parseForeignQdiscs } from './parse.js';

type Folders = Pick<Dom0Config, 'stateDir' | 'runDir'>;

const TMPFS_MAGIC = 0x0102_1994;

/** What holds for every machine. Processes that name one of `ours` in their command line are ours. */
export async function lookAtMachine(ours: readonly string[] = []): Promise<MachineFacts> {
  const [devices, routes, listeners, tools, services] = await Promise.all([
    orElse('[]', () => runCommand(['ip', '-j', 'addr', 'show'])),
    orElse('[]', () => runCommand(['ip', '-j', '-4', 'route', 'show', 'default'])),
    orElse([], listListeners),
    toolsThere(),
    servicesThere(),
  ]);
  return {
    root: process.getuid?.() === 0,
    node: process.versions.node,
    tools,
    devices: parseDevices(devices),
    defaultRoutes: parseDefaultRoutes(routes),
    sockets: listeners.map(({ pids, ...socket }) => ({
      ...socket,
      ours: pids.some((pid) => isOurs(pid, ours)),
    })),
    services,
  };
}

/** What is asked of a host; its folders need not be there yet. */
export async function lookAtHost(config: Folders & Pick<Dom0Config, 'qemuUser'>): Promise<HostFacts> {
  const folder = await nearestFolder(config.stateDir);
  const user = await orElse(null, () => findUser(config.qemuUser));
  const [machine, resources, desktopDisksMiB, fileSystem, version, qdiscs, kvmDevice] = await Promise.all([
    lookAtMachine([config.stateDir, config.runDir]),
    machineResources(folder),
    disksTakeMiB(config),
    statfs(folder),
    orElse(null, async () => parseVersion(await runCommand([QEMU, '--version']))),
    orElse('[]', () => runCommand(['tc', '-j', 'qdisc', 'show'])),
    isThere('/dev/kvm'),
  ]);
  return {
    ...machine,
    cores: cpus().length,
    resources,
    desktopDisksMiB,
    volatile: fileSystem.type === TMPFS_MAGIC,
    qemuVersion: version,
    // Without the device the answer is known, and the probe need not run.
    accelerator: version === null ? null : kvmDevice ? await chooseAccelerator('auto', user) : 'tcg',
    kvmDevice,
    qemuUser: user !== null || config.qemuUser === 'root',
    foreignQdiscs: parseForeignQdiscs(qdiscs),
  };
}

/** What the disks of desktops take that are here already. */
async function disksTakeMiB({ stateDir, runDir }: Folders): Promise<number> {
  const folder = new Layout(stateDir, runDir).disksFolder;
  const names = await orElse([], () => readdir(folder));
  const bytes = await Promise.all(names.map((name) => usedBytes(join(folder, name))));
  return convertSize(
    bytes.reduce((sum, n) => sum + n, 0),
    'B',
    'MiB',
  );
}

async function orElse<T, E>(otherwise: E, look: () => Promise<T>): Promise<T | E> {
  try {
    return await look();
  } catch {
    return otherwise;
  }
}

function isOurs(pid: number, ours: readonly string[]): boolean {
  try {
    const line = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return (
      /vmshadow(\.js)? (dom0|relay|proxy|manager|dev)\b/.test(line) || ours.some((o) => line.includes(o))
    );
  } catch {
    // It has ended since.
    return false;
  }
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Where root's programs lie, also for somebody whose PATH leaves them out. */
const MORE_FOLDERS = ['/usr/sbin', '/sbin'];

async function toolsThere(): Promise<string[]> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...MORE_FOLDERS].filter((f) => f !== '');
  const names = [...new Set([...HOST_TOOLS, ...CLIENT_TOOLS].map((t) => t.name))];
  const there = await Promise.all(
    names.map(async (name) => {
      if (name.startsWith('/')) return isThere(name);
      const found = await Promise.all(
        folders.map((f) =>
          access(join(f, name), constants.X_OK)
            .then(() => true)
            .catch(() => false),
        ),
      );
      return found.includes(true);
    }),
  );
  return names.filter((_, i) => there[i]);
}

/** Which of the services run; none where the machine has no systemd. */
async function servicesThere(): Promise<Service[]> {
  // is-active(1) prints a line for each and fails where one is not.
  const out = await runCommand(['sh', '-c', `systemctl is-active ${SERVICES.join(' ')} || true`]).catch(
    () => '',
  );
  const states = out.split('\n');
  return SERVICES.filter((_, i) => states[i] === 'active');
}

/** The folder, or the nearest one above it that is there. */
async function nearestFolder(path: string): Promise<string> {
  return (await isThere(path)) || path === '/' ? path : nearestFolder(dirname(path));
}
