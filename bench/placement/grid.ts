// The grids of MMSys'14 Figure 11 (2,000 desktops x 2..40 sites; 40 sites x 100..1,200 desktops) and two larger clouds, and every
// algorithm in each of their cells. Thresholds matter to the paper's heuristics only, so both populations share a cell's other runs.
import { highsSolver } from '../../drivers/solver/highs-solver.js';
import { solveExact } from '../../domain/placement/solvers/exact.js';
import { solveIlp } from '../../domain/placement/solvers/ilp.js';
import { solveMultiResource } from '../../domain/placement/solvers/multi-resource.js';
import { solveGreedy, type GreedyOrder } from '../../domain/placement/solvers/paper-greedy.js';
import type { Problem } from '../../domain/placement/request/problem.js';
import { Room } from '../../domain/placement/schedule/free-room.js';
import { figuresOf, FREE, largestDecrease, timed, type Run } from './effect.js';
import { benchProblem, type BenchShape } from './instances.js';

export const GREEDIES = ['rank-ordered', 'cost-oblivious', 'cost-aware'] as const satisfies GreedyOrder[];
/** Populations of the grid: the policy's defaults, and the paper's stress test. */
export const GRID_POPULATIONS = ['mixed', 'all-candidates'] as const;
export type GridPopulation = (typeof GRID_POPULATIONS)[number];
/** A MIP that takes longer is reported as such: the point is made. */
export const MIP_LIMIT_MS = 30_000;
/** Above this the MIP is not tried (see docs/placement.md). */
const MIP_PAIRS = 80_000;
/** Up to this many pairs a run is short enough to be repeated five times. */
const SMALL_PAIRS = 100_000;

export interface Cell {
  readonly rtts: BenchShape['rtts'];
  readonly desktops: number;
  readonly sites: number;
  readonly exact: Run;
  readonly multiResource: Run;
  readonly greedy: Readonly<Record<GridPopulation, Readonly<Record<GreedyOrder, Run>>>>;
  /** (dual bound - value) / value of the exact plan. */
  readonly exactGap: number;
  /** Decrease of the mean RTT of the optimum where every rank is 1, as a share. */
  readonly largestDecrease: number;
  /** Not there where the MIP was not tried. */
  readonly ilp?: {
    readonly status: string;
    readonly ms: number;
    readonly cpuMs: number;
    /** Only of a MIP that was solved: what a stopped one has found is no result. */
    readonly run?: Run;
    /** (MIP's plan - exact's) / exact's, and the same of the MIP's own bound; 0 when they agree. */
    readonly againstExact?: number;
    readonly boundAgainstExact?: number;
  };
}

/** The cells for each kind of RTTs; a few small ones in a quick run. */
export function gridShapes(kinds: readonly BenchShape['rtts'][], quick: boolean): BenchShape[] {
  const sizes: [desktops: number, sites: number][] = quick
    ? [
        [400, 5],
        [400, 10],
        [400, 40],
        [100, 40],
      ]
    : [
        ...[2, 5, 10, 20, 30, 40].map((sites): [number, number] => [2000, sites]),
        ...[100, 200, 400, 800, 1200].map((desktops): [number, number] => [desktops, 40]),
        [10_000, 100],
        [50_000, 40],
      ];
  return kinds.flatMap((rtts) =>
    sizes.map(([desktops, sites]) => ({ desktops, sites, slack: 0.05, seed: 1, rtts })),
  );
}

/** Let the compiler see the code: the first solves are slower, and a manager solves every cycle. */
export async function warmUp(rtts: BenchShape['rtts']): Promise<void> {
  for (const seed of [99, 100, 101]) {
    const p = benchProblem({ desktops: 1000, sites: 40, slack: 0.05, seed, rtts });
    solveExact(p, FREE);
    for (const order of GREEDIES) solveGreedy(p, Room.now(p), order);
  }
  const small = benchProblem({ desktops: 400, sites: 10, slack: 0.05, seed: 99, rtts });
  await solveMultiResource(small, FREE, highsSolver);
}

async function mip(p: Problem, optimum: { objective: number; decrease: number }): Promise<Cell['ilp']> {
  const t = await timed(1, () => solveIlp(p, Room.now(p), FREE, highsSolver, { timeLimitMs: MIP_LIMIT_MS }));
  const { status, assignment, objective, bound } = t.result;
  const known = { status, ms: t.ms, cpuMs: t.cpuMs };
  if (status !== 'optimal') return known;
  const apart = (value: number) => (value - optimum.objective) / optimum.objective;
  return {
    ...known,
    run: figuresOf(p, assignment, t, optimum),
    againstExact: apart(objective),
    boundAgainstExact: apart(bound),
  };
}

/** Run every algorithm in one cell. */
export async function cell(shape: BenchShape): Promise<Cell> {
  const p = benchProblem(shape);
  const pairs = p.desktopCount * p.siteCount;
  const times = pairs <= SMALL_PAIRS ? 5 : 3;
  const exact = await timed(times, () => solveExact(p, FREE));
  const { objective, value, valueBound } = exact.result;
  const optimum = { objective, decrease: largestDecrease(p) };
  const greedy = {} as Record<GridPopulation, Record<GreedyOrder, Run>>;
  for (const population of GRID_POPULATIONS) {
    const q = benchProblem({ ...shape, population });
    greedy[population] = {} as Record<GreedyOrder, Run>;
    for (const order of GREEDIES) {
      const t = await timed(times, () => solveGreedy(q, Room.now(q), order));
      greedy[population][order] = figuresOf(q, t.result.assignment, t, optimum);
    }
  }
  const multi = await timed(pairs <= SMALL_PAIRS ? 2 : 1, () => solveMultiResource(p, FREE, highsSolver));
  const ilp = pairs > MIP_PAIRS ? undefined : await mip(p, optimum);
  return {
    rtts: shape.rtts,
    desktops: shape.desktops,
    sites: shape.sites,
    exact: figuresOf(p, exact.result.assignment, exact, optimum),
    multiResource: figuresOf(p, multi.result.assignment, multi, optimum),
    greedy,
    exactGap: (valueBound - value) / value,
    largestDecrease: optimum.decrease,
    ...(ilp === undefined ? {} : { ilp }),
  };
}
