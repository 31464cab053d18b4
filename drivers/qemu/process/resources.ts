// What this machine has left, as the kernel says it: free room of the file system that holds the disks, memory that can be given to new
// processes, and what a process really takes of it.
import { readFile, realpath, statfs } from 'node:fs/promises';
import { VmshadowError } from '../../../domain/errors.js';
import { convertSize } from '../../../domain/model/units.js';
import type { MachineResources } from '../../../domain/model/real-room.js';
import { isMissing, readTextIfThere } from '../../../os/durable-file.js';

/** x86-64, the only machine of this driver. */
const PAGE_BYTES = 4096;

/** Ask the kernel what is left for disks in `folder` and for processes. */
export async function machineResources(folder: string): Promise<MachineResources> {
  const [disk, path, mounts, memory] = await Promise.all([
    statfs(folder),
    realpath(folder),
    readFile('/proc/self/mountinfo', 'utf8'),
    readFile('/proc/meminfo', 'utf8'),
  ]);
  const mib = (blocks: number) => Math.floor(convertSize(blocks * disk.bsize, 'B', 'MiB'));
  return {
    // What only root may still write is not counted: QEMU need not be root.
    disk: { fileSystem: mountPointOf(path, mounts), freeMiB: mib(disk.bavail), totalMiB: mib(disk.blocks) },
    memory: parseMeminfo(memory),
  };
}

/** Where the file system of an absolute path is mounted, by /proc/self/mountinfo (proc(5): field 5, blanks as octal). */
export function mountPointOf(path: string, mountinfo: string): string {
  const points = mountinfo
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((point) =>
      point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    );
  const above = points.filter((p) => p === '/' || p === path || (p !== '' && path.startsWith(`${p}/`)));
  return above.reduce((longest, p) => (p.length > longest.length ? p : longest), '/');
}

/** Read MemAvailable and MemTotal of /proc/meminfo, whole MiB. */
export function parseMeminfo(text: string): MachineResources['memory'] {
  const value = (name: string): number => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1];
    if (kib === undefined)
      throw new VmshadowError('PREREQUISITE', `/proc/meminfo has no ${name}: expected Linux 3.14 or newer`);
    return Math.floor(convertSize(Number(kib), 'KiB', 'MiB'));
  };
  return { availableMiB: value('MemAvailable'), totalMiB: value('MemTotal') };
}

/** Bytes of memory that a process really takes (field 2 of /proc/PID/statm); 0 when it has gone. */
export async function residentBytes(pid: number): Promise<number> {
  try {
    const pages = Number((await readTextIfThere(`/proc/${String(pid)}/statm`))?.split(' ')[1]);
    return Number.isFinite(pages) ? pages * PAGE_BYTES : 0;
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ESRCH') return 0;
    throw error;
  }
}
