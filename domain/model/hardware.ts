// What a desktop's machine has beyond processors, memory and one virtio disk. All of it may be left out, and is then as it always was: a
// definition of a release before reads as before, and a simple desktop's is written as before.
import { z } from 'zod';
import { DesktopCpu } from './cpu.js';

const SIZE_MIB = z.number().int().min(1).max(16_777_216);

/** How the guest sees a disk. Windows brings drivers for `sata`; the others need virtio's. */
export const DiskBus = z.enum(['virtio', 'sata', 'scsi']);
export type DiskBus = z.infer<typeof DiskBus>;

const ImageName = z.string().regex(/^[^\0\n]{1,4096}$/, 'expected a path in an image folder of the host');

export const DiskDefinition = z.strictObject({
  sizeMiB: SIZE_MIB,
  bus: DiskBus.default('virtio'),
  /** What it was made from; an empty disk without. */
  image: ImageName.optional(),
});
export type DiskDefinition = z.infer<typeof DiskDefinition>;

/** The controller has six ports, and one is the CD-ROM's. */
export const MOST_SATA_DISKS = 5;
export const MOST_DISKS = 8;

/** The fields of a definition that a simple desktop does not have. */
export const HARDWARE = {
  /** All disks, in the order in which the guest finds them; `diskMiB` is their sum. Without: one virtio disk of `diskMiB`. */
  disks: z
    .array(DiskDefinition)
    .min(1)
    .max(MOST_DISKS)
    .refine((disks) => disks.filter((d) => d.bus === 'sata').length <= MOST_SATA_DISKS, {
      error: `at most ${String(MOST_SATA_DISKS)} disks fit on sata`,
    })
    .optional(),
  /** `uefi`: OVMF, with variables that are a small disk of their own. */
  firmware: z.enum(['bios', 'uefi']).optional(),
  /** The firmware starts only what is signed, by Microsoft's keys unless the guest's owner changes them; needs `uefi` and a q35 machine. */
  secureBoot: z.boolean().optional(),
  nic: z.enum(['virtio', 'e1000e']).optional(),
  /** Processor that the guest sees (cpu.ts); `host` unless told otherwise. */
  cpu: DesktopCpu.optional(),
  /** Image of a CD-ROM in an image folder of every host that the desktop may come to; read-only. */
  cdrom: ImageName.optional(),
  /** The screen's device. Unless told otherwise `std` for a guest that boots from its disk, `none` for one with a given kernel. */
  display: z.enum(['none', 'std', 'virtio']).optional(),
  /** A pointer that tells where it is, for a guest with a screen. */
  usbTablet: z.boolean().optional(),
  /** A TPM 2.0 of its own, emulated; what it keeps moves with the memory. */
  tpm: z.boolean().optional(),
  /** A balloon by which the guest gives back what it does not use, of its own accord; its host counts with all of its memory all the same. */
  balloon: z.boolean().optional(),
  /** A port for the guest's agent (qemu-guest-agent): it sets the guest's clock after a move, and tells the guest's addresses. */
  guestAgent: z.boolean().optional(),
} as const;

/** What there is to say of a desktop whose TPM has gone while it runs. */
export const TPM_LOST =
  'the process of its TPM has died, and cannot be replaced while it runs: shut it down and start it; what its TPM keeps is there again then. Until then it cannot be moved';

type Sized = { readonly diskMiB: number; readonly disks?: readonly DiskDefinition[] | undefined };

/** All disks of a desktop, the simple one's too. */
export function disksOf({ diskMiB, disks }: Sized): readonly DiskDefinition[] {
  return disks ?? [{ sizeMiB: diskMiB, bus: 'virtio' }];
}

/** What of a definition's disks contradicts itself; null: nothing. */
function diskSumProblem({ diskMiB, disks }: Sized): string | null {
  const sum = disks?.reduce((n, d) => n + d.sizeMiB, 0) ?? diskMiB;
  return sum === diskMiB ? null : `expected ${String(sum)}, the sum of the disks`;
}

/** OVMF stops in the middle of its start with 128 MiB, and starts a kernel with 256. */
const UEFI_LEAST_MEMORY_MIB = 256;

interface WithFirmware {
  readonly firmware?: string | undefined;
  readonly secureBoot?: boolean | undefined;
  readonly machine?: string | undefined;
  readonly memoryMiB: number;
}

/** What of a definition does not do for its firmware: the field, and what is wrong with it. */
export function firmwareProblems(d: WithFirmware): [field: string, message: string][] {
  const problems: [string, string][] = [];
  if (d.firmware === 'uefi' && d.memoryMiB < UEFI_LEAST_MEMORY_MIB)
    problems.push(['memoryMiB', `expected at least ${String(UEFI_LEAST_MEMORY_MIB)} with firmware uefi`]);
  if (d.secureBoot !== true) return problems;
  if (d.firmware !== 'uefi') problems.push(['firmware', 'expected uefi with secureBoot']);
  // What keeps the guest's system from its variables (system management mode) is there on these alone.
  if (d.machine?.startsWith('pc-q35-') !== true)
    problems.push(['machine', 'expected a q35 one such as pc-q35-10.0 with secureBoot']);
  return problems;
}

/** What of a definition contradicts itself: the field, and what is wrong with it. */
export function hardwareProblems(d: Sized & WithFirmware): [field: string, message: string][] {
  const sum = diskSumProblem(d);
  return [...(sum === null ? [] : [['diskMiB', sum] as [string, string]]), ...firmwareProblems(d)];
}
