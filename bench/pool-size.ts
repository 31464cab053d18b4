// `npm run bench -- pool-size [--desktops N]`: pools of up to 20,000 desktops in one shadow loop on a real Temporal server: what its payloads and
// histories weigh against Temporal's limits, how long a cycle takes, and whether operators still get answers. The hosts' activities
// report figures of real sizes without guests behind them; the loop, the plan and everything that passes through Temporal are real.
import { median } from '../domain/fingerprint/statistics.js';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LoopClient } from '../cli/loop-client.js';
import { z } from 'zod';
import { startCommand } from '../os/start-command.js';
import { ensureShadowLoop } from '../temporal/bootstrap.js';
import { shadowLoopId } from '../temporal/contract/names.js';
import { ControlPlane } from '../test/support/control-plane.js';
import type { BenchResult } from './bench-result.js';
import { traceOf, type LoopTrace } from './pool/history.js';
import { poolConfig, type PoolShape } from './pool/population.js';

const KIB = 1024;
/** Temporal's limits: a payload, a history. */
const PAYLOAD_LIMIT_BYTES = 2 * KIB * KIB;
const HISTORY_LIMIT_BYTES = 50 * KIB * KIB;
const CYCLES = 3;

export const Options = z.strictObject({
  /** One size only, not for the record: 1000, 5000 or 20000. */
  desktops: z.coerce
    .number()
    .refine((n) => [1_000, 5_000, 20_000].includes(n), 'expected 1000, 5000 or 20000')
    .optional(),
});
const DEADLINE_MS = 600_000;

const SHAPES: readonly PoolShape[] = [1_000, 5_000, 20_000].map((desktops) => ({
  desktops,
  sites: 40,
  hostsPerSite: Math.max(1, Math.round(desktops / 40 / 100)),
  rttsEach: 10,
  // The default policy's: with shorter ones a large loop would never rest, and queries are answered while it rests.
  cycleMs: 30_000,
}));

interface Measured {
  readonly shape: PoolShape;
  readonly trace: LoopTrace;
  readonly wholeStatusMs: number;
  readonly pageMs: number;
  readonly pageBytes: number;
  readonly residentMB: number;
  readonly answered: number;
  readonly problems: readonly string[];
}

async function measure(shape: PoolShape): Promise<Measured> {
  const cloud = poolConfig(shape);
  const plane = await ControlPlane.start();
  let stopHosts = () => Promise.resolve();
  try {
    const hosts = await startHosts(plane.address, shape);
    stopHosts = hosts.stop;
    await plane.startManager();
    await ensureShadowLoop(plane.client, cloud);
    const loop = new LoopClient(plane.client, cloud.pool);
    await untilCycle(loop, CYCLES);
    const pageBegun = performance.now();
    const page = await patiently(() => loop.status());
    const pageMs = performance.now() - pageBegun;
    const wholeBegun = performance.now();
    const whole = await patiently(() => loop.wholeStatus());
    const wholeStatusMs = performance.now() - wholeBegun;
    return {
      shape,
      trace: await traceOf(plane.client, shadowLoopId(cloud.pool)),
      pageMs,
      wholeStatusMs,
      pageBytes: JSON.stringify(page).length,
      answered: whole.desktops.length,
      problems: whole.problems,
      residentMB: Math.round(process.memoryUsage().rss / 1e6),
    };
  } finally {
    await stopHosts();
    await plane.stop();
  }
}

/** Start the hosts in their own process and wait until they poll. */
async function startHosts(address: string, shape: PoolShape): Promise<{ stop: () => Promise<void> }> {
  const script = fileURLToPath(new URL('pool/hosts-process.ts', import.meta.url));
  const child = startCommand(['node', '--import', 'tsx', script, address, JSON.stringify(shape)], {
    stderr: 'ignore',
  });
  const ready = new Promise<void>((resolve) =>
    createInterface(child.stdout).on('line', (line) => {
      if (line === 'ready') resolve();
    }),
  );
  await Promise.race([
    ready,
    child.ended.then(() => {
      throw new Error('the process of the hosts ended at its start');
    }),
  ]);
  return {
    stop: async () => {
      child.kill('SIGTERM');
      await child.ended;
    },
  };
}

/** Ask again where a cycle has come between. */
async function patiently<R>(ask: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries++)
    try {
      return await ask();
    } catch (error) {
      if (tries === 5) throw error;
    }
}

