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

/** What of a definition's memory does not do for its firmware; null: nothing. */
export function firmwareProblem(d: { firmware?: string | undefined; memoryMiB: number }): string | null {
  return d.firmware === 'uefi' && d.memoryMiB < UEFI_LEAST_MEMORY_MIB
    ? `expected at least ${String(UEFI_LEAST_MEMORY_MIB)} with firmware uefi`
    : null;
}

/** What of a definition contradicts itself: the field, and what is wrong with it. */
export function hardwareProblems(
  d: Sized & { firmware?: string | undefined; memoryMiB: number },
): [field: string, message: string][] {
  const problems = { diskMiB: diskSumProblem(d), memoryMiB: firmwareProblem(d) };
  return Object.entries(problems).filter((entry): entry is [string, string] => entry[1] !== null);
}
