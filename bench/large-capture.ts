// `npm run bench -- large-capture [--gigabytes=N]`: how much memory and time `vmshadow fingerprint` takes for captures of growing size: a
// session that lasts all the time, and beside it more flows than are kept.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { section } from '../cli/render/table.js';
import { runCommand } from '../os/run-command.js';
import type { BenchResult } from './bench-result.js';
import { writeLargeCapture } from './large-capture/capture.js';
import type { Read } from './large-capture/reader-process.js';

export const Options = z.strictObject({
  gigabytes: z.coerce.number().min(0.1).max(100).default(2),
});

const READER = fileURLToPath(new URL('./large-capture/reader-process.ts', import.meta.url));
/** What twice the size may take more: caches and the heap's own slack. */
const GROWTH = 1.25;
const MOST_MB = 1_000;
const READS_FOR_MS = 3_600_000;

interface Measured extends Read {
  readonly megabytes: number;
  readonly packets: number;
  readonly flows: number;
}

async function measure(folder: string, megabytes: number): Promise<Measured> {
  const path = join(folder, 'large.pcap');
  const written = await writeLargeCapture(path, megabytes * 1e6);
  const out = await runCommand([process.execPath, '--import', 'tsx', READER, path], {
    timeoutMs: READS_FOR_MS,
  });
  return { megabytes, ...written, ...(JSON.parse(out.trim().split('\n').at(-1) ?? '') as Read) };
}

/** Run the benchmark. */
export async function run({ gigabytes }: z.infer<typeof Options>): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vmshadow-large-'));
  const measured: Measured[] = [];
  try {
    for (const share of [0.1, 0.5, 1]) measured.push(await measure(folder, gigabytes * 1_000 * share));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const [, half, whole] = measured;
  const growth = (whole?.residentMb ?? NaN) / (half?.residentMb ?? NaN);
  return {
    targets: [
      {
        name: 'memory of twice the size',
        target: `at most ${GROWTH} times`,
        measured: `${growth.toFixed(2)} times`,
        met: growth <= GROWTH,
      },
      {
        name: 'memory at most',
        target: `< ${MOST_MB} MB`,
        measured: `${Math.max(...measured.map((m) => m.residentMb)).toFixed(0)} MB`,
        met: measured.every((m) => m.residentMb < MOST_MB),
      },
    ],
    table: section(
      'LARGE CAPTURES',
      ['MB', 'packets', 'flows', 'resident MB at most', 's', 'rank', 'frames/s'].map((head) => ({
        head,
        right: true,
      })),
      measured.map((m) => [
        m.megabytes.toFixed(0),
        String(m.packets),
        String(m.flows),
        m.residentMb.toFixed(0),
        m.seconds.toFixed(0),
        m.rank?.toFixed(2) ?? '-',
        m.framesPerSecond?.toFixed(1) ?? '-',
      ]),
      'none',
    ),
    raw: measured,
  };
}
