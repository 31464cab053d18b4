// "The gain of the cost-aware greedy for half of its bytes": what the product's planner reaches with a budget of half the gigabytes
// that the greedy moves, over the things that could decide it: free slots, who is a candidate, how many sites each side sees, and
// whether gain is counted in ranked milliseconds or, as in the paper's equation 1, in ranked benefit. Beside each share stands a
// bound that no plan can pass (Lagrange's, from the planner's slot prices): it tells a weak planner from an impossible wish.
import { highsSolver } from '../../drivers/solver/highs-solver.js';
import { usageOf } from '../../domain/placement/solvers/budget.js';
import { solveExact } from '../../domain/placement/solvers/exact.js';
import { solveGreedy } from '../../domain/placement/solvers/paper-greedy.js';
import { objectiveOf, type Problem } from '../../domain/placement/request/problem.js';
import { Room } from '../../domain/placement/schedule/free-room.js';
import { solve } from '../../domain/placement/solvers/solve.js';
import { FREE } from './effect.js';
import { benchProblem, type BenchShape, type Population } from './instances.js';

/** Halvings of the price of a gigabyte when looking for the least bytes: 6 decades to within 3 %. */
const PRICE_STEPS = 9;
const TOOLS = { solver: highsSolver, clockMs: () => performance.now() };

export interface HalfConfig {
  readonly rtts: BenchShape['rtts'];
  readonly slack: number;
  readonly population: Population;
  /** Nearest sites that each side sees, beside its own and the global ones; `all` for every site. */
  readonly greedySees: number | 'all';
  readonly exactSees: number | 'all';
  /** What a gain is: rank x ms (the product's objective) or rank x equation 1. */
  readonly objective: 'ms' | 'equation 1';
}

export interface HalfRun {
  readonly seed: number;
  /** The greedy's gain as a share of the optimum's, its moves as a share of the desktops, its gigabytes. */
  readonly greedyShare: number;
  readonly greedyMoves: number;
  readonly greedyGB: number;
  /** Exact's gain within half of those gigabytes, as a share of the greedy's gain. */
  readonly share: number;
  /** No plan within them, seeing what exact sees, has more. */
  readonly bound: number;
  /** Gigabytes exact needs for the greedy's gain, as a share of the greedy's. */
  readonly bytesForItsGain: number;
}

/** The k that the product plans with (PlacementPolicy.nearestSites). */
export const PRODUCT_SEES = 8;

/** Everything that is compared; the product's own configuration is the one with 8 and 8, in milliseconds. */
export function halfConfigs(kinds: readonly BenchShape['rtts'][]): HalfConfig[] {
  const sees = [
    [3, 3],
    [3, 'all'],
    [PRODUCT_SEES, PRODUCT_SEES],
    [PRODUCT_SEES, 'all'],
    ['all', 'all'],
  ] as const;
  const product = { greedySees: PRODUCT_SEES, exactSees: PRODUCT_SEES } as const;
  return kinds.flatMap((rtts) =>
    [0.05, 0.3].flatMap((slack) =>
      [
        ...(['mixed', 'all-candidates'] as const).flatMap((population) => [
          ...sees.map(([greedySees, exactSees]) => ({
            population,
            greedySees,
            exactSees,
            objective: 'ms' as const,
          })),
          { population, ...product, objective: 'equation 1' as const },
        ]),
        { population: 'all-candidates-evicting' as const, ...product, objective: 'ms' as const },
      ].map((c): HalfConfig => ({ rtts, slack, ...c })),
    ),
  );
}

/** Measure one configuration on one cloud. */
export async function halfTheBytes(
  config: HalfConfig,
  cloud: { desktops: number; sites: number; seed: number },
): Promise<HalfRun> {
  const { rtts, slack, population } = config;
  const seen = (k: number | 'all') =>
    benchProblem({ ...cloud, rtts, slack, population, ...(k === 'all' ? {} : { nearest: k }) });
  const g = seen(config.greedySees);
  const plan = solveGreedy(g, Room.now(g), 'cost-aware').assignment;
  const e = config.objective === 'ms' ? seen(config.exactSees) : inEquation1(seen(config.exactSees));
  const gain = objectiveOf(e, plan);
  const used = usageOf(g, plan);
  const policy = { ...e.policy, algorithm: 'exact' as const, budgetGB: used.gb / 2 };
  const half = await solve({ ...e, policy }, TOOLS);
  return {
    seed: cloud.seed,
    greedyShare: gain / solveExact(e, FREE).objective,
    greedyMoves: used.moves / g.desktopCount,
    greedyGB: used.gb,
    share: objectiveOf(e, half.assignment) / gain,
    bound: half.bound / gain,
    bytesForItsGain: leastGB(e, gain) / used.gb,
  };
}

/** The same cloud with gains of rank x equation 1: felt round trips whose decrease from the present site is the benefit. */
function inEquation1(p: Problem): Problem {
  const { siteCount: l, current, policy } = p;
  const feltMs = p.rttMs.map((ms, k) => {
    const i = Math.floor(k / l);
    return ms * (policy.w1 + (100 * policy.w2) / p.rttMs[i * l + current[i]!]!);
  });
  return { ...p, feltMs };
}

/** Fewest gigabytes with which a plan gains `gain`, among the optima at prices of a gigabyte from 0.001 to 1,000 ms. */
function leastGB(p: Problem, gain: number): number {
  let [low, high] = [Math.log(1e-3), Math.log(1e3)];
  let gb = Infinity;
  for (let k = 0; k < PRICE_STEPS; k++) {
    const middle = (low + high) / 2;
    const found = solveExact(p, { msPerGB: Math.exp(middle), msPerMove: 0 });
    if (found.objective >= gain) {
      gb = Math.min(gb, usageOf(p, found.assignment).gb);
      low = middle;
    } else high = middle;
  }
  return gb;
}
