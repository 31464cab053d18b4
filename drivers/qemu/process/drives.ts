// The drives of a desktop: its disks in their order, and with UEFI its variables. Each has a file, a block node, a replica, an export, a mirror
// and a view of its own, all named after one suffix; the first disk's is empty, so that a desktop with one disk is named as it always was.
import { basename, dirname, join } from 'node:path';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import { disksOf, MOST_DISKS, type DiskBus } from '../../../domain/model/hardware.js';
import { convertSize } from '../../../domain/model/units.js';

/** Size of the variables that Debian's OVMF_VARS_4M.fd holds; a target makes room for as much. */
export const UEFI_VARS_BYTES = 540_672;

export interface Drive {
  readonly suffix: string;
  /** Its block node in QEMU and in the storage daemon, and the node of the file below. */
  readonly node: string;
  readonly fileNode: string;
  readonly sizeBytes: number;
  /** Through which the guest sees it; null: it is the firmware's own. */
  readonly device: { readonly id: string; readonly bus: DiskBus } | null;
  /** What it is made from; null: nothing, or it is the firmware's. */
  readonly image: string | null;
}

const DEVICE_PREFIX: Readonly<Record<DiskBus, string>> = { virtio: 'vd', sata: 'sata', scsi: 'scsi' };

/** All drives of a desktop, in the order in which everything is done with them. */
export function drivesOf(definition: DesktopDefinition): Drive[] {
  const disks = disksOf(definition).map((disk, i): Drive => {
    const n = String(i);
    return {
      suffix: i === 0 ? '' : `-${n}`,
      node: `disk${n}`,
      fileNode: `file${n}`,
      sizeBytes: convertSize(disk.sizeMiB, 'MiB', 'B'),
      device: { id: `${DEVICE_PREFIX[disk.bus]}${n}`, bus: disk.bus },
      image: disk.image ?? null,
    };
  });
  return definition.firmware === 'uefi' ? [...disks, UEFI_VARS] : disks;
}

const UEFI_VARS: Drive = {
  suffix: '-vars',
  node: 'vars',
  fileNode: 'varsfile',
  sizeBytes: UEFI_VARS_BYTES,
  device: null,
  image: null,
};

/** Every suffix that a drive may have: what is removed without a definition is looked for under all of them. */
const SUFFIXES = [
  '',
  ...Array.from({ length: MOST_DISKS - 1 }, (_, i) => `-${String(i + 1)}`),
  UEFI_VARS.suffix,
];

/** The file of a drive, beside the one of the first disk. */
export function driveFile(first: string, { suffix }: Pick<Drive, 'suffix'>): string {
  const name = basename(first);
  const dot = name.lastIndexOf('.');
  return join(dirname(first), `${name.slice(0, dot)}${suffix}${name.slice(dot)}`);
}

/** The files that the drives of any desktop would have beside this one, itself the last. */
export function possibleFiles(first: string): string[] {
  return SUFFIXES.map((suffix) => driveFile(first, { suffix })).reverse();
}

/** Name what belongs to one drive of what is named `base`. */
export function nameOf(base: string, { suffix }: Drive): string {
  return `${base}${suffix}`;
}

/** Tell whether a name is that of some drive of `base`. */
export function isNamed(base: string, name: string): boolean {
  return name.startsWith(base) && SUFFIXES.includes(name.slice(base.length));
}

/** The base of a name that `nameOf` made. */
export function baseOf(name: string): string {
  const suffix = SUFFIXES.find((s) => s !== '' && name.endsWith(s)) ?? '';
  return name.slice(0, name.length - suffix.length);
}
