// `npm run bench -- pool-size`: pools of up to 20,000 desktops in one shadow loop on a real Temporal server: what its payloads and
// histories weigh against Temporal's limits, how long a cycle takes, and whether operators still get answers. The hosts' activities
// report figures of real sizes without guests behind them; the loop, the plan and everything that passes through Temporal are real.
import { setTimeout as sleep } from 'node:timers/promises';
import { FingerprintKeeper } from '../activities/fingerprint/fingerprint-keeper.js';
import { LoopClient } from '../cli/loop-client.js';
import type { HostRef } from '../domain/model/ids.js';
import { ensureShadowLoop } from '../temporal/bootstrap.js';
import { ctlQueue, shadowLoopId } from '../temporal/names.js';
import { ControlPlane } from '../test/support/control-plane.js';
import type { BenchResult } from './bench-result.js';
import { traceOf, type LoopTrace } from './pool/history.js';
import { poolConfig, reportOf, type PoolShape } from './pool/population.js';

const KIB = 1024;
/** Temporal's limits: a payload, a history. */
const PAYLOAD_LIMIT_BYTES = 2 * KIB * KIB;
const HISTORY_LIMIT_BYTES = 50 * KIB * KIB;
const CYCLES = 4;
const DEADLINE_MS = 600_000;

const SHAPES: readonly PoolShape[] = [1_000, 5_000, 20_000].map((desktops) => ({
  desktops,
  sites: 40,
  hostsPerSite: Math.max(1, Math.round(desktops / 40 / 100)),
  rttsEach: 10,
  cycleMs: 1_000,
}));

interface Measured {
  readonly shape: PoolShape;
  readonly trace: LoopTrace;
  readonly wholeStatusMs: number;
  readonly pageMs: number;
  readonly pageBytes: number;
  readonly residentMb: number;
  readonly answered: number;
}

async function measure(shape: PoolShape): Promise<Measured> {
  const cloud = poolConfig(shape);
  const plane = await ControlPlane.start();
  try {
    const hosts: HostRef[] = cloud.sites.flatMap((s) => s.hosts.map((h) => ({ site: s.id, host: h.id })));
    let cycle = 0;
    for (const [index, host] of hosts.entries()) {
      const keeper = new FingerprintKeeper();
      const reportHost = () => Promise.resolve(reportOf(shape, host, index, cycle++, keeper));
      await plane.startActivities(ctlQueue(host), { reportHost });
    }
    await plane.startManager();
    await ensureShadowLoop(plane.client, cloud);
    const loop = new LoopClient(plane.client, cloud.pool);
    await untilCycle(loop, CYCLES);
    const pageBegun = performance.now();
    const page = await loop.status();
    const pageMs = performance.now() - pageBegun;
    const wholeBegun = performance.now();
    const whole = await loop.wholeStatus();
    const wholeStatusMs = performance.now() - wholeBegun;
    return {
      shape,
      trace: await traceOf(plane.client, shadowLoopId(cloud.pool)),
      pageMs,
      wholeStatusMs,
      pageBytes: JSON.stringify(page).length,
      answered: whole.desktops.length,
      residentMb: Math.round(process.memoryUsage().rss / 1e6),
    };
  } finally {
    await plane.stop();
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

const kib = (bytes: number) => `${Math.ceil(bytes / KIB).toLocaleString('en')} KiB`;
const largest = (m: Measured) => Math.max(...m.trace.payloads.map((p) => p.largestBytes));
const median = (list: readonly number[]) =>
  [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] ?? NaN;

/** Run all sizes; some minutes. */
export async function run(): Promise<BenchResult> {
  const results: Measured[] = [];
  const only = process.env['POOL_DESKTOPS'];
  for (const shape of SHAPES.filter((s) => only === undefined || String(s.desktops) === only))
    results.push(await measure(shape));
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
    row('median cycle', (m) => `${(median(m.trace.cyclesMs) / 1000).toFixed(1)} s`),
    row('a page of the status (unpacked)', (m) => `${m.pageMs.toFixed(0)} ms, ${kib(m.pageBytes)}`),
    row('all desktops by pages', (m) => `${(m.wholeStatusMs / 1000).toFixed(1)} s`),
    row('memory of everything but the server', (m) => `${m.residentMb} MB`),
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
        measured: worst === undefined ? '-' : `${(median(worst.trace.cyclesMs) / 1000).toFixed(1)} s`,
        met: worst !== undefined && median(worst.trace.cyclesMs) < 30_000,
      },
    ],
    table,
    raw: results,
  };
}
