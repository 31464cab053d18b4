// Files that belong together: written all, or none.
import { link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { isThere } from './is-there.js';

export interface OutFile {
  readonly path: string;
  readonly text: string;
}

/** Write all of these files or none; without `force` none where one of them is there. */
export async function writeAll(files: readonly OutFile[], force: boolean): Promise<void> {
  const there = await Promise.all(files.map(async ({ path: file }) => ((await isThere(file)) ? [file] : [])));
  const taken = there.flat();
  if (taken.length > 0 && !force)
    throw new VmshadowError(
      'ALREADY_EXISTS',
      `${taken.join(', ')} ${taken.length === 1 ? 'is' : 'are'} there already; nothing was written. --dry-run shows what would be, --force overwrites.`,
    );
  await putAll(files, force).catch((error: unknown) => {
    throw new VmshadowError(
      'PREREQUISITE',
      `${force ? 'not all was' : 'nothing was'} written: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  });
}

/** Write all beside where they go, then put them there; what has no place in time is taken away again. */
async function putAll(files: readonly OutFile[], force: boolean): Promise<void> {
  const partOf = (file: string) => `${file}.part`;
  const put: string[] = [];
  try {
    for (const { path: file, text } of files) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(partOf(file), text);
    }
    for (const { path: file } of files) {
      // link(2): what came in the meantime is kept, too.
      if (force) await rename(partOf(file), file);
      else await link(partOf(file), file);
      put.push(file);
    }
  } catch (error) {
    // Over what was there before nothing can be taken back; it was asked for.
    if (!force) await Promise.all(put.map((file) => rm(file, { force: true })));
    throw error;
  } finally {
    await Promise.all(
      files.map(({ path: file }) => rm(partOf(file), { force: true }).catch(() => undefined)),
    );
  }
}
