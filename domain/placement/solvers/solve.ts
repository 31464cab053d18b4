// One door to all algorithms: the same decision whatever found it.
import { solveWithinBudget, usageOf, type Usage } from './budget.js';
import { solveExact, weightsOf, type MovePrices, type SlotSolver } from './exact.js';
import { countColumns, solveOnHosts } from './host-program.js';
import { solveIlp } from './ilp.js';
import type { LinearSolver } from './linear-program.js';
import { furnish, improve, MAX_EVALUATIONS } from './local-search.js';
import { solveMultiResource } from './multi-resource.js';
import { solveGreedy, type GreedyOrder } from './paper-greedy.js';
import { objectiveOf, prizesOf, type Problem } from '../request/problem.js';
import { Room } from '../schedule/free-room.js';

export interface Decision {
  readonly assignment: Int32Array;
  /** Bin that each desktop goes to where it can (-1: any); silent where hosts were not weighed one by one. */
  readonly bins?: Int32Array | undefined;
  /** An arrangement that is worth more, and that perhaps no order of moves leads to. */
  readonly better?: { readonly assignment: Int32Array; readonly bins: Int32Array } | undefined;
  readonly slotPrices: Float64Array;
  /** Upper bound on the objective of any plan within the same limits, ms. */
  readonly bound: number;
  readonly solveMs: number;
  readonly usage: Usage;
  /** True where every desktop was weighed, false where only the paper's candidates were. */
  readonly everyDesktop: boolean;
  readonly msPerGB: number;
  readonly msPerMove: number;
  readonly evictedFor: ReadonlyMap<number, number>;
  readonly whyNot: ReadonlyMap<number, string>;
  readonly warnings: readonly string[];
}

/** What solving takes from outside. */
export interface SolveTools {
  /** Solver of `ilp`, `multi-resource` and small budgeted plans. */
  readonly solver: LinearSolver;
  /** A clock that only goes forward, milliseconds: what `solveMs` is read from. Decisions do not depend on it. */
  readonly clockMs: () => number;
  /** Solver of `exact` without a budget, e.g. a session that remembers the last plan; silent: always in full. */
  readonly slotSolver?: SlotSolver | undefined;
}

const FREE: MovePrices = { msPerGB: 0, msPerMove: 0 };
/** A plan that took longer would be out of date: workloads change within a cycle or two. */
const ILP_TIME_LIMIT_MS = 60_000;
/** Pairs up to which a budgeted plan is finished by a MIP: bisection alone may leave a budget half unused when few moves are to choose from. */
const SMALL = 2_000;
const SMALL_LIMITS = { timeLimitMs: 10_000, maxNodes: 2_000 };
/** Columns (desktop and host) up to which `multi-resource` asks a MIP too. */
const HOST_COLUMNS = 500;

type Found = Pick<Decision, 'assignment' | 'slotPrices' | 'bound'> & Partial<Decision>;

function greedy(p: Problem, order: GreedyOrder, clockMs: () => number): Found {
  const start = clockMs();
  const found = solveGreedy(p, Room.now(p), order);
  const solveMs = clockMs() - start;
  const exact = solveWithinBudget(p, FREE);
  return {
    assignment: found.assignment,
    evictedFor: found.evictedFor,
    whyNot: found.whyNot,
    solveMs,
    slotPrices: exact.slotPrices,
    bound: exact.bound,
    everyDesktop: false,
  };
}

async function exact(
  p: Problem,
  prices: MovePrices,
  { solver, slotSolver = solveExact }: SolveTools,
): Promise<Found> {
  const { budgetGB, maxMoves } = p.policy;
  if (budgetGB === undefined && maxMoves === undefined)
    return { ...solveWithinBudget(p, prices, undefined, slotSolver), ...prices };
  const found = solveWithinBudget(p, prices);
  let { assignment, bound } = found;
  const used = usageOf(p, assignment);
  const room = Room.now(p);
  if (furnish(p, room, assignment))
    assignment = improve(p, weightsOf(p, prices).weights, room, assignment, {
      gb: (budgetGB ?? Infinity) - used.gb,
      moves: (maxMoves ?? Infinity) - used.moves,
      evaluations: MAX_EVALUATIONS / 10,
    });
  if (p.desktopCount * p.siteCount <= SMALL && bound > objectiveOf(p, assignment) + 1e-6) {
    const whole = await solveIlp(p, Room.now(p), prices, solver, SMALL_LIMITS);
    if (whole.status !== 'failed') bound = Math.min(bound, whole.bound);
    if (whole.objective > objectiveOf(p, assignment)) assignment = whole.assignment;
  }
  return { assignment, bound, slotPrices: found.slotPrices, ...found.prices };
}

