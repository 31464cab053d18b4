// Files that survive a crash: after any of these calls returns, the change is on the disk; before, the old state is whole.
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, type FileOperations, isMissing, NODE_FILES, temporaryName } from './file-operations.js';

export { isMissing } from './file-operations.js';

/** Replace `path` with `text`: a crash leaves the old file or the new one. `mode` is the new file's. */
export async function writeDurably(path: string, text: string, mode = 0o644): Promise<void> {
  const temporary = await stageFile(path, text, mode);
  try {
    await renameDurably(temporary, path);
  } catch (error) {
    await discard(temporary);
    throw error;
  }
}

/** Write the file that is to become `path`, under a name of its own beside it: on the disk when this returns. Nothing is left on failure. */
export async function stageFile(
  path: string,
  text: string,
  mode: number,
  files: FileOperations = NODE_FILES,
): Promise<string> {
  const temporary = join(dirname(path), temporaryName(basename(path)));
  try {
    await files.writeNew(temporary, text, mode);
    await files.sync(temporary);
  } catch (error) {
    await discard(temporary, files);
    throw error;
  }
  return temporary;
}

/** Remove a temporary file if that is possible; one that stays is ignored, and swept away later. */
export async function discard(temporary: string, files: FileOperations = NODE_FILES): Promise<void> {
  await files.remove(temporary).catch(() => undefined);
}

/** Make a folder and the ones above it where they are missing: a crash does not lose them. */
export async function makeFolderDurably(
  path: string,
  mode = 0o700,
  files: FileOperations = NODE_FILES,
): Promise<void> {
  const parent = dirname(path);
  try {
    await files.makeFolder(path, mode);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    if (!isMissing(error) || parent === path) throw error;
    await makeFolderDurably(parent, mode, files);
    return makeFolderDurably(path, mode, files);
  }
  await files.sync(parent);
}

/** Rename a file and wait until the change of both folders is on the disk. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await NODE_FILES.rename(from, to);
  await NODE_FILES.sync(dirname(to));
  if (dirname(from) !== dirname(to)) await NODE_FILES.sync(dirname(from));
}

/** Remove a file or folder if it is there, and wait until that is on the disk. */
export async function removeDurably(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await NODE_FILES.sync(dirname(path)).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

/** Read a text file; null when there is none. */
export async function readTextIfThere(
  path: string,
  files: FileOperations = NODE_FILES,
): Promise<string | null> {
  try {
    return await files.readText(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
