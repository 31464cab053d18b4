// `npm run bench -- faults [--runs=3] [--only=PHASE/FAULT,...] [--anew] [--minutes=N] [--list]`: the fault matrix on the lab's real parts, a
// cell at a time, along its diagonals, each cell once before any is tried again. What was measured is kept after each cell
// (bench/results/faults.json and docs/faults.md), and another run goes on where this one stopped. Needs root and `npm run build`.
import { z } from 'zod';
import { messageOf } from '../domain/errors.js';
import { randomFrom } from '../lab/random.js';
import type { BenchResult } from './bench-result.js';
import { readRuns, writeRuns } from './faults/book.js';
import { runCell } from './faults/cell.js';
import { Ground } from './faults/ground.js';
import { cells, cellsNamed, FAULTS, nameOf, openCells, type Cell } from './faults/matrix.js';
import type { Observed } from './faults/observed.js';
import { countsOf, runsOf } from './faults/page.js';
import { judge, leftWell } from './faults/verdict.js';

export const Options = z.strictObject({
  /** How often each cell is to be hit, those of earlier runs counted. */
  runs: z.coerce.number().int().min(1).default(3),
  /** Cells, with commas between them; `*` for any phase or fault. They are run again `runs` times, whatever was measured. */
  only: z
    .string()
    .transform((names) => names.split(','))
    .refine((names) => names.every((name) => cellsNamed(name).length > 0), 'expected PHASE/FAULT, see --list')
    .optional(),
  /** Run cells again `runs` times, and drop what was measured of them before, as after a mend. */
  anew: z.boolean().default(false),
  /** Begin no cell after so many minutes. */
  minutes: z.coerce.number().positive().default(Infinity),
  /** Only say which cells there are. */
  list: z.boolean().default(false),
});

/** Tries of a cell that the bench could not do, or that came too late for its phase. */
const TRIES = 3;

/** Run the open cells. */
export async function run(options: z.infer<typeof Options>): Promise<BenchResult> {
  if (options.list) return shown(cells.map((cell) => `${nameOf(cell)}: ${FAULTS[cell.fault]}`).join('\n'));
  const { only, anew, runs } = options;
  const old = await readRuns();
  const fresh: Observed[] = [];
  const book = () => [...old.filter((run) => !(anew && fresh.some(isOfCell(run)))), ...fresh];
  const endMs = Date.now() + options.minutes * 60_000;
  const wanted = only === undefined ? cells : only.flatMap(cellsNamed);
  const tries = new Map<string, number>();
  const open = () => {
    const counted = only === undefined && !anew ? book() : fresh;
    return openCells(wanted, (cell) => runsOf(cell, counted), runs).filter(
      (cell) => (tries.get(nameOf(cell)) ?? 0) < TRIES * runs,
    );
  };
  const site = new Site();
  try {
    for (let [cell] = open(); cell !== undefined && Date.now() < endMs; [cell] = open()) {
      tries.set(nameOf(cell), (tries.get(nameOf(cell)) ?? 0) + 1);
      const observed = await site.run(cell, book().length);
      if (observed === null) continue;
      fresh.push(observed);
      await writeRuns(book());
    }
  } finally {
    await site.leave();
  }
  return shown(countsOf(book()));
}

const isOfCell = (cell: Cell) => (run: Observed) => nameOf(run) === nameOf(cell);

/** The ground that is in use; a new one after whatever may have spoilt it. */
class Site {
  #ground: Ground | null = null;

  /** Run a cell and say what came of it; null where the bench could not do it. */
  async run(cell: Cell, seed: number): Promise<Observed | null> {
    const begunMs = Date.now();
    const say = (text: string) =>
      console.log(`${nameOf(cell)}: ${text} (${((Date.now() - begunMs) / 1_000).toFixed(0)} s)`);
    try {
      this.#ground ??= await Ground.make();
      const observed = await runCell(this.#ground, cell, randomFrom(seed + 1));
      const { kind, why } = judge(observed);
      say([`${kind}, ${observed.outcome}`, ...why].join('; '));
      if (kind === 'failing') await this.keepLogs();
      if (!leftWell(observed)) await this.leave();
      return observed;
    } catch (error) {
      say(`could not be run: ${messageOf(error)}`);
      await this.keepLogs();
      await this.leave();
      return null;
    }
  }

  async leave(): Promise<void> {
    const ground = this.#ground;
    this.#ground = null;
    await ground?.remove();
  }

  async keepLogs(): Promise<void> {
    const folder = process.env['VMSHADOW_KEEP_LOGS'];
    if (folder !== undefined) await this.#ground?.keepLogs(folder);
  }
}

const shown = (table: string): BenchResult => ({ targets: [], table, raw: null, forTheRecord: false });
