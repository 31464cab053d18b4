// What becomes of a machine's definition of another program: the document of a desktop, and everything that it does not say.
import { AUTO_CPU, DesktopCpu } from '../model/cpu.js';
import { MOST_DISKS, MOST_SATA_DISKS } from '../model/hardware.js';
import type { DiskBus } from '../model/hardware.js';

/** A disk as the other program has it. */
export interface ImportedDisk {
  /** A file, a block device or a volume, as it stands there; null: it is not told. */
  readonly source: string | null;
  /** The definition says that it is one: then what a guest has written into it is not looked at for another format. */
  readonly isRaw?: true;
  /** As it stands there: `vda`, `scsi0`. */
  readonly target: string;
  readonly bus: DiskBus;
  /** Null where only its image can tell. */
  readonly sizeMiB: number | null;
}

export interface Imported {
  readonly id: string | null;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly machine: string;
  readonly firmware: 'bios' | 'uefi';
  readonly secureBoot: boolean;
  readonly nic: 'virtio' | 'e1000e';
  /** Null: all that the host has. */
  readonly cpu: string | null;
  readonly disks: readonly ImportedDisk[];
  readonly cdrom: string | null;
  readonly display: 'none' | 'std' | 'virtio';
  readonly usbTablet: boolean;
  readonly tpm: boolean;
  readonly guestAgent: boolean;
  readonly boot: { readonly kernel: string; readonly initrd: string | null; readonly append: string } | null;
  /** What differs from before, in words. */
  readonly changed: readonly string[];
  /** What is left out: where it stands, and its text. */
  readonly leftOut: readonly string[];
}

/** A name as ours are: what does not fit becomes `-`; null where nothing is left. */
export function idFrom(name: string): string | null {
  const id = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 32)
    .replace(/-+$/, '');
  return id === '' ? null : id;
}

/** Today's, for machines of distributions and of long ago. */
const MACHINES = { q35: 'pc-q35-10.0', i440fx: 'pc-i440fx-10.0' } as const;
/** QEMU drops what is older, release after release. */
const OLDEST_KEPT = 4;

/** The machine type to go on with: QEMU's own versioned ones stay, others become today's of their kind. */
export function machineFrom(name: string, changed: string[]): string {
  const kind = name.includes('q35') ? 'q35' : 'i440fx';
  const version = /^pc-(?:q35|i440fx)-(\d+)\.\d+(?:\.\d+)?$/.exec(name)?.[1];
  if (version !== undefined && Number(version) >= OLDEST_KEPT) return name;
  if (name !== '')
    changed.push(
      `machine ${name} becomes ${MACHINES[kind]} (versioned, and the same at every host): Windows may want to be activated again`,
    );
  return MACHINES[kind];
}

/** A model of QEMU's stays; one of another program's own becomes the largest that all hosts have. */
export function cpuFrom(name: string, changed: string[]): string | null {
  if (name === '' || name === 'host' || name === 'max') return null;
  if (!/^x86-64-v/.test(name) && DesktopCpu.safeParse(name).success) return name;
  changed.push(`the CPU is what all hosts of the pool have when the desktop is made (was ${name})`);
  return AUTO_CPU;
}

/** OVMF's variables of before are not taken over. */
export function firmwareAnew(changed: string[]): void {
  changed.push(
    'the UEFI variables begin anew: the system is found by \\EFI\\BOOT\\BOOTX64.EFI, entries of its own are gone',
  );
}

/** Secure boot goes on with keys that are Microsoft's; on i440fx machines it is none, and is said to be off. */
export function secureBootOn(machine: string, changed: string[]): boolean {
  const possible = machine.startsWith('pc-q35-');
  changed.push(
    possible
      ? "secure boot begins with Microsoft's keys, and is on: leave `secureBoot` out where the guest had none enrolled, or starts by keys of its own"
      : `secure boot is off: it needs a q35 machine, not ${machine}`,
  );
  return possible;
}

/** What the TPM of before keeps is not taken over; `version` is its own, empty where none is told. */
export function tpmAnew(version: string, changed: string[]): true {
  const was = version === '' || version === '2.0' ? '' : ` (was ${version})`;
  changed.push(
    `the TPM is a new 2.0 one${was}, and empty: what its keys have sealed does not open (in Windows suspend BitLocker before)`,
  );
  return true;
}

/** IDE disks become SATA ones; the bus, or null where the guest would not find its disk. */
export function busFrom(name: string, target: string, changed: string[]): DiskBus | null {
  if (name === 'virtio' || name === 'sata' || name === 'scsi') return name;
  if (name !== 'ide') return null;
  changed.push(`${target} becomes a SATA disk (was IDE)`);
  return 'sata';
}

/** Of a machine without a card: one is added. */
export function nicAdded(changed: string[]): 'virtio' {
  changed.push('the desktop gets a network card (it had none): it is reached by it');
  return 'virtio';
}

/** The card that the guest has a driver for, or finds one for; `mac` is the address that it had, empty where none is told. */
export function nicFrom(model: string, mac: string, changed: string[]): 'virtio' | 'e1000e' {
  changed.push(
    `the network card gets another address${mac === '' ? '' : ` (was ${mac})`} and its IPv4 by DHCP from the host`,
  );
  if (model === 'virtio' || model === 'virtio-net-pci' || model === '') return 'virtio';
  if (model !== 'e1000e') changed.push(`the network card ${model} becomes e1000e`);
  return 'e1000e';
}

/** Keep what fits of the disks; the rest is left out. */
export function fitting(disks: readonly ImportedDisk[], leftOut: string[]): ImportedDisk[] {
  let sata = 0;
  return disks.filter((disk, i) => {
    if (disk.bus === 'sata') sata++;
    const fits = i < MOST_DISKS && (disk.bus !== 'sata' || sata <= MOST_SATA_DISKS);
    if (!fits) leftOut.push(`disk ${disk.target}: ${disk.source ?? 'empty'} (more than fit)`);
    return fits;
  });
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['b', 1],
  ['bytes', 1],
  ['kb', 1e3],
  ['k', 2 ** 10],
  ['kib', 2 ** 10],
  ['mb', 1e6],
  ['m', 2 ** 20],
  ['mib', 2 ** 20],
  ['gb', 1e9],
  ['g', 2 ** 30],
  ['gib', 2 ** 30],
  ['tb', 1e12],
  ['t', 2 ** 40],
  ['tib', 2 ** 40],
]);

/** A size with its unit in MiB, upwards; null where it is none. */
export function mebibytes(value: string, unit: string): number | null {
  const bytes = UNITS.get(unit.toLowerCase());
  const figure = /^\d{1,15}(\.\d{1,6})?$/.test(value) ? Number(value) : 0;
  return bytes === undefined || figure <= 0 ? null : Math.ceil((figure * bytes) / 2 ** 20);
}
