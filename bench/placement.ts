// `npm run bench -- placement [--quick]`: the grids of MMSys'14 Figure 11 and two larger clouds, every algorithm, synthetic and (where
// the data is present) real RTTs; half the bytes; clouds with hosts; changes one by one. Takes five minutes where nothing else runs,
// seven beside other work. Times are the fastest of a few runs, one thread: CPU time, by which targets are judged, and wall clock.
import { z } from 'zod';
import type { BenchResult } from './bench-result.js';
import { cell, gridShapes, warmUp, type Cell } from './placement/grid.js';
import { halfConfigs, halfTheBytes, type HalfRun } from './placement/half-the-bytes.js';
import type { HalfResult } from './placement/half-table.js';
import { planOnHosts, type HostsRun } from './placement/hosts.js';
import { changeOneByOne, type IncrementalRun } from './placement/incremental.js';
import type { BenchShape } from './placement/instances.js';
import { plot } from './placement/plot.js';
import { report } from './placement/report.js';
import { hasRealRtts } from './placement/round-trips.js';
import { targetsOf } from './placement/targets.js';

export const Options = z.strictObject({
  /** Small clouds, in half a minute, not for the record. */
  quick: z.boolean().default(false),
});

async function halves(kinds: readonly BenchShape['rtts'][], quick: boolean): Promise<HalfResult[]> {
  const results: HalfResult[] = [];
  for (const config of halfConfigs(kinds)) {
    const runs: HalfRun[] = [];
    for (const seed of quick ? [1] : [1, 2, 3, 4])
      runs.push(await halfTheBytes(config, { desktops: quick ? 400 : 2000, sites: quick ? 20 : 40, seed }));
    results.push({ config, runs });
  }
  return results;
}

/** Run all. */
export async function run({ quick }: z.infer<typeof Options>): Promise<BenchResult> {
  const kinds: BenchShape['rtts'][] = hasRealRtts ? ['real', 'synthetic'] : ['synthetic'];
  const rtts = kinds[0]!;
  await warmUp(rtts);
  const cells: Cell[] = [];
  for (const shape of gridShapes(kinds, quick)) cells.push(await cell(shape));
  const desktops = quick ? 400 : 2000;
  const hosts: HostsRun[] = [];
  for (const slack of [0.1, 0.3])
    hosts.push(await planOnHosts({ desktops, sites: 40, slack, seed: 3, rtts }));
  const half = await halves(kinds, quick);
  const incremental: IncrementalRun[] = [];
  for (const [n, sites] of quick ? [[400, 40] as const] : [[2000, 40] as const, [10_000, 100] as const])
    incremental.push(await changeOneByOne({ desktops: n, sites, slack: 0.05, seed: 4, rtts }));
  return {
    targets: targetsOf(cells, hosts, half),
    table: report({ cells, half, incremental }),
    raw: { cells, hosts, half, incremental },
    files: { 'placement.svg': plot(cells) },
    forTheRecord: !quick,
  };
}
