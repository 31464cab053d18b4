// `npm run bench -- moves [--moves=1000] [--connections=200] [--minutes=N]`: the handoff alone, again and again, by the real proxies in namespaces,
// with connections open all the while, half of them to a server without a proxy. What was done is kept after each move
// (bench/results/moves.cells.json), and another run goes on where this one stopped. Needs root.
import { z } from 'zod';
import type { BenchResult } from './bench-result.js';
import { keep, readKept } from './kept-cells.js';
import { type Move, Moves } from './moves/run.js';

const BOOK = new URL('results/moves.cells.json', import.meta.url);

export const Options = z.strictObject({
  /** In all, those of earlier runs counted. */
  moves: z.coerce.number().int().min(1).default(1_000),
  connections: z.coerce.number().int().min(2).multipleOf(2).default(200),
  /** Begin no move after so many minutes. */
  minutes: z.coerce.number().positive().default(Infinity),
});

const Book = z.array(
  z.object({
    at: z.string(),
    connections: z.number(),
    lost: z.number(),
    why: z.array(z.string()),
    ms: z.number(),
  }),
);

/** Move until there are as many as were asked for; after a loss with new connections. */
export async function run({ moves, connections, minutes }: z.infer<typeof Options>): Promise<BenchResult> {
  const done: Move[] = (await readKept(BOOK, Book)) ?? [];
  const endMs = Date.now() + minutes * 60_000;
  let world: Moves | null = null;
  try {
    while (done.length < moves && Date.now() < endMs) {
      world ??= await Moves.begin(connections);
      const move = await world.move();
      done.push(move);
      await keep(BOOK, `${JSON.stringify(done)}\n`);
      if (move.lost === 0 && done.length % 10 !== 0) continue;
      console.log(
        `${String(done.length)} moves, the last ${String(move.ms)} ms: ${move.why.join('; ') || 'all well'}`,
      );
      if (move.lost === 0) continue;
      await world.end();
      world = null;
    }
  } finally {
    await world?.end();
  }
  const lost = done.reduce((n, m) => n + m.lost, 0);
  const times = done.map((m) => m.ms).sort((a, b) => a - b);
  const median = String(times[Math.floor(times.length / 2)] ?? NaN);
  const most = String(Math.max(0, ...done.map((m) => m.connections)));
  return {
    targets: [
      {
        name: `connections lost in ${String(moves)} moves`,
        target: '0',
        measured: `${String(lost)} in ${String(done.length)} moves with ${most} connections`,
        met: lost === 0 && done.length >= moves,
      },
    ],
    table: [
      '| moves | connections, half to a server without a proxy | lost | a move with its clean-up, ms (median) |',
      '| --- | --- | --- | --- |',
      `| ${String(done.length)} | ${most} | ${String(lost)} | ${median} |`,
    ].join('\n'),
    raw: { moves: done.length, lost, losses: done.filter((m) => m.lost > 0) },
  };
}
