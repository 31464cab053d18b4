// The exact solver under a budget of gigabytes or moves: lambda (or a price a move) is raised by bisection until the plan fits.
// Every step's dual value is also a bound on what any plan within the budget can gain, so the gap is known.
import { solveExact, type MovePrices, type SlotSolution, type SlotSolver } from './exact.js';
import { feltOf, mayGo, worthOf, type Problem } from '../request/problem.js';

export interface BudgetedSolution extends SlotSolution {
  /** No plan that moves at most the same (or the budget's) gigabytes and moves gains more, ms. */
  readonly bound: number;
  /** The prices at which it was found. */
  readonly prices: MovePrices;
}

export interface Usage {
  readonly gb: number;
  readonly moves: number;
}

/** Gigabytes and moves of an assignment. */
export function usageOf(p: Problem, assignment: Int32Array): Usage {
  let gb = 0;
  let moves = 0;
  for (let i = 0; i < p.desktopCount; i++) {
    if (assignment[i] === p.current[i]) continue;
    gb += p.costGB[i] as number;
    moves++;
  }
  return { gb, moves };
}

/** What any plan at all may come to: of the desktops that have somewhere to go, sizes and number, and the gain with each at its best site. */
function reachOf(p: Problem): Usage & { readonly gain: number } {
  let [gb, moves, gain] = [0, 0, 0];
  for (let i = 0; i < p.desktopCount; i++) {
    let best = -Infinity;
    for (let j = 0; j < p.siteCount; j++)
      if (j !== p.current[i] && mayGo(p, i, j)) best = Math.max(best, worthOf(p, i, j));
    if (best === -Infinity) continue;
    gb += p.costGB[i] as number;
    moves++;
    gain += Math.max(0, best);
  }
  return { gb, moves, gain };
}

/** From a bound on gains less tolls to one on gains alone, for plans within the budget (or as large as this one). */
export function boundOnGain(
  p: Problem,
  assignment: Int32Array,
  prices: MovePrices,
  valueBound: number,
): number {
  const used = usageOf(p, assignment);
  const { budgetGB, maxMoves } = p.policy;
  if (budgetGB === undefined && maxMoves === undefined)
    return valueBound + prices.msPerGB * used.gb + prices.msPerMove * used.moves;
  // A budget beyond what there is to move would be counted as if it could be spent.
  const reach = reachOf(p);
  const gb = budgetGB === undefined ? used.gb : Math.min(budgetGB, reach.gb);
  const moves = maxMoves === undefined ? used.moves : Math.min(maxMoves, reach.moves);
  return Math.min(reach.gain, valueBound + prices.msPerGB * gb + prices.msPerMove * moves);
}

/** Halvings of the price range: the range ends at 1/4,000 of the largest price that any move could pay. */
const STEPS = 12;
/** Used so far, a budget counts as spent: further steps would cost time for nothing. */
const SPENT = 0.995;

/** Sizes below a kilobyte are none: the price that keeps so small a desktop from moving would have no finite bound. */
const LEAST_GB = 1e-6;

/** The price from which on no move pays for itself. */
function highestPrice(p: Problem, unit: 'gb' | 'move'): number {
  let highest = 0;
  for (let i = 0; i < p.desktopCount; i++) {
    const own = feltOf(p, i, p.current[i] as number);
    if (own === Infinity) continue;
    const prize = p.mustLeave[i] === undefined ? 0 : 2 * p.leavingPrize;
    const most = (p.rank[i] as number) * own + prize;
    const size = unit === 'gb' ? (p.costGB[i] as number) : 1;
    if (size >= LEAST_GB) highest = Math.max(highest, most / size);
  }
  return highest;
}

/** Solve exactly within the policy's budgets; `steps` full solves at most for each budget that binds. */
export function solveWithinBudget(
  p: Problem,
  base: MovePrices,
  steps = STEPS,
  solver: SlotSolver = solveExact,
): BudgetedSolution {
  const budget = { gb: p.policy.budgetGB ?? Infinity, moves: p.policy.maxMoves ?? Infinity };
  const fits = (u: Usage) => u.gb <= budget.gb + 1e-9 && u.moves <= budget.moves;
  let bound = Infinity;
  let best: { solution: SlotSolution; prices: MovePrices } | undefined;
  const attempt = (prices: MovePrices): Usage => {
    const solution = solver(p, prices);
    const usage = usageOf(p, solution.assignment);
    // Without a budget the bound holds for plans of the same size: it belongs to this very solution, so only `fits` counts.
    const dual = boundOnGain(p, solution.assignment, prices, solution.valueBound);
    const general = Number.isFinite(budget.gb) || prices.msPerGB === base.msPerGB;
    if (general) bound = Math.min(bound, Math.max(dual, solution.objective));
    if (fits(usage) && (best === undefined || solution.objective > best.solution.objective))
      best = { solution, prices };
    return usage;
  };
  let prices = base;
  let usage = attempt(prices);
  for (const unit of ['gb', 'moves'] as const) {
    if (usage[unit] <= budget[unit] + 1e-9) continue;
    const field = unit === 'gb' ? 'msPerGB' : 'msPerMove';
    let low = prices[field];
    let high = low + highestPrice(p, unit === 'gb' ? 'gb' : 'move') + 1;
    for (let k = 0; k < steps; k++) {
      const middle = (low + high) / 2;
      usage = attempt({ ...prices, [field]: middle });
      if (usage[unit] <= budget[unit] + 1e-9) high = middle;
      else low = middle;
      if (usage[unit] <= budget[unit] && usage[unit] >= SPENT * budget[unit]) break;
    }
    prices = { ...prices, [field]: high };
    usage = attempt(prices);
  }
  best ??= { solution: stay(p), prices };
  return { ...best.solution, bound, prices: best.prices };
}

/** The plan that moves nothing. */
function stay(p: Problem): SlotSolution {
  return {
    assignment: Int32Array.from(p.current),
    slotPrices: new Float64Array(p.siteCount),
    objective: 0,
    value: 0,
    valueBound: 0,
  };
}
