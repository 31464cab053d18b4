// Disk files: made empty or from the operator's image, as sparse raw files of exactly the desktop's size.
import { chmod, open, rm, stat } from 'node:fs/promises';
import { z } from 'zod';
import { hasCode, VmshadowError } from '../../../domain/errors.js';
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
/** Slow disks copy 10 MB/s: what takes longer than a day hangs. */
const CONVERT_TIMEOUT_MS = 24 * 3_600_000;

/** Make an empty (sparse, all zero) raw disk; one that is there already is kept. */
export async function createEmptyDisk(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    const { size } = await file.stat();
    if (size < sizeBytes) await file.truncate(sizeBytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Who watches a copy: told of bytes done and of all; the signal ends it. */
export interface CopyWatch {
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal | null;
}

/** Bytes that the disk in an image holds. Throws INPUT_INVALID as `importImage` does. */
export async function imageBytes(image: string): Promise<number> {
  return (await inspectImage(image))['virtual-size'];
}

/** Copy a raw or qcow2 image into a new raw disk of `sizeBytes`; throw INPUT_INVALID when it is something else or larger, OUT_OF_SPACE without room. */
export async function importImage(
  image: string,
  path: string,
  sizeBytes: number,
  { signal, onProgress }: CopyWatch,
): Promise<void> {
  const info = await inspectImage(image);
  const totalBytes = info['virtual-size'];
  if (totalBytes > sizeBytes)
    throw new VmshadowError(
      'INPUT_INVALID',
      `image ${image} holds ${Math.ceil(convertSize(totalBytes, 'B', 'MiB'))} MiB, but the desktop's diskMiB is ${convertSize(sizeBytes, 'B', 'MiB')}; ` +
        'raise it or shrink the image',
    );
  const unfinished = unfinishedOf(path);
  await rm(unfinished, { force: true });
  try {
    await runCommand([...ENDS_WITH_US, ...CONVERT, '-f', info.format, image, unfinished], {
      timeoutMs: CONVERT_TIMEOUT_MS,
      onOutput: (text) => {
        const share = shareOf(text);
        if (share !== null) onProgress(Math.round(share * totalBytes), totalBytes);
      },
      ...(signal === null ? {} : { signal }),
    });
    signal?.throwIfAborted();
    await chmod(unfinished, 0o600);
    await createEmptyDisk(unfinished, sizeBytes);
    await renameDurably(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    signal?.throwIfAborted();
    throw hasCode(error, 'COMMAND') ? refusedCopy(error) : error;
  }
}

/** Of a worker that was killed no copy goes on into a file that nobody knows. */
const ENDS_WITH_US = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
const CONVERT = ['qemu-img', 'convert', '-p', '-O', 'raw', '-S', '64k'] as const;

const unfinishedOf = (path: string) => `${path}.import`;

/** Remove what an interrupted creation has left of a disk that no record names. */
export async function removeUnfinished(path: string): Promise<void> {
  for (const file of [unfinishedOf(path), path]) await rm(file, { force: true });
}

/** `    (12.34/100%)`, again and again: the last one that came. */
export function shareOf(text: string): number | null {
  const percent = [...text.matchAll(/\((\d+(?:\.\d+)?)\/100%\)/g)].at(-1)?.[1];
  return percent === undefined ? null : Number(percent) / 100;
}

/** What made a long copy fail is there the next time too: an operator has to see to it. */
function refusedCopy(error: VmshadowError): VmshadowError {
  const full = /no space left/i.test(error.message);
  return new VmshadowError(full ? 'OUT_OF_SPACE' : 'COMMAND', error.message, {
    retryable: false,
    cause: error,
  });
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
export async function inspectImage(image: string): Promise<z.output<typeof ImageInfo>> {
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
