// Disk files: made empty or from the operator's image, as sparse raw files of exactly the desktop's size.
import { open, rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { VmshadowError } from '../../../domain/errors.js';
import { convertSize } from '../../../domain/model/units.js';
import { isMissing, renameDurably } from '../../../os/durable-file.js';
import { runCommand } from '../../../os/run-command.js';

const ImageInfo = z.object({
  format: z.string(),
  'virtual-size': z.number(),
  'backing-filename': z.string().optional(),
  'format-specific': z
    .object({ data: z.object({ 'data-file': z.string().optional() }).optional() })
    .optional(),
});
/** A slow disk copies 10 MB/s: 64 GB in two hours. */
const CONVERT_TIMEOUT_MS = 2 * 3_600_000;

/** Make an empty (sparse, all zero) raw disk; one that is there already is kept. */
export async function createEmptyDisk(path: string, diskMiB: number): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    const { size } = await file.stat();
    if (size < convertSize(diskMiB, 'MiB', 'B')) await file.truncate(convertSize(diskMiB, 'MiB', 'B'));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Copy a raw or qcow2 image into a new raw disk of `diskMiB`; throw INPUT_INVALID when it is something else or larger. */
export async function importImage(image: string, path: string, diskMiB: number): Promise<void> {
  const info = await inspectImage(image);
  if (info['virtual-size'] > convertSize(diskMiB, 'MiB', 'B'))
    throw new VmshadowError(
      'INPUT_INVALID',
      `image ${image} holds ${Math.ceil(convertSize(info['virtual-size'], 'B', 'MiB'))} MiB, but the desktop's diskMiB is ${diskMiB}; ` +
        'raise diskMiB or shrink the image',
    );
  const unfinished = `${path}.import`;
  await rm(unfinished, { force: true });
  try {
    await runCommand(
      ['qemu-img', 'convert', '-f', info.format, '-O', 'raw', '-S', '64k', image, unfinished],
      {
        timeoutMs: CONVERT_TIMEOUT_MS,
      },
    );
    await createEmptyDisk(unfinished, diskMiB);
    await renameDurably(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** Wait until what was written to a file is on the disk, whoever wrote it. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Bytes that a file really takes; 0 when there is none. */
export async function usedBytes(path: string): Promise<number> {
  try {
    // st_blocks counts 512 bytes each, whatever the file system.
    return (await stat(path)).blocks * 512;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

/** An image that names other files could make us read (and a guest see) anything on this host: it is refused. */
async function inspectImage(image: string): Promise<z.output<typeof ImageInfo>> {
  const info = ImageInfo.parse(
    JSON.parse(await runCommand(['qemu-img', 'info', '--output=json', image])) as unknown,
  );
  const refers =
    info['backing-filename'] !== undefined || info['format-specific']?.data?.['data-file'] !== undefined;
  if (!['raw', 'qcow2'].includes(info.format) || refers)
    throw new VmshadowError(
      'INPUT_INVALID',
      `image ${image} is ${refers ? 'built on another file' : info.format}; expected a self-contained raw or qcow2 image: ` +
        'convert it with qemu-img convert',
    );
  return info;
}
