// An operator's own disk images, with whatever backing files they have, made into one that refers to nothing. Not for images of strangers:
// a backing file may be any file that root can read.
import { rename, rm } from 'node:fs/promises';
import { z } from 'zod';
import { convertSize } from '../../../domain/model/units.js';
import { parseInput } from '../../../domain/model/parse.js';
import { runCommand } from '../../../os/run-command.js';
import { shareOf } from './disk-image.js';

/** As long as a copy of hundreds of gigabytes on a slow disk takes. */
const WITHIN_MS = 24 * 3_600_000;
const Info = z.object({ 'virtual-size': z.number().positive() });

/** An image or a block device; `isRaw`: whatever is in it, no format is looked for (a guest may have written a header with a backing file). */
export interface SourceImage {
  readonly path: string;
  readonly isRaw: boolean;
}

const formatOf = ({ isRaw }: SourceImage) => (isRaw ? ['-f', 'raw'] : []);

/** MiB that a guest sees of it, upwards. Throws COMMAND where it cannot be read. */
export async function virtualMiB(source: SourceImage): Promise<number> {
  const image = source.path;
  const args = ['info', '--force-share', '--output=json', ...formatOf(source), '--', image];
  const info = await runCommand(['qemu-img', ...args]);
  const bytes = parseInput(Info, JSON.parse(info), `qemu-img info ${image}`)['virtual-size'];
  return Math.ceil(convertSize(bytes, 'B', 'MiB'));
}

/** Copy an image with all that it is backed by into the qcow2 file `to`; `onProgress` is told the share that is done. */
export async function flattenImage(
  source: SourceImage,
  to: string,
  onProgress: (share: number) => void,
): Promise<void> {
  const unfinished = `${to}.part`;
  try {
    const args = ['convert', '-p', ...formatOf(source), '-O', 'qcow2', '--', source.path, unfinished];
    await runCommand(['qemu-img', ...args], {
      timeoutMs: WITHIN_MS,
      onOutput: (text) => {
        const share = shareOf(text);
        if (share !== null) onProgress(share);
      },
    });
    await rename(unfinished, to);
  } finally {
    await rm(unfinished, { force: true });
  }
}
