// What has been measured, in bench/results/faults.json: all runs; and the page made from it.
import { cpus } from 'node:os';
import { z } from 'zod';
import { keep, readKept } from '../kept-cells.js';
import { Observed } from './observed.js';
import { faultsPage } from './page.js';

const Book = z.object({ raw: z.object({ runs: z.array(Observed) }) });
const BOOK = new URL('../results/faults.json', import.meta.url);
const PAGE = new URL('../../docs/faults.md', import.meta.url);

/** All runs so far, the oldest first. */
export async function readRuns(): Promise<Observed[]> {
  return (await readKept(BOOK, Book))?.raw.runs ?? [];
}

/** Write all runs, and the page. */
export async function writeRuns(runs: readonly Observed[]): Promise<void> {
  const at = new Date().toISOString();
  const machine = { cores: cpus().length, node: process.version };
  await keep(BOOK, `${JSON.stringify({ name: 'faults', at, machine, raw: { runs } }, null, 1)}\n`);
  await keep(PAGE, faultsPage(runs, at, machine));
}
