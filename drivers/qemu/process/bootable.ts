// Tells what can be known of a disk that cannot boot before anything is started, from its first sectors: a GPT disk without boot code under
// BIOS (an image for UEFI alone), a partitioned one without an EFI system partition under UEFI. All else may boot, or say why not itself.
import { open } from 'node:fs/promises';

const SECTOR = 512;
/** MBR, GPT header and the 128 entries of 128 bytes that every tool makes. */
const HEAD_BYTES = 34 * SECTOR;
const GPT_ENTRIES_LBA = 2;
/** Where a BIOS begins to run; the rest of the sector is the disk's signature and its partitions (UEFI specification, 5.2.1). */
const BOOT_CODE_BYTES = 440;
const MBR_PARTITIONS = [446, 462, 478, 494];
/** C12A7328-F81F-11D2-BA4B-00A0C93EC93B as it lies on the disk (UEFI specification, table 5-7). */
const EFI_SYSTEM = Buffer.from('28732ac11ff8d211ba4b00a0c93ec93b', 'hex');
const MBR_EFI_SYSTEM = 0xef;

/** Say why a disk with these first sectors cannot boot; null where it may. */
export function whyNotBootable(head: Buffer, firmware: 'bios' | 'uefi'): string | null {
  if (head.length < 2 * SECTOR || head.readUInt16LE(510) !== 0xaa55) return null;
  const isGpt = head.toString('latin1', SECTOR, SECTOR + 8) === 'EFI PART';
  if (firmware === 'bios')
    return isGpt && head.subarray(0, BOOT_CODE_BYTES).every((byte) => byte === 0)
      ? 'it has a GPT and no boot code, which a BIOS would need: an image for UEFI (firmware: uefi)'
      : null;
  const hasSystem = isGpt ? gptHasSystem(head) : mbrHasSystem(head);
  return hasSystem === false
    ? 'it has no EFI system partition, which UEFI would boot from: an image for BIOS (firmware: bios)'
    : null;
}

/** Null: it cannot be told. */
function gptHasSystem(head: Buffer): boolean | null {
  const entriesLba = head.readBigUInt64LE(SECTOR + 72);
  const size = head.readUInt32LE(SECTOR + 84);
  const begin = GPT_ENTRIES_LBA * SECTOR;
  const end = begin + head.readUInt32LE(SECTOR + 80) * size;
  if (entriesLba !== BigInt(GPT_ENTRIES_LBA) || size < 128 || end > head.length) return null;
  for (let at = begin; at < end; at += size)
    if (head.subarray(at, at + EFI_SYSTEM.length).equals(EFI_SYSTEM)) return true;
  return false;
}

function mbrHasSystem(head: Buffer): boolean | null {
  const types = MBR_PARTITIONS.map((at) => head[at + 4] ?? 0);
  // No partition at all: a file system from the first sector on, which firmware may boot from.
  return types.every((type) => type === 0) ? null : types.includes(MBR_EFI_SYSTEM);
}

/** Read what `whyNotBootable` looks at from a raw disk. */
export async function diskHead(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
