// What has been measured, in bench/results/faults.json: read at the beginning, written whole after each cell; and the page made from it.
import { cpus } from 'node:os';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseInput } from '../../domain/model/parse.js';
import { isMissing } from '../../os/file-operations.js';
import { Observed } from './observed.js';
import { faultsPage } from './page.js';

const Book = z.object({ raw: z.object({ runs: z.array(Observed) }) });
const BOOK = new URL('../results/faults.json', import.meta.url);
const PAGE = new URL('../../docs/faults.md', import.meta.url);

/** All runs so far, the oldest first. */
export async function readRuns(): Promise<Observed[]> {
  const text = await readFile(BOOK, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (text === null) return [];
  return parseInput(Book, JSON.parse(text), 'bench/results/faults.json').raw.runs;
}

/** Write all runs, and the page. */
export async function writeRuns(runs: readonly Observed[]): Promise<void> {
  const at = new Date().toISOString();
  const machine = { cores: cpus().length, node: process.version };
  await replace(BOOK, `${JSON.stringify({ name: 'faults', at, machine, raw: { runs } }, null, 1)}\n`);
  await replace(PAGE, faultsPage(runs, at, machine));
}

async function replace(file: URL, text: string): Promise<void> {
  const fresh = new URL(`${file.href}.new`);
  await writeFile(fresh, text);
  await rename(fresh, file);
}
