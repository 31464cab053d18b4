// The devices of a desktop's machine beside processors, memory and NIC, as QEMU's arguments. The same definition gives the same devices in the
// same order at every host: a move fails otherwise. For a simple desktop they are what they always were.
import { bootNames, type DesktopDefinition } from '../../../domain/model/desktop.js';
import { drivesOf, type Drive } from './drives.js';
import { openedPath } from './opened.js';

/** The firmware's code, and what the variables of a new desktop are. */
interface Firmware {
  readonly code: string;
  readonly vars: string;
}

/** Debian's package `ovmf`: 4 MiB of code and variables, the only size that Debian 13 still has. */
export function ovmfOf({ secureBoot }: DesktopDefinition): Firmware {
  const folder = '/usr/share/OVMF';
  return secureBoot === true
    ? { code: `${folder}/OVMF_CODE_4M.secboot.fd`, vars: `${folder}/OVMF_VARS_4M.ms.fd` }
    : { code: `${folder}/OVMF_CODE_4M.fd`, vars: `${folder}/OVMF_VARS_4M.fd` };
}
export const FIRMWARE_NODES = { code: 'code', vars: 'vars' } as const;

/** The CD-ROM's port; disks take the ones before. */
const CDROM_PORT = 5;

/** What the guest's screen is, a device that nobody looks at from here. */
export function screenOf({ display, boot }: DesktopDefinition): 'none' | 'std' | 'virtio' {
  return display ?? (boot.kind === 'disk' ? 'std' : 'none');
}

/** Controllers and devices of the drives, which have their nodes already. */
export function driveArguments(definition: DesktopDefinition): string[] {
  const drives = drivesOf(definition);
  const on = (bus: string) => drives.some((d) => d.device?.bus === bus);
  const ports = drives.filter((d) => d.device?.bus === 'sata');
  return [
    ...(on('sata') || definition.cdrom !== undefined ? ['-device', 'ich9-ahci,id=ahci0'] : []),
    ...(on('scsi') ? ['-device', 'virtio-scsi-pci,id=hba0'] : []),
    // A kernel given directly takes boot index 0.
    ...drives.flatMap((drive, i) => {
      const device = driveDevice(drive, ports.indexOf(drive));
      return device === null ? [] : ['-device', `${device},bootindex=${String(i + 1)}`];
    }),
  ];
}

function driveDevice({ device, node }: Drive, port: number): string | null {
  if (device === null) return null;
  const named = `id=${device.id},drive=${node}`;
  switch (device.bus) {
    case 'virtio':
      return `virtio-blk-pci,${named}`;
    case 'sata':
      return `ide-hd,bus=ahci0.${String(port)},${named}`;
    case 'scsi':
      return `scsi-hd,bus=hba0.0,${named}`;
  }
}

/** What else the machine has: firmware, CD-ROM, pointer, balloon. */
export function deviceArguments(definition: DesktopDefinition): string[] {
  const { firmware, cdrom, usbTablet, balloon } = definition;
  return [
    ...(firmware === 'uefi'
      ? [
          '-blockdev',
          `driver=file,node-name=${FIRMWARE_NODES.code},filename=${ovmfOf(definition).code},read-only=on`,
        ]
      : []),
    ...(cdrom === undefined
      ? []
      : [
          ...[
            '-blockdev',
            `driver=file,node-name=cdfile,filename=${openedPath(bootNames(definition).length - 1)},read-only=on`,
          ],
          ...['-blockdev', 'driver=raw,node-name=cd0,file=cdfile,read-only=on'],
          // After the disks: an installer that has done its work does not begin again.
          ...[
            '-device',
            `ide-cd,id=cd,bus=ahci0.${String(CDROM_PORT)},drive=cd0,bootindex=${String(CDROM_BOOT_INDEX)}`,
          ],
        ]),
    ...(usbTablet === true
      ? ['-device', 'qemu-xhci,id=usb0', '-device', 'usb-tablet,id=tablet0,bus=usb0.0']
      : []),
    // What the guest reports as free is given back to the host, reads as zeros, and costs a move next to nothing.
    ...(balloon === true ? ['-device', 'virtio-balloon-pci,id=balloon0,free-page-reporting=on'] : []),
  ];
}

const CDROM_BOOT_INDEX = 20;
