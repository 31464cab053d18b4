// `npm run bench -- captures FOLDER`: every capture under a folder, a line each: what is found in it, what was mended, how long it took.
// It is there to throw files at: none may crash the reader, and no figure may be NaN. Nothing is written to bench/results.
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { z } from 'zod';
import { section } from '../cli/render/table.js';
import { isVmshadowError, messageOf } from '../domain/errors.js';
import { FingerprintPolicy } from '../domain/model/policy.js';
import type { CaptureReport } from '../domain/fingerprint/rank/capture-report.js';
import { reportCapture } from '../drivers/traffic/capture-file.js';
import { fileSource } from '../drivers/traffic/capture-source.js';
import type { BenchResult } from './bench-result.js';

export const Options = z.strictObject({
  positionals: z.tuple([z.string().min(1)], 'expected a folder of captures'),
});

interface Line {
  readonly file: string;
  readonly seconds: number;
  readonly outcome: 'reported' | 'refused' | 'crashed';
  readonly reports: readonly CaptureReport[];
  readonly said: string;
}

async function look(folder: string, file: string): Promise<Line> {
  const start = performance.now();
  const line = (rest: Pick<Line, 'outcome' | 'reports' | 'said'>): Line => ({
    file,
    seconds: (performance.now() - start) / 1000,
    ...rest,
  });
  try {
    const reports = await reportCapture(await fileSource(join(folder, file)), FingerprintPolicy.parse({}));
    return line({ outcome: 'reported', reports, said: '' });
  } catch (error) {
    const outcome = isVmshadowError(error) ? ('refused' as const) : ('crashed' as const);
    return line({ outcome, reports: [], said: messageOf(error) });
  }
}

/** Find a number that is none in anything that JSON can hold. */
function hasNoNumber(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(hasNoNumber);
}

const figure = (value: number | null, digits: number) => (value === null ? '-' : value.toFixed(digits));

const COLUMNS = [
  { head: 'file' },
  { head: 'protocol' },
  { head: 'desktop' },
  { head: 'rank', right: true },
  { head: 'frames/s', right: true },
  { head: 's', right: true },
  { head: 'mended, or why not' },
];

/** Run over the folder. */
export async function run({ positionals: [folder] }: z.infer<typeof Options>): Promise<BenchResult> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((e) => e.isFile()).map((e) => relative(folder, join(e.parentPath, e.name)));
  const lines: Line[] = [];
  for (const file of files.sort()) lines.push(await look(folder, file));
  const rows = lines.flatMap((l) => {
    const s = l.seconds.toFixed(1);
    if (l.reports.length === 0) return [[l.file, '-', '-', '-', '-', s, `${l.outcome}: ${l.said}`]];
    return l.reports.map((r) => [
      l.file,
      r.protocol ?? '-',
      r.desktop,
      figure(r.rank, 2),
      figure(r.framesPerSecond, 1),
      s,
      r.rank === null ? (r.reasons[0] ?? '') : r.mended.join('; '),
    ]);
  });
  const crashed = lines.filter((l) => l.outcome === 'crashed').length;
  const wrong = lines.filter((l) => l.reports.some(hasNoNumber)).length;
  const high = lines.filter((l) => l.reports.some((r) => (r.rank ?? 0) > 0.6)).length;
  return {
    targets: [
      { name: 'captures that crash the reader', target: '0', measured: String(crashed), met: crashed === 0 },
      {
        name: 'reports with a figure that is no number',
        target: '0',
        measured: String(wrong),
        met: wrong === 0,
      },
    ],
    table: `${section('CAPTURES', COLUMNS, rows, 'none')}\n\n${lines.length} files, ${high} with a rank above 0.6`,
    raw: lines,
    forTheRecord: false,
  };
}
