// `npm run bench -- handoff [--moves=50] [--rtt=100] [--pause=300] [--only=KIND/WAY,...]`: what a user sees of a handoff, against the time that the
// desktop stood still. Real proxies in namespaces; TCP to a QEMU guest that is migrated live, datagrams to a program that is stopped while its cable
// goes from one host to the other. A row at a time; each is kept (bench/results/handoff.cells.json), and another run makes those that are missing.
// Needs root.
import { z } from 'zod';
import type { BenchResult } from './bench-result.js';
import { KINDS } from './handoff/desktops.js';
import { Row, runRow, WAYS } from './handoff/row.js';
import { keep, readKept } from './kept-cells.js';

const BOOK = new URL('results/handoff.cells.json', import.meta.url);
const ROWS = KINDS.flatMap((kind) => WAYS.map((way) => ({ kind, way })));
const nameOf = ({ kind, way }: Pick<Row, 'kind' | 'way'>): string => `${kind}/${way}`;

export const Options = z.strictObject({
  moves: z.coerce.number().int().min(1).default(50),
  rtt: z.coerce.number().positive().default(100),
  /** How long the desktop stands still at least, ms. */
  pause: z.coerce.number().positive().default(300),
  only: z
    .string()
    .transform((names) => names.split(','))
    .refine(
      (names) => names.every((name) => ROWS.some((r) => nameOf(r) === name)),
      `expected some of ${ROWS.map(nameOf).join(', ')}`,
    )
    .optional(),
});

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.ceil(q * values.length) - 1] ?? NaN;
const ms = (value: number): string => value.toFixed(0);

function line(row: Row): string {
  const downtime = row.samples.map((s) => s.downtimeMs);
  const beyond = row.samples.map((s) => s.gapMs - s.downtimeMs);
  const first = row.samples.map((s) => s.firstMs);
  const released = row.samples.map((s) => s.releasedMs);
  const held = row.samples.map((s) => s.held);
  return [
    '',
    ...[row.kind, row.way, String(row.samples.length), ms(quantile(downtime, 0.5))],
    ...[ms(quantile(beyond, 0.5)), ms(quantile(beyond, 1)), ms(quantile(first, 0.5)), ms(quantile(first, 1))],
    ms(quantile(released, 0.5)),
    ...[String(quantile(held, 0.5)), String(row.broken), row.lost ?? '-', row.reordered],
    '',
  ]
    .join(' | ')
    .trim();
}

/** Run the rows that are not there yet, or that were asked for. */
export async function run({ moves, rtt, pause, only }: z.infer<typeof Options>): Promise<BenchResult> {
  const kept = (await readKept(BOOK, z.array(Row))) ?? [];
  const rows: Row[] = [];
  for (const { kind, way } of ROWS) {
    const known = kept.find((r) => r.kind === kind && r.way === way);
    const enough = known?.rttMs === rtt && known.samples.length >= moves;
    const asked = only?.includes(nameOf({ kind, way })) ?? !enough;
    const row = asked ? await runRow(kind, way, { moves, rttMs: rtt, pauseMs: pause }) : known;
    if (row === undefined) continue;
    console.log(line(row));
    rows.push(row);
    const others = kept.filter((r) => !rows.some((run) => nameOf(run) === nameOf(r)));
    await keep(BOOK, `${JSON.stringify([...rows, ...others])}\n`);
  }
  // Packets are held as soon as the desktop has stopped.
  const product = rows.filter((r) => r.way === 'hold-late');
  const worst = (q: number) =>
    Math.max(
      ...product.map((r) =>
        quantile(
          r.samples.map((s) => s.gapMs - s.downtimeMs),
          q,
        ),
      ),
    );
  const sum = (key: 'lost' | 'reordered') => product.reduce((n, r) => n + (r[key] ?? 0), 0);
  const broken = product.reduce((n, r) => n + r.broken, 0);
  const head = [
    '| stream | way | moves | downtime, ms (median) | gap beyond it, median | worst | resume to first data, median | worst | resume to release, median | held packets | broken | datagrams lost | reordered |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  return {
    targets: [
      {
        name: 'gap beyond the downtime, median, ms',
        target: `<= 1 RTT (${ms(rtt)})`,
        measured: ms(worst(0.5)),
        met: worst(0.5) <= rtt,
      },
      {
        name: `gap beyond the downtime, worst of ${String(moves)}, ms`,
        target: `<= 1.5 RTT (${ms(1.5 * rtt)})`,
        measured: ms(worst(1)),
        met: worst(1) <= 1.5 * rtt,
      },
      {
        name: 'connections broken; datagrams lost, reordered',
        target: '0; 0, 0',
        measured: `${String(broken)}; ${String(sum('lost'))}, ${String(sum('reordered'))}`,
        met: broken + sum('lost') + sum('reordered') === 0,
      },
    ],
    table: [...head, ...rows.map(line)].join('\n'),
    raw: rows,
  };
}
