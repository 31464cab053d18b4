// `npm run bench -- fingerprint`: MMSys'14 Table 3 with real programs, ranks and predictions held against what is measured after the
// round trip has really changed, and what sampling costs. Needs root and the lab's images; about eight minutes.
import { measureCost } from './fingerprint/cost.js';
import { measureMachines, measureSessions, RTTS_MS, type Measured } from './fingerprint/sessions.js';
import { orderTargets, predictionErrors, rankTargets } from './fingerprint/judge.js';
import { responsePlot } from './fingerprint/response-plot.js';
import { renderTables, TABLE_3, TABLE_3_RTT_MS } from './fingerprint/tables.js';
import type { BenchResult, BenchTarget } from './bench-result.js';

/** Run the benchmark. */
export async function run(): Promise<BenchResult> {
  const sessions: Measured[] = await measureSessions();
  const machines = await measureMachines(TABLE_3, TABLE_3_RTT_MS);
  const errors = predictionErrors(sessions);
  const cost = await measureCost();
  const within = errors.filter((e) => e.error <= 0.15);
  const worst = Math.max(...errors.map((e) => e.error));
  const targets: BenchTarget[] = [
    ...rankTargets(sessions),
    ...orderTargets(machines, ' in virtual machines (Table 3)'),
    {
      name: 'predicted frame rate and response time against measured',
      target: 'within 15 %',
      measured: `${within.length} of ${errors.length} within; worst ${(worst * 100).toFixed(1)} %`,
      met: within.length === errors.length,
    },
    {
      name: 'sampling 50 desktops at rest',
      target: '< 2 % of a core',
      measured: `${(cost.restShare * 100).toFixed(2)} %`,
      met: cost.restShare < 0.02,
    },
    {
      name: 'throughput of a desktop that is sampled',
      target: 'at most 1 % less',
      measured: `${(cost.throughputLoss * 100).toFixed(2)} % less (median of ${cost.pairs} pairs)`,
      met: cost.throughputLoss <= 0.01,
    },
  ];
  return {
    targets,
    table: renderTables(sessions, machines, errors, cost),
    raw: { rttsMs: RTTS_MS, sessions, machines, errors, cost },
    files: { 'fingerprint.svg': responsePlot(sessions) },
  };
}
