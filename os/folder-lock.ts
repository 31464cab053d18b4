// One process at a time on a folder of records: an old dom0 that is slow to end must not act beside the new one. The kernel holds the lock
// (flock, by a call into the C library) and drops it when the process ends, however it ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';
import { isVmshadowError, VmshadowError } from '../domain/errors.js';

const LOCK_EX = 2;
const LOCK_NB = 4;
const FILE = '.lock';

const flock = koffi.load(null).func('int flock(int fd, int operation)') as (
  fd: number,
  operation: number,
) => number;

/** Hold an existing folder until the function that it gives is called or the process ends. Throws PREREQUISITE when another process does. */
export function lockFolder(folder: string): () => void {
  const path = join(folder, FILE);
  // Node opens with O_CLOEXEC: processes that outlive this one do not hold the lock on.
  const fd = openSync(path, 'a+', 0o600);
  if (flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    const errno = koffi.errno();
    const holder = readFileSync(path, 'utf8').trim();
    closeSync(fd);
    throw new VmshadowError(
      'PREREQUISITE',
      errno === constants.errno.EAGAIN
        ? `${folder} is in use by another process (${holder === '' ? 'unknown' : holder}): end it first`
        : `${path} cannot be locked (${getSystemErrorName(-errno)}): use a folder on a local file system`,
      { details: { held: errno === constants.errno.EAGAIN } },
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${String(process.pid)}\n`);
  return () => {
    closeSync(fd);
  };
}

/** What one command does to a folder takes moments. */
const PATIENCE_MS = 30_000;
const AGAIN_MS = 50;

/** Do `work` while no other process, and no other call, does such work on this existing folder; waits its turn. Throws PREREQUISITE after 30 s. */
export async function withFolderLocked<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    let release: () => void;
    try {
      release = lockFolder(folder);
    } catch (error) {
      if (!isVmshadowError(error) || error.details.held !== true || performance.now() > deadline) throw error;
      await sleep(AGAIN_MS);
      continue;
    }
    try {
      return await work();
    } finally {
      release();
    }
  }
}
