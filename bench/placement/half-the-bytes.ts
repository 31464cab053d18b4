// What `exact` gains with half of the bytes that the paper's cost-aware heuristic moves, and the most that anybody could (Lagrange's
// bound for that budget). Both see what the product plans with: the own site, the global ones and the `nearestSites` nearest.
import { solveWithinBudget, usageOf } from '../../domain/placement/budget.js';
import { solveGreedy } from '../../domain/placement/paper-greedy.js';
import { objectiveOf, type Problem } from '../../domain/placement/problem.js';
import { Room } from '../../domain/placement/room.js';
import { benchProblem, type BenchShape } from './instances.js';

const FREE = { msPerGb: 0, msPerMove: 0 };
/** Bisections of a budget: to a hundredth of a per cent of its bytes. */
const STEPS = 16;

export interface HalfTheBytes extends BenchShape {
  /** `mixed`: a third of the desktops above T_h. `all`: T_h = 0, every desktop is a candidate, as in the paper's stress test. */
  readonly candidates: 'mixed' | 'all';
  readonly greedyGain: number;
  readonly greedyGb: number;
  /** Gain with half of the bytes, and its bound, as shares of the heuristic's gain. */
  readonly share: number;
  readonly bound: number;
}

/** Close the sites that geography would not have measured; by round trip, since a synthetic cloud has no map. */
function nearestOnly(p: Problem): Problem {
  const { desktopCount: n, siteCount: l, policy } = p;
  const rttMs = Float64Array.from(p.rttMs);
  for (let i = 0; i < n; i++) {
    const row = p.rttMs.subarray(i * l, (i + 1) * l);
    const order = Array.from(row.keys()).sort((a, b) => row[a]! - row[b]!);
    const kept = new Set(order.slice(0, policy.nearestSites));
    for (let j = 0; j < l; j++)
      if (!kept.has(j) && j !== p.current[i] && p.sites[j]?.kind !== 'global') rttMs[i * l + j] = Infinity;
  }
  return { ...p, rttMs, feltMs: rttMs };
}

/** Compare on one cloud. */
export function halfTheBytes(shape: BenchShape, candidates: HalfTheBytes['candidates']): HalfTheBytes {
  const whole = nearestOnly(benchProblem(shape));
  const p = candidates === 'all' ? { ...whole, policy: { ...whole.policy, highThreshold: 0 } } : whole;
  const greedy = solveGreedy(p, Room.now(p), 'cost-aware').assignment;
  const greedyGain = objectiveOf(p, greedy);
  const { gb: greedyGb } = usageOf(p, greedy);
  const budgeted = { ...p, policy: { ...p.policy, budgetGb: greedyGb / 2 } };
  const found = solveWithinBudget(budgeted, FREE, STEPS);
  return {
    ...shape,
    candidates,
    greedyGain,
    greedyGb,
    share: found.objective / greedyGain,
    bound: found.bound / greedyGain,
  };
}
