// What the NAT bench has measured so far; and docs/nat.md, made from it.
import { z } from 'zod';
import { keep, readKept } from '../kept-cells.js';
import { type Cell, CELLS, type Measured, nameOf } from './cells.js';
import { natPage } from './page.js';

const FILE = new URL('../results/nat.cells.json', import.meta.url);
const PAGE = new URL('../../docs/nat.md', import.meta.url);

const Kept = z.array(
  z.object({
    nat: z.string(),
    protocol: z.enum(['tcp', 'udp']).default('tcp'),
    first: z.enum(['client', 'desktop', 'both']),
    connections: z.number(),
    relayed: z.number(),
    relayRttMs: z.number().nullable(),
    intact: z.boolean(),
    lost: z.number().nullable().default(null),
    gapMs: z.number(),
    pauseMs: z.number(),
    leaked: z.number(),
    at: z.string(),
  }),
);
export type KeptCell = Cell & Measured & { readonly at: string };

/** The runs of cells that there still are. */
export async function readCells(): Promise<KeptCell[]> {
  const names = new Set(CELLS.map(nameOf));
  const kept = ((await readKept(FILE, Kept)) ?? []) as KeptCell[];
  return kept.filter((cell) => names.has(nameOf(cell)));
}

export async function writeCells(cells: readonly KeptCell[]): Promise<void> {
  await keep(FILE, `${JSON.stringify(cells, null, 2)}\n`);
  await keep(PAGE, natPage(cells));
}
