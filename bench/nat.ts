// `npm run bench -- nat [--runs=1] [--only=NAT/FIRST,...] [--minutes=N]`: a desktop moves while TCP connections, or datagrams, run through real NATs (Linux
// conntrack in namespaces), with the real proxies, kernel plane, the client behind the NAT. A cell at a time; what was measured is kept after
// each (bench/results/nat.cells.json, docs/nat.md), and another run goes on where this one stopped. Needs root.
import { z } from 'zod';
import { messageOf } from '../domain/errors.js';
import type { BenchResult } from './bench-result.js';
import { readCells, writeCells } from './nat/book.js';
import { runCell } from './nat/cell.js';
import { CELLS, nameOf } from './nat/cells.js';
import { natTable, worst } from './nat/page.js';

export const Options = z.strictObject({
  /** How often each cell is to be run, those of earlier runs counted. */
  runs: z.coerce.number().int().min(1).default(1),
  /** Cells, with commas between them; they are run again, whatever was measured. */
  only: z
    .string()
    .transform((names) => names.split(','))
    .refine(
      (names) => names.every((name) => CELLS.some((c) => nameOf(c) === name)),
      `expected some of ${CELLS.map(nameOf).join(', ')}`,
    )
    .optional(),
  /** Begin no cell after so many minutes. */
  minutes: z.coerce.number().positive().default(Infinity),
});

/** Run the open cells. */
export async function run({ runs, only, minutes }: z.infer<typeof Options>): Promise<BenchResult> {
  const known = await readCells();
  const endMs = Date.now() + minutes * 60_000;
  for (const cell of CELLS) {
    const name = nameOf(cell);
    const before = only === undefined ? known.filter((k) => nameOf(k) === name).length : 0;
    if (only !== undefined && !only.includes(name)) continue;
    for (let done = before; done < runs && Date.now() < endMs; done += 1) {
      try {
        const measured = await runCell(cell);
        console.log(`${name}: ${JSON.stringify(measured)}`);
        known.push({ ...cell, ...measured, at: new Date().toISOString() });
        await writeCells(known);
      } catch (error) {
        // The machine, or the lab: what a connection does is in the figures. The cell stays open for another run.
        console.log(`${name}: could not be run: ${messageOf(error)}`);
      }
    }
  }
  const names = new Set(known.map(nameOf));
  const lost = known.filter((k) => !k.intact);
  const direct = new Set(CELLS.map((c) => c.nat)).size;
  const onRelay = new Set(known.filter((k) => k.relayed > 0).map((k) => k.nat));
  return {
    targets: [
      {
        name: 'connections intact by every byte',
        target: `all of ${String(CELLS.length)} cells`,
        measured: `${String(known.length - lost.length)} of ${String(known.length)} runs, ${String(names.size)} of ${String(CELLS.length)} cells run`,
        met: lost.length === 0 && names.size === CELLS.length,
      },
      {
        name: 'NATs passed by the direct path',
        target: `${String(direct)} of ${String(direct)}`,
        measured: `${String(new Set(known.map((k) => k.nat)).size - onRelay.size)} of ${String(direct)}; over the relay: ${[...onRelay].join(', ') || 'none'}`,
        met: onRelay.size === 0 && names.size === CELLS.length,
      },
      {
        name: 'packets with an inner address that left a NAT',
        target: '0',
        measured: String(worst(known.map((k) => k.leaked))),
        met: known.every((k) => k.leaked === 0),
      },
    ],
    table: natTable(known),
    raw: known,
  };
}