async function untilCycle(loop: LoopClient, wanted: number): Promise<void> {
  const deadlineMs = Date.now() + DEADLINE_MS;
  for (;;) {
    // While a large cycle runs, the loop may be too busy to answer in time.
    const status = await loop.status({ limit: 0 }).catch(() => null);
    if ((status?.cycle ?? 0) > wanted && status?.problems.length === 0) return;
    if (Date.now() > deadlineMs)
      throw new Error(
        `the loop did not reach cycle ${wanted}: ${JSON.stringify(status?.problems ?? 'no answer').slice(0, 500)}`,
      );
    await sleep(500);
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const kib = (bytes: number) => `${Math.ceil(bytes / KIB).toLocaleString('en')} KiB`;
const largest = (m: Measured) => Math.max(...m.trace.payloads.map((p) => p.largestBytes));
const middle = (list: readonly number[]) => median(list) ?? NaN;

/** Run all sizes; some minutes. */
export async function run({ desktops }: z.infer<typeof Options>): Promise<BenchResult> {
  const results: Measured[] = [];
  const shapes = SHAPES.filter((s) => desktops === undefined || s.desktops === desktops);
  for (const shape of shapes) results.push(await measure(shape));
  const kinds = [...new Set(results.flatMap((r) => r.trace.payloads.map((p) => p.kind)))];
  const of = (m: Measured, kind: string) => m.trace.payloads.find((p) => p.kind === kind);
  const names = results.map(
    (r) => `${r.shape.desktops.toLocaleString('en')} desktops, ${r.shape.sites * r.shape.hostsPerSite} hosts`,
  );
  const row = (name: string, cell: (m: Measured) => string) =>
    `| ${name} | ${results.map(cell).join(' | ')} |`;
  const table = [
    `| | ${names.join(' | ')} |`,
    `|---|${results.map(() => '---').join('|')}|`,
    ...kinds.map((kind) =>
      row(`largest ${kind} (unpacked)`, (m) => {
        const p = of(m, kind);
        return p === undefined ? '-' : `${kib(p.largestBytes)} (${kib(p.unpackedBytes)})`;
      }),
    ),
    row('largest history', (m) => kib(Math.max(...m.trace.runs.map((r) => r.bytes)))),
    row('events of a history', (m) => String(Math.max(...m.trace.runs.map((r) => r.events)))),
    row('runs', (m) => String(m.trace.runs.length)),
    row('median cycle', (m) => seconds(middle(m.trace.cyclesMs))),
    row('of it, until all reports are in', (m) => seconds(middle(m.trace.collectMs))),
    row('of it, the plan', (m) => seconds(middle(m.trace.planMs))),
    row('a page of the status (unpacked)', (m) => `${m.pageMs.toFixed(0)} ms, ${kib(m.pageBytes)}`),
    row('all desktops by pages', (m) => seconds(m.wholeStatusMs)),
    row('memory of the manager', (m) => `${m.residentMB} MB`),
    '',
  ].join('\n');
  const worst = results.at(-1);
  const history = Math.max(...results.flatMap((r) => r.trace.runs.map((x) => x.bytes)));
  return {
    targets: [
      {
        name: 'largest payload of any kind',
        target: `< ${kib(PAYLOAD_LIMIT_BYTES)}`,
        measured: results.map((r) => `${r.shape.desktops}: ${kib(largest(r))}`).join(', '),
        met: results.every((r) => largest(r) < PAYLOAD_LIMIT_BYTES),
      },
      {
        name: 'largest history of a run',
        target: `< ${kib(HISTORY_LIMIT_BYTES)}`,
        measured: kib(history),
        met: history < HISTORY_LIMIT_BYTES,
      },
      {
        name: 'no workflow task fails or times out',
        target: '0',
        measured: String(results.flatMap((r) => r.trace.taskFailures).length),
        met: results.every((r) => r.trace.taskFailures.length === 0),
      },
      {
        name: 'every desktop is in the status',
        target: 'all',
        measured: results.map((r) => `${r.answered} of ${r.shape.desktops}`).join(', '),
        met: results.every((r) => r.answered === r.shape.desktops),
      },
      {
        name: 'a cycle of the largest pool',
        target: "< the policy's 30 s",
        measured: worst === undefined ? '-' : seconds(middle(worst.trace.cyclesMs)),
        met: worst !== undefined && middle(worst.trace.cyclesMs) < 30_000,
      },
    ],
    table,
    raw: results,
    forTheRecord: desktops === undefined,
  };
}
