// The few things that durable files need of a file system, each one step that a crash or a fault may follow. Tests put a disk that fails
// in its place.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';

export interface FileOperations {
  /** Make one folder; EEXIST when there is something of that name, ENOENT when its parent is missing. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** Make a file that is not there yet, with exactly this mode. */
  writeNew(path: string, text: string, mode: number): Promise<void>;
  /** Replace the content of a file where it is: its room on the disk is used again, and more is asked for only beyond it. */
  overwrite(path: string, text: string): Promise<void>;
  /** Wait until a file's content, or a folder's names, are on stable storage. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  readText(path: string): Promise<string>;
  readNames(folder: string): Promise<string[]>;
  /** When a file was written last, ms since 1970. */
  changedAtMs(path: string): Promise<number>;
  /** What names a folder for as long as it is there, on which file system it may be; ENOENT when there is none. */
  identityOf(folder: string): Promise<string>;
  /** Tell whether a path is a symbolic link, wherever that leads. */
  isLink(path: string): Promise<boolean>;
}

/** Text that is damaged is told, not mended. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

export const NODE_FILES: FileOperations = {
  async makeFolder(path, mode) {
    await mkdir(path, { mode });
  },
  async writeNew(path, text, mode) {
    const file = await open(path, 'wx', mode);
    try {
      // The mode of open() is cut by the umask.
      await file.chmod(mode);
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  },
  async overwrite(path, text) {
    const file = await open(path, 'r+');
    try {
      await file.writeFile(text);
      await file.truncate(Buffer.byteLength(text));
    } finally {
      await file.close();
    }
  },
  async sync(path) {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  remove: unlink,
  async readText(path) {
    // A pipe in a file's place would be waited for at its opening, for ever.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const kind = await file.stat();
      if (!kind.isFile() && !kind.isDirectory())
        throw Object.assign(new Error('it is no file'), { code: 'EFTYPE' });
      return UTF8.decode(await file.readFile());
    } finally {
      await file.close();
    }
  },
  readNames: (folder) => readdir(folder),
  changedAtMs: async (path) => (await stat(path)).mtimeMs,
  async identityOf(folder) {
    const { dev, ino } = await stat(folder);
    return `${String(dev)}:${String(ino)}`;
  },
  async isLink(path) {
    try {
      return (await lstat(path)).isSymbolicLink();
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  },
};

/** Name a temporary file beside `name`, like no other: two writers never share one. */
export function temporaryName(name: string): string {
  return `.${name}.${randomBytes(8).toString('hex')}.tmp`;
}

/** Tell whether `temporaryName` has made this name. */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.[0-9a-f]{16}\.tmp$/.test(name);
}

/** Tell whether an error of node:fs says that there is no room for what was to be written. */
export function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(errnoOf(error));
}

/** Tell whether an error of node:fs says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return errnoOf(error) === 'ENOENT';
}

/** The error code of node:fs, such as ENOSPC; empty for any other error. */
export function errnoOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
}
