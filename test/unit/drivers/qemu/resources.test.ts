import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  machineResources,
  mountPointOf,
  parseMeminfo,
  residentBytes,
} from '../../../../drivers/qemu/process/resources.js';

const MOUNTS = [
  '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw',
  '30 22 0:5 / /var/lib rw - ext4 /dev/vdb rw',
  '31 30 7:0 / /var/lib/vm\\040shadow rw - ext4 /dev/loop0 rw',
  '',
].join('\n');

describe('what a machine has left', () => {
  it('is of the file system that is mounted nearest above a path', () => {
    expect(mountPointOf('/var/lib/vm shadow/disks', MOUNTS)).toBe('/var/lib/vm shadow');
    expect(mountPointOf('/var/lib/vm', MOUNTS)).toBe('/var/lib');
    expect(mountPointOf('/var/lib', MOUNTS)).toBe('/var/lib');
    expect(mountPointOf('/var/library', MOUNTS)).toBe('/');
  });

  it('is read of /proc/meminfo, and a kernel that does not say is refused', () => {
    expect(parseMeminfo('MemTotal:  4194304 kB\nMemFree: 1 kB\nMemAvailable:   2098175 kB\n')).toEqual({
      availableMiB: 2_048,
      totalMiB: 4_096,
    });
    expect(() => parseMeminfo('MemTotal: 1 kB\n')).toThrow(/MemAvailable/);
  });

  it('is what this machine says', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vms-room-'));
    const { disk, memory } = await machineResources(folder);
    await rm(folder, { recursive: true });
    expect(disk.totalMiB).toBeGreaterThanOrEqual(disk.freeMiB);
    expect(folder.startsWith(disk.fileSystem)).toBe(true);
    expect(memory.availableMiB).toBeGreaterThan(0);
    expect(memory.totalMiB).toBeGreaterThan(memory.availableMiB);
  });

  it('tells what a living process takes, and 0 for one that has gone', async () => {
    expect(await residentBytes(process.pid)).toBeGreaterThan(2 ** 20);
    expect(await residentBytes(2 ** 30)).toBe(0);
  });
});
