// What a benchmark that runs cell by cell has measured so far: read at the beginning, written whole after each cell, so that another run goes on
// where one was stopped.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import type { z } from 'zod';
import { parseInput } from '../domain/model/parse.js';
import { isMissing } from '../os/file-operations.js';

/** Read a file of bench/results; null where nothing has been kept yet. */
export async function readKept<S extends z.ZodType>(file: URL, schema: S): Promise<z.output<S> | null> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  return text === null ? null : parseInput(schema, JSON.parse(text), file.pathname);
}

/** Write a file whole or not at all: a run may be stopped at any moment. */
export async function keep(file: URL, text: string): Promise<void> {
  await mkdir(new URL('.', file), { recursive: true });
  const fresh = new URL(`${file.href}.new`);
  await writeFile(fresh, text);
  await rename(fresh, file);
}
