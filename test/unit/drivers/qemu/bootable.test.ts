import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskHead, whyNotBootable } from '../../../../drivers/qemu/process/bootable.js';
import { runCommand } from '../../../../os/run-command.js';

/** The first sectors of a disk as the specification lays them out. */
function head({ code = 0, gpt = false, types = [] as string[], mbr = 0, signed = true } = {}): Buffer {
  const bytes = Buffer.alloc(34 * 512);
  bytes.fill(code, 0, 440);
  if (signed) bytes.writeUInt16LE(0xaa55, 510);
  bytes[450] = gpt ? 0xee : mbr;
  if (!gpt) return bytes;
  bytes.write('EFI PART', 512, 'latin1');
  bytes.writeBigUInt64LE(2n, 512 + 72);
  bytes.writeUInt32LE(128, 512 + 80);
  bytes.writeUInt32LE(128, 512 + 84);
  types.forEach((type, i) => bytes.write(type, 1024 + i * 128, 'hex'));
  return bytes;
}
const LINUX = 'af3dc60f838472478e793d69d8477de4';
const SYSTEM = '28732ac11ff8d211ba4b00a0c93ec93b';

describe('a disk', () => {
  it.each([
    ['GPT without boot code', 'bios', { gpt: true, types: [LINUX] }, /GPT and no boot code/],
    ['GPT with boot code', 'bios', { gpt: true, code: 0xeb }, null],
    ['MBR', 'bios', { mbr: 0x83 }, null],
    ['GPT without a system partition', 'uefi', { gpt: true, code: 0xeb, types: [LINUX] }, /no EFI system/],
    ['GPT with one', 'uefi', { gpt: true, types: [LINUX, SYSTEM] }, null],
    ['MBR without one', 'uefi', { mbr: 0x83, code: 0xeb }, /no EFI system/],
    ['MBR with one', 'uefi', { mbr: 0xef }, null],
    ['file system without partitions', 'uefi', {}, null],
    ['disk without a signature', 'uefi', { signed: false, mbr: 0x83 }, null],
  ] as const)('%s, under %s', (_, firmware, disk, said) => {
    const why = whyNotBootable(head(disk as Parameters<typeof head>[0]), firmware);
    if (said === null) expect(why).toBeNull();
    else expect(why).toMatch(said);
  });

  it('whose entries lie elsewhere, or that ends too early, may boot', () => {
    const moved = head({ gpt: true, types: [LINUX] });
    moved.writeBigUInt64LE(9n, 512 + 72);
    expect(whyNotBootable(moved, 'uefi')).toBeNull();
    for (const bytes of [0, 512, 1024, 3000])
      expect(whyNotBootable(head({ gpt: true, types: [LINUX] }).subarray(0, bytes), 'uefi')).toBeNull();
  });

  it('is read from its file, however short that is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vms-head-'));
    const path = join(folder, 'disk.raw');
    await runCommand(['truncate', '-s', '1000', path]);
    expect(await diskHead(path)).toEqual(Buffer.alloc(1000));
    await rm(folder, { recursive: true });
  });
});
