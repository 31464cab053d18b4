// The chapter of the paper's WAN move. Pure.
import { z } from 'zod';
import { markdownTable } from '../placement/figures-in-words.js';
import { NOT_MEASURED, ms, type Chapter } from './chapter.js';

const WanMoves = z.array(
  z.object({
    cell: z.string(),
    size: z.string(),
    totalMs: z.number(),
    diskBytes: z.number(),
    memoryBytes: z.number(),
    pauseMs: z.number(),
  }),
);

export const table4: Chapter = {
  title: 'Table 4 and Figure 10: a WAN move, Oregon to Virginia',
  paper:
    '1 GB of RAM, 60 Mbit/s, 100 ms: 265 s (Word and YouTube) and 249 s (Word), 1.92 and 1.88 GB, pause 2.48 and 2.8 s',
  command: 'npm run bench -- migration --size=paper',
  bench: 'migration',
  body: (results) => {
    const { data } = WanMoves.safeParse(results('migration')?.raw);
    const row = (cell: string, words: string): string[] => {
      const moves = data?.filter((m) => m.cell === cell && m.size === 'paper') ?? [];
      const last = moves.at(-1);
      return last === undefined
        ? [words, NOT_MEASURED, NOT_MEASURED, NOT_MEASURED]
        : [
            words,
            `${(last.totalMs / 1e3).toFixed(0)} s`,
            `${((last.diskBytes + last.memoryBytes) / 1e9).toFixed(2)} GB`,
            ms(last.pauseMs, 0),
          ];
    };
    return markdownTable(
      ['', 'total time', 'memory and disk over the WAN', 'pause'],
      [
        ['the paper', '265 s', '1.92 GB', '2.48 s'],
        row('direct', "QEMU's own streams"),
        row('cold', 'relay, to a site that knows nothing'),
        row('warm', 'relay, a desktop of the same image has been there'),
        row('back', 'relay, back to where it came from'),
      ],
    );
  },
  differs:
    'A video under software emulation, without the workflow around it; times are of the machine of the run, shared by two sites, a guest and the relays. The last run of each.',
};
