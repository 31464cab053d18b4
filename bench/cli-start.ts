// How long the command takes where it only prints: help, version, a refused command line. Needs `npm run build`.
import { fileURLToPath } from 'node:url';
import { performance } from 'node:perf_hooks';
import { renderTable } from '../cli/render/table.js';
import { startCommand } from '../os/start-command.js';
import { percentile } from '../lab/demo/percentiles.js';
import type { BenchResult } from './bench-result.js';

const BIN = fileURLToPath(new URL('../bin/vmshadow.js', import.meta.url));
const COMMANDS = [
  ['--help'],
  ['--version'],
  ['status', '--help'],
  ['move', 'UP', 'DOWN'],
  ['dev', '--example'],
];
/** Enough for a median that one slow start does not move. */
const RUNS = 15;
/** "Well under a second". */
const TARGET_MS = 500;

/** Start each command RUNS times, one after the other; the median counts. */
export async function run(): Promise<BenchResult> {
  const raw: Record<string, number[]> = {};
  for (const argv of COMMANDS) {
    const times: number[] = [];
    for (let i = 0; i < RUNS; i++) times.push(await startMs(argv));
    raw[argv.join(' ')] = times;
  }
  const rows = Object.entries(raw).map(([command, times]) => {
    const [median, p95] = [percentile(times, 0.5) ?? 0, percentile(times, 0.95) ?? 0];
    return { command, median, p95 };
  });
  return {
    targets: rows.map(({ command, median }) => ({
      name: `start of vmshadow ${command}`,
      target: `< ${String(TARGET_MS)} ms`,
      measured: `${median.toFixed(0)} ms`,
      met: median < TARGET_MS,
    })),
    table: renderTable(
      [{ head: 'command' }, { head: 'median ms', right: true }, { head: 'p95 ms', right: true }],
      rows.map((r) => [`vmshadow ${r.command}`, r.median.toFixed(0), r.p95.toFixed(0)]),
    ),
    raw,
  };
}

async function startMs(argv: readonly string[]): Promise<number> {
  const begun = performance.now();
  const { startError } = await startCommand([process.execPath, BIN, ...argv], {
    stdout: 'ignore',
    stderr: 'ignore',
    env: { NODE_OPTIONS: '' },
  }).ended;
  if (startError !== null) throw startError;
  return performance.now() - begun;
}
