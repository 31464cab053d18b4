// `npm run bench -- migration [--size=small|paper] [--runs=N] [--only=direct,relay] [--minutes=N]`: the paper's Table 4 on the lab's WAN (60 Mbit/s,
// 100 ms round trip) with a real desktop that plays a video: QEMU's own streams, then the relay to a site that knows nothing, back from
// there, and to one where a similar desktop has been. What was measured is kept after each series (bench/results/migration.cells.json),
// and another run goes on where this one stopped. Needs root, `npm run setup` and `npm run build`.
import { z } from 'zod';
import { messageOf } from '../domain/errors.js';
import type { BenchResult } from './bench-result.js';
import { keep, readKept } from './kept-cells.js';
import { CELLS, Kept, SIZES, migrationResult, type KeptMove } from './migration/cells.js';
import { moveAndMeasure } from './migration/move.js';
import { Stage } from './migration/stage.js';

const FILE = new URL('results/migration.cells.json', import.meta.url);
const SERIES = ['direct', 'relay'] as const;
type Series = (typeof SERIES)[number];

export const Options = z.strictObject({
  size: z.enum(['small', 'paper']).default('small'),
  /** How often each series is to be run, those of earlier runs counted. */
  runs: z.coerce.number().int().min(1).default(1),
  only: z
    .string()
    .transform((names) => names.split(','))
    .pipe(z.array(z.enum(SERIES)))
    .default([...SERIES]),
  /** Begin no series after so many minutes; 0: write down again what is kept. */
  minutes: z.coerce.number().min(0).default(Infinity),
});

/** Run the open series. */
export async function run({ size, runs, only, minutes }: z.infer<typeof Options>): Promise<BenchResult> {
  const kept = (await readKept(FILE, Kept)) ?? [];
  const endMs = Date.now() + minutes * 60_000;
  for (const series of only) {
    const isOfIt = (m: KeptMove): boolean => m.size === size && m.cell === CELLS[series].at(-1);
    for (let done = kept.filter(isOfIt).length; done < runs && Date.now() < endMs; done += 1) {
      try {
        for await (const moved of SERIES_RUNS[series](size)) {
          console.log(JSON.stringify(moved));
          kept.push(moved);
          await keep(FILE, `${JSON.stringify(kept, null, 1)}\n`);
        }
      } catch (error) {
        // The machine, or the lab: what was measured before it stays, and the series is open for another run.
        console.log(`${series}: could not be run: ${messageOf(error)}`);
      }
    }
  }
  return migrationResult(kept);
}

const SERIES_RUNS: Record<Series, (size: keyof typeof SIZES) => AsyncGenerator<KeptMove>> = {
  async *direct(size) {
    const stage = await Stage.set('direct');
    try {
      const desktop = await stage.desktop('d1', SIZES[size], 1);
      yield await oneMove('direct', size, () => moveAndMeasure(stage, desktop, 'west', 'east', 'direct'));
    } finally {
      await stage.strike();
    }
  },
  async *relay(size) {
    const stage = await Stage.set('relay');
    try {
      const first = await stage.desktop('d1', SIZES[size], 1);
      yield await oneMove('cold', size, () => moveAndMeasure(stage, first, 'west', 'east', 'cold'));
      yield await oneMove('back', size, () => moveAndMeasure(stage, first, 'east', 'west', 'back'));
      await stage.hosts.west.driver.stop(first.id, 0);
      await stage.hosts.west.driver.remove(first.id);
      // Of the same image, with the same programs and its own files and life.
      const second = await stage.desktop('d2', SIZES[size], 2);
      yield await oneMove('warm', size, () => moveAndMeasure(stage, second, 'west', 'east', 'warm'));
    } finally {
      await stage.strike();
    }
  },
};

async function oneMove(
  cell: KeptMove['cell'],
  size: KeptMove['size'],
  work: () => ReturnType<typeof moveAndMeasure>,
): Promise<KeptMove> {
  return { cell, size, ...(await work()), at: new Date().toISOString() };
}
