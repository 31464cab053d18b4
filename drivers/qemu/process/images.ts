// Which files of this host a desktop may be made from, or boot: those in its image folders. Whoever asks comes over the network: a path is
// looked at before anything is opened, and again when every link in it is resolved.
import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, normalize, relative } from 'node:path';
import { VmshadowError } from '../../../domain/errors.js';
import { bootNames, type DesktopDefinition } from '../../../domain/model/desktop.js';
import { isMissing } from '../../../os/durable-file.js';

export interface ImageFolders {
  /** Where relative names are looked for. */
  readonly imageDir: string;
  /** Others that images may lie in. */
  readonly images: readonly string[];
}

/** Find an image; gives its path without links. Throws INPUT_INVALID, the same for all that lie outside, whether they are there or not. */
export async function findImage(folders: ImageFolders, name: string): Promise<string> {
  const all = [folders.imageDir, ...folders.images];
  const outside = new VmshadowError(
    'INPUT_INVALID',
    `image ${name} does not lie in an image folder of this host (${all.join(', ')}): put it there, or name its folder under \`images\` in dom0.yaml`,
  );
  const path = isAbsolute(name) ? normalize(name) : join(folders.imageDir, name);
  if (name.includes('\0') || name.split('/').includes('..') || !all.some((folder) => isIn(folder, path)))
    throw outside;
  try {
    const real = await realpath(path);
    const homes = await Promise.all(all.map((folder) => realpath(folder).catch(() => folder)));
    if (!homes.some((folder) => isIn(folder, real))) throw outside;
    if ((await stat(real)).isFile()) return real;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new VmshadowError('INPUT_INVALID', `image ${name} is not there: ${path}`, { cause: error });
  }
  throw new VmshadowError('INPUT_INVALID', `image ${name} is no file: ${path}`);
}

/** Find what a desktop boots from or reads, in the order of `bootNames`; nothing where that is its own disk alone. */
export async function bootFiles(definition: DesktopDefinition, folders: ImageFolders): Promise<string[]> {
  return Promise.all(bootNames(definition).map((name) => findImage(folders, name)));
}

function isIn(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way.split('/')[0] !== '..' && !isAbsolute(way);
}