async function multiResource(
  p: Problem,
  prices: MovePrices,
  tools: SolveTools,
  isFirst: boolean,
): Promise<Found> {
  const found = await seatedByHand(p, prices, tools);
  const hosts = p.sites.some((s) => s.hosts !== undefined && s.hosts.length > 0);
  // Once: where no order of moves leads to what it finds, it would find the like of it again.
  if (
    !isFirst ||
    !hosts ||
    found.bound - objectiveOf(p, found.assignment) <= 1e-6 ||
    countColumns(p) > HOST_COLUMNS
  )
    return found;
  const whole = await solveOnHosts(p, prices, tools.solver, SMALL_LIMITS);
  if (whole === undefined) return found;
  const { assignment, bins, boundFor } = whole;
  const bound = Math.min(found.bound, boundFor(found.assignment));
  if (worthAt(p, prices, assignment) <= worthAt(p, prices, found.assignment) + 1e-9)
    return { ...found, bound };
  // Without a budget a bound is of plans that move as much as this one.
  return { ...found, bound: Math.max(bound, boundFor(assignment)), better: { assignment, bins } };
}

/** Gains less what the moves pay, ms. */
function worthAt(p: Problem, prices: MovePrices, assignment: Int32Array): number {
  const { gb, moves } = usageOf(p, assignment);
  return objectiveOf(p, assignment) - prices.msPerGB * gb - prices.msPerMove * moves;
}

async function seatedByHand(p: Problem, prices: MovePrices, tools: SolveTools): Promise<Found> {
  const found = { ...(await solveMultiResource(p, prices, tools.solver)), ...prices };
  const { budgetGB, maxMoves } = p.policy;
  if (budgetGB === undefined && maxMoves === undefined) return found;
  // Rounding the LP may overshoot a budget, and what is left then is poor: the optimum over slots may fit the hosts as it is.
  const slots = await exact(p, prices, tools);
  const better = worthAt(p, prices, slots.assignment) > worthAt(p, prices, found.assignment);
  const fits = better && furnish(p, Room.now(p), slots.assignment);
  return {
    ...found,
    bound: Math.min(found.bound, slots.bound),
    ...(fits ? { assignment: slots.assignment } : {}),
  };
}

async function ilp(p: Problem, prices: MovePrices, solver: LinearSolver): Promise<Found> {
  const found = await solveIlp(p, Room.now(p), prices, solver, { timeLimitMs: ILP_TIME_LIMIT_MS });
  const warnings =
    found.status === 'optimal'
      ? []
      : [
          `the MIP was not solved to the end in ${ILP_TIME_LIMIT_MS / 1000} s: see the gap; --algorithm exact has no such limit`,
        ];
  // A MIP that was stopped early, or that has no solution (hosts above their capacity), has no bound of its own.
  const slots = solveWithinBudget(p, prices);
  const bound = Math.max(found.objective, Math.min(found.bound, slots.bound));
  return { ...found, warnings, bound, slotPrices: slots.slotPrices, ...prices };
}

/** Run the policy's algorithm; not `isFirst`: again, for what hosts could not take of the last answer. */
export async function solve(p: Problem, tools: SolveTools, isFirst = true): Promise<Decision> {
  const { solver, clockMs } = tools;
  const { algorithm, msPerGB, minGainMs } = p.policy;
  const prices = { msPerGB, msPerMove: minGainMs };
  const start = clockMs();
  const run = (): Found | Promise<Found> => {
    switch (algorithm) {
      case 'rank-ordered':
      case 'cost-oblivious':
      case 'cost-aware':
        return greedy(p, algorithm, clockMs);
      case 'exact':
        return exact(p, prices, tools);
      case 'multi-resource':
        return multiResource(p, prices, tools, isFirst);
      case 'ilp':
        return ilp(p, prices, solver);
    }
  };
  const found = await run();
  return {
    ...FREE,
    evictedFor: new Map(),
    whyNot: new Map(),
    warnings: [],
    everyDesktop: true,
    solveMs: clockMs() - start,
    usage: usageOf(p, found.assignment),
    ...found,
    // From weights, which hold prizes for leaving, to gains: of plans in which as many leave.
    bound: found.bound - prizesOf(p, found.assignment),
  };
}
