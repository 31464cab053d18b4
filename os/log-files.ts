// Log files that a guest or QEMU appends to: read from the end, and cut when they grow, since a guest must not fill the host's disk.
import { open, truncate } from 'node:fs/promises';
import { isMissing } from './durable-file.js';

/** Enough to see how a guest booted and what its last words were. */
const LOG_LIMIT_BYTES = 4 * 2 ** 20;
const TAIL_BYTES = 800;

/** Cut a log that has outgrown its limit; its writer appends (O_APPEND), so it goes on at the new end. */
export async function boundLog(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    const { size } = await file.stat();
    await file.close();
    if (size > LOG_LIMIT_BYTES) await truncate(path, 0);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** The last few hundred characters of a log; empty when there is none. */
export async function readTail(path: string, bytes = TAIL_BYTES): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const length = Math.min(size, bytes);
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
      return buffer.toString('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}
