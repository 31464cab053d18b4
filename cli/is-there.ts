// Whether a file is there; what keeps one from looking is an error.
import { stat } from 'node:fs/promises';
import { isMissing } from '../os/durable-file.js';

/** Tell whether there is something at a path. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
