import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import {
  baseOf,
  driveFile,
  drivesOf,
  isNamed,
  nameOf,
  possibleFiles,
} from '../../../../drivers/qemu/process/drives.js';

const simple = {
  id: 'd1',
  memoryMiB: 128,
  diskMiB: 64,
  network: { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:00:00:00:01' },
};
const several = DesktopDefinition.parse({
  ...simple,
  memoryMiB: 256,
  firmware: 'uefi',
  disks: [{ sizeMiB: 40 }, { sizeMiB: 20, bus: 'sata' }, { sizeMiB: 4, bus: 'scsi' }],
});

describe('the drives of a desktop', () => {
  it('are its one disk, named as ever, where it says nothing else', () => {
    const drives = drivesOf(DesktopDefinition.parse(simple));
    expect(drives).toMatchObject([{ suffix: '', node: 'disk0', sizeBytes: 64 * 2 ** 20 }]);
    expect(drives[0]!.device).toEqual({ id: 'vd0', bus: 'virtio' });
  });

  it('are its disks in their order, and the firmware’s variables last', () => {
    expect(drivesOf(several).map((d) => [d.suffix, d.node, d.device?.id])).toEqual([
      ['', 'disk0', 'vd0'],
      ['-1', 'disk1', 'sata1'],
      ['-2', 'disk2', 'scsi2'],
      ['-vars', 'vars', undefined],
    ]);
  });

  it('have names that are told from those of another copy', () => {
    for (const drive of drivesOf(several)) {
      const name = nameOf('mirror-0a1b2c3d4e5f', drive);
      expect(isNamed('mirror-0a1b2c3d4e5f', name)).toBe(true);
      expect(isNamed('mirror-0a1b2c3d4e50', name)).toBe(false);
      expect(baseOf(name)).toBe('mirror-0a1b2c3d4e5f');
      // QEMU's own limit of a node's name.
      expect(nameOf('replica-0a1b2c3d4e5f', drive).length).toBeLessThanOrEqual(31);
      const file = driveFile('/s/disks/d1.home.raw', drive);
      expect(possibleFiles('/s/disks/d1.home.raw')).toContain(file);
    }
    expect(driveFile('/s/v/d1.home.qcow2', { suffix: '-1' })).toBe('/s/v/d1.home-1.qcow2');
    expect(possibleFiles('/s/disks/d1.home.raw').at(-1)).toBe('/s/disks/d1.home.raw');
  });
});

describe('a definition', () => {
  it('is refused where its disks do not add up, or do not fit', () => {
    const disks = [{ sizeMiB: 40 }, { sizeMiB: 20 }];
    expect(() => DesktopDefinition.parse({ ...simple, disks })).toThrow(/expected 60, the sum of the disks/);
    const many = Array.from({ length: 6 }, () => ({ sizeMiB: 10, bus: 'sata' }));
    expect(() => DesktopDefinition.parse({ ...simple, diskMiB: 60, disks: many })).toThrow(/at most 5 disks/);
  });

  it('of a simple desktop is what it was before', () => {
    expect(DesktopDefinition.parse(simple)).toEqual({
      ...simple,
      vcpus: 1,
      boot: { kind: 'disk' },
      remoteDesktopPort: 5901,
      machine: 'pc-i440fx-10.0',
    });
  });
});
