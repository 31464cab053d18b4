// What can be wrong with a record, told apart by what stands on the disk: nobody can tell, the old one, or the new one that a power cut
// may take back.
import { messageOf, VmshadowError } from '../domain/errors.js';
import { errnoOf } from './file-operations.js';

/** What the operator does about an error of the file system. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space on its file system',
  EDQUOT: 'raise the quota of its owner, or free some space',
  EACCES: 'run as the user that owns it, or give that user the right to it',
  EPERM: 'run as the user that owns it, or give that user the right to it',
  EROFS: 'mount its file system for writing, or look in the kernel log why it became read-only',
  EMFILE: 'raise the limit of open files (ulimit -n) and start again',
  ENFILE: "raise the system's limit of open files (fs.file-max)",
  EISDIR: 'move away the folder that stands in its place',
  EFTYPE: 'move away what stands in its place',
  ENOTDIR: 'move away the file that stands in the place of a folder on its path',
};

function advice(cause: unknown): string {
  return ADVICE[errnoOf(cause)] ?? 'look at its disk and in the kernel log (dmesg)';
}

/** The error for a record, or a folder of records, that is there and cannot be read. Never to be taken for "none". */
export function unreadable(what: string, path: string, cause: unknown): VmshadowError {
  return new VmshadowError(
    'RECORD_UNREADABLE',
    `the ${what} at ${path} cannot be read (${messageOf(cause)}): ${advice(cause)}`,
    { cause, details: { path, errno: errnoOf(cause) } },
  );
}

/** The error for a change that did not happen: what stood before stands still. */
export function unwritten(what: string, path: string, cause: unknown): VmshadowError {
  return new VmshadowError(
    'RECORD_UNWRITTEN',
    `the ${what} at ${path} could not be changed and is as it was (${messageOf(cause)}): ${advice(cause)}`,
    { cause, details: { path, errno: errnoOf(cause) } },
  );
}

/** The record stands for every reader of this machine, but a power cut may bring the one before back. `record` is null where it was removed. */
export class RecordNotDurable<T = unknown> extends VmshadowError {
  readonly record: T | null;

  constructor(what: string, path: string, record: T | null, cause: unknown) {
    super(
      'RECORD_NOT_DURABLE',
      `the ${what} at ${path} is ${record === null ? 'removed' : 'written'}, but perhaps not yet on stable storage (${messageOf(cause)}): ${advice(cause)}`,
      { cause, details: { path, errno: errnoOf(cause) } },
    );
    this.record = record;
  }
}

/** Tell whether a change happened and only its durability is in doubt: then `record` is what stands. */
export function isNotDurable(e: unknown): e is RecordNotDurable {
  return typeof e === 'object' && e !== null && (e as { code?: unknown }).code === 'RECORD_NOT_DURABLE';
}

/** Tell whether a change that failed may have happened nevertheless: nobody knows, or only its durability is in doubt. */
export function mayStand(e: unknown): boolean {
  const { code } = (e ?? {}) as { code?: unknown };
  return code === 'RECORD_UNREADABLE' || code === 'RECORD_NOT_DURABLE';
}
