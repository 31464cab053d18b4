// What the NAT bench has measured so far, kept after each cell; and docs/nat.md, made from it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Cell, CELLS, type Measured, nameOf } from './cells.js';
import { natPage } from './page.js';

const FILE = new URL('../results/nat.cells.json', import.meta.url);
const PAGE = new URL('../../docs/nat.md', import.meta.url);

const Kept = z.array(
  z.object({
    nat: z.string(),
    first: z.enum(['client', 'desktop', 'both']),
    connections: z.number(),
    relayed: z.number(),
    relayRttMs: z.number().nullable(),
    intact: z.boolean(),
    gapMs: z.number(),
    pauseMs: z.number(),
    leaked: z.number(),
    at: z.string(),
  }),
);
export type KeptCell = Cell & Measured & { readonly at: string };

/** The runs of cells that there still are. */
export async function readCells(): Promise<KeptCell[]> {
  const text = await readFile(FILE, 'utf8').catch(() => '[]');
  const names = new Set(CELLS.map(nameOf));
  return (Kept.parse(JSON.parse(text)) as KeptCell[]).filter((cell) => names.has(nameOf(cell)));
}

export async function writeCells(cells: readonly KeptCell[]): Promise<void> {
  await mkdir(new URL('.', FILE), { recursive: true });
  await writeFile(FILE, `${JSON.stringify(cells, null, 2)}\n`);
  await writeFile(PAGE, natPage(cells));
}
