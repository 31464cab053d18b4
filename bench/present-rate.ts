// `npm run bench -- present-rate [--seconds=N] [--only=CELLS]`: frames a second by headers against the viewer's own count, second by second, at several
// distances and with loss; and the rate predicted for another distance against the one that is then measured. Needs root and the lab's images.
import { z } from 'zod';
import { section } from '../cli/render/table.js';
import type { BenchResult } from './bench-result.js';
import { measureRates, type RateCell } from './present-rate/cells.js';
import { moveErrors } from './present-rate/moves.js';

export const Options = z.strictObject({
  seconds: z.coerce.number().int().min(5).max(120).default(20),
  /** Cells whose names this regular expression fits, e.g. `push.*100 ms`. */
  only: z.string().optional(),
});

const percent = (x: number) => `${(x * 100).toFixed(0)} %`;

/** Run the benchmark. */
export async function run({ seconds, only }: z.infer<typeof Options>): Promise<BenchResult> {
  const cells = await measureRates(seconds, new RegExp(only ?? ''));
  const errors = moveErrors(cells);
  const protocols = [...new Set(cells.map((c) => c.protocol))];
  const known = (c: RateCell) => c.windows.filter((w) => w.counted !== null);
  const near = (c: RateCell) =>
    c.windows.filter((w) => w.counted !== null && Math.abs(w.counted - w.seen) <= 2);
  const sum = (of: readonly RateCell[], pick: (c: RateCell) => readonly unknown[]) =>
    of.reduce((n, c) => n + pick(c).length, 0);
  const sorted = errors.map((e) => e.error).sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
  return {
    targets: [
      ...protocols.map((protocol) => {
        const of = cells.filter((c) => c.protocol === protocol);
        const all = of.reduce((n, c) => n + c.windows.length, 0);
        const share = sum(of, near) / all;
        return {
          name: `${protocol}: frames in a second within 2 of the client's own count`,
          target: '>= 90 % of the seconds',
          measured: `${percent(share)} of ${all}, not known ${percent(1 - sum(of, known) / all)}`,
          met: share >= 0.9,
        };
      }),
      {
        name: 'rate predicted for another distance',
        target: 'median error <= 10 %, 90th percentile <= 15 %',
        measured: `${percent(at(0.5))}, ${percent(at(0.9))} of ${sorted.length}`,
        met: at(0.5) <= 0.1 && at(0.9) <= 0.15,
      },
    ],
    table: [
      section(
        'PRESENT RATE',
        [
          ...[{ head: 'protocol' }, { head: 'content' }],
          ...['RTT ms', 'loss', 'client/s', 'headers/s', 'within 2', 'in interval', 'not known'].map(
            (head) => ({
              head,
              right: true,
            }),
          ),
        ],
        cells.map((c) => {
          const inside = c.windows.filter((w) => w.counted !== null && w.seen >= w.least && w.seen <= w.most);
          const mean = (values: readonly number[]) =>
            values.length === 0 ? '-' : (values.reduce((n, v) => n + v, 0) / values.length).toFixed(1);
          return [
            c.protocol,
            c.content,
            String(c.rttMs),
            percent(c.loss),
            mean(c.windows.map((w) => w.seen)),
            mean(c.windows.flatMap((w) => w.counted ?? [])),
            percent(near(c).length / Math.max(1, c.windows.length)),
            percent(inside.length / Math.max(1, known(c).length)),
            percent(1 - known(c).length / Math.max(1, c.windows.length)),
          ];
        }),
        'none',
      ),
      section(
        'RATE AFTER A MOVE',
        ['protocol', 'content', 'from ms', 'to ms', 'predicted', 'measured', 'off', 'sure'].map((head) => ({
          head,
        })),
        errors.map((e) => [
          e.protocol,
          e.content,
          String(e.fromMs),
          String(e.toMs),
          e.predicted.toFixed(1),
          e.measured.toFixed(1),
          percent(e.error),
          e.sure ? 'yes' : 'content hidden',
        ]),
        'none',
      ),
    ].join('\n\n'),
    raw: { seconds, cells, errors },
    forTheRecord: only === undefined,
  };
}
