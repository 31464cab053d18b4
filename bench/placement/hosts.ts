// multi-resource where it is meant to be used: desktops of five flavours on hosts with vCPU, memory and disk.
import { highsSolver } from '../../drivers/solver/highs-solver.js';
import { solveMultiResource } from '../../domain/placement/solvers/multi-resource.js';
import { FREE, timed } from './effect.js';
import { benchProblem, type BenchShape } from './instances.js';

export interface HostsRun extends BenchShape {
  readonly hosts: number;
  readonly ms: number;
  readonly cpuMs: number;
  /** Of the bound. */
  readonly share: number;
  readonly boundFrom: string;
}

/** Plan a cloud with hosts. */
export async function planOnHosts(shape: BenchShape): Promise<HostsRun> {
  const p = benchProblem({ ...shape, resources: true });
  const t = await timed(2, () => solveMultiResource(p, FREE, highsSolver));
  const hosts = p.sites.reduce((sum, s) => sum + (s.hosts?.length ?? 0), 0);
  const { objective, bound, boundFrom } = t.result;
  return { ...shape, hosts, ms: t.ms, cpuMs: t.cpuMs, share: objective / bound, boundFrom };
}
