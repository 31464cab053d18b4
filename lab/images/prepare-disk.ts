// A desktop's own disk, made from the pristine image: copied, grown to a size, and filled to a used size where a lab wants one (the paper's
// desktops had 2 GB disks with 1.1 to 1.3 GB used).
import { createCipheriv } from 'node:crypto';
import { open, rm, stat } from 'node:fs/promises';
import { convertSize } from '../../domain/model/units.js';
import { VmshadowError } from '../../domain/errors.js';
import { runCommand } from '../../os/run-command.js';
import type { GuestImage } from './locate.js';

export interface DiskSize {
  /** Size of the disk as the guest sees it, MiB; at least the image's. */
  readonly diskMiB: number;
  /** How much of it holds data, MiB; absent or less than the image's own: nothing is added. */
  readonly usedMiB?: number;
  /** Makes the filling another one: two desktops of one site should not share it unless they would. */
  readonly seed?: number;
}

const COMMAND_TIMEOUT_MS = 300_000;

/** Write a fresh disk for one desktop to `target` (replaced); gives its used size in MiB. Throws INPUT_INVALID, COMMAND. */
export async function prepareDisk(image: GuestImage, target: string, size: DiskSize): Promise<number> {
  if (size.diskMiB < image.diskMiB || (size.usedMiB ?? 0) > size.diskMiB * 0.9)
    throw new VmshadowError(
      'INPUT_INVALID',
      `A disk of ${String(size.diskMiB)} MiB with ${String(size.usedMiB ?? image.usedMiB)} MiB used cannot be made: the image has ${String(image.diskMiB)} MiB, and a tenth is left for the file system.`,
    );
  await runCommand(['cp', '--sparse=always', image.disk, target], { timeoutMs: COMMAND_TIMEOUT_MS });
  if (size.diskMiB > image.diskMiB) {
    await runCommand(['truncate', '-s', `${String(size.diskMiB)}M`, target]);
    // -f: the image was never mounted, and so needs no check first.
    await runCommand(['resize2fs', '-f', target], { timeoutMs: COMMAND_TIMEOUT_MS });
  }
  const fillMiB = Math.floor((size.usedMiB ?? 0) - image.usedMiB);
  if (fillMiB > 0) {
    const filling = `${target}.filling`;
    try {
      await writeFilling(filling, fillMiB, size.seed ?? 1);
      await runCommand(['debugfs', '-w', '-f', '-', target], {
        input: `write "${filling}" filling\n`,
        timeoutMs: COMMAND_TIMEOUT_MS,
      });
    } finally {
      await rm(filling, { force: true });
    }
  }
  return Math.ceil(convertSize((await stat(target)).blocks * 512, 'B', 'MiB'));
}

/** Data that compress to about half, as installed programs do: each 4 KB is half pseudo-random, half one repeated line. */
async function writeFilling(path: string, mebibytes: number, seed: number): Promise<void> {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(2048);
  const line = Buffer.alloc(
    2048,
    'an installed program has much that looks like this, and much that does not\n',
  );
  const file = await open(path, 'w');
  try {
    for (let i = 0; i < mebibytes; i++) {
      const pages = Array.from({ length: 256 }, () => [stream.update(zeros), line]).flat();
      await file.write(Buffer.concat(pages));
    }
  } finally {
    await file.close();
  }
}
