// What an assignment does to users, and how long it took to find: the figures that every benchmark here reports.
import { usageOf } from '../../domain/placement/solvers/budget.js';
import { solveExact } from '../../domain/placement/solvers/exact.js';
import { objectiveOf, rttOf, type Problem } from '../../domain/placement/request/problem.js';

export const FREE = { msPerGB: 0, msPerMove: 0 };

export interface Timed<R> {
  readonly result: R;
  /** Wall clock. */
  readonly ms: number;
  /** The process's own time in that run: what the wall clock shows on an idle machine, whatever else runs here. */
  readonly cpuMs: number;
}

/** Do `work` several times, at least once; the run that was fastest by the clock counts. */
export async function timed<R>(times: number, work: () => R | Promise<R>): Promise<Timed<R>> {
  let best: Timed<R> | undefined;
  for (let k = 0; k < times; k++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    const used = process.cpuUsage(cpu);
    if (best === undefined || ms < best.ms) best = { result, ms, cpuMs: (used.user + used.system) / 1000 };
  }
  return best!;
}

export interface Run {
  readonly ms: number;
  readonly cpuMs: number;
  /** Sum of rank x RTT decrease, ms. */
  readonly objective: number;
  /** Objective as a share of the optimum's. */
  readonly share: number;
  /** Decrease of the mean RTT over all desktops, whatever their ranks, as a share of the mean RTT before. */
  readonly latencyDecrease: number;
  /** That as a share of the largest decrease that any placement has: the like of the paper's 51 to 56 %. */
  readonly latencyShare: number;
  readonly gb: number;
}

/** Decrease of the mean RTT as a share of the mean RTT now; desktops without a finite RTT are left out. */
function latencyDecrease(p: Problem, assignment: Int32Array): number {
  let before = 0;
  let after = 0;
  for (let i = 0; i < p.desktopCount; i++) {
    const [own, then] = [rttOf(p, i, p.current[i]!), rttOf(p, i, assignment[i]!)];
    if (!Number.isFinite(own) || !Number.isFinite(then)) continue;
    before += own;
    after += then;
  }
  return before === 0 ? 0 : (before - after) / before;
}

/** The largest decrease of the mean RTT within the slots: the optimum where every rank is 1. */
export function largestDecrease(p: Problem): number {
  const equal = { ...p, rank: new Float64Array(p.desktopCount).fill(1) };
  return latencyDecrease(p, solveExact(equal, FREE).assignment);
}

/** The figures of one run, held against both optima. */
export function figuresOf(
  p: Problem,
  assignment: Int32Array,
  time: { ms: number; cpuMs: number },
  optimum: { objective: number; decrease: number },
): Run {
  const objective = objectiveOf(p, assignment);
  const decrease = latencyDecrease(p, assignment);
  return {
    ms: time.ms,
    cpuMs: time.cpuMs,
    objective,
    share: objective / optimum.objective,
    latencyDecrease: decrease,
    latencyShare: decrease / optimum.decrease,
    gb: usageOf(p, assignment).gb,
  };
}
