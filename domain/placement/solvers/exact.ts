// `exact`: the optimum of the objective with slots as capacity. Every desktop that is not pinned is free to move; a move pays
// lambda (ms per gigabyte) and the least gain. The answer carries its own proof: prices whose dual bound equals its value.
import { CLOSED } from '../request/constraints.js';
import { feltAt, objectiveOf, prizeOf, type Problem } from '../request/problem.js';
import { SiteFlow } from './site-flow.js';

export interface MovePrices {
  /** Lambda: ms of ranked latency that a gigabyte moved must gain. */
  readonly msPerGB: number;
  /** What a move must gain whatever its size, ms. */
  readonly msPerMove: number;
}

export interface SlotSolution {
  readonly assignment: Int32Array;
  /** Price of a slot at each site, ms. */
  readonly slotPrices: Float64Array;
  /** Sum of gains, ms. */
  readonly objective: number;
  /** Sum of gains minus what the moves pay, ms: what was maximised. */
  readonly value: number;
  /** Upper bound on `value` by the slot prices, computed independently of the search. */
  readonly valueBound: number;
}

/**
 * So much of the largest gain is taken off every move, so that of equal plans the one with fewer and smaller moves is chosen.
 * Far below any measured millisecond and far above rounding errors.
 */
export const TIE_SHARE = 1e-9;

/** What the weights of one desktop have in common. */
interface RowTerms {
  readonly start: number;
  readonly rank: number;
  readonly felt: number;
  /** To anywhere else. */
  readonly prize: number;
  readonly toll: number;
  readonly farthest: number;
}

function termsOf(p: Problem, prices: MovePrices, i: number): RowTerms {
  const from = p.current[i] as number;
  const start = i * p.siteCount;
  const keepsItsRtt = p.keepsItsRtt[i] === 1 && p.mustLeave[i] === undefined;
  return {
    start,
    rank: p.rank[i] as number,
    felt: p.feltMs[start + from] as number,
    prize: prizeOf(p, i, from, -1),
    toll: prices.msPerGB * (p.costGB[i] as number) + prices.msPerMove,
    farthest: keepsItsRtt ? (p.rttMs[start + from] as number) : Infinity,
  };
}

/** What `mayGo` and `worthOf` say of a site: at once, as a large cloud has millions of pairs. */
function weightAt({ feltMs, rttMs, closed }: Problem, terms: RowTerms, j: number): number {
  const k = terms.start + j;
  const rtt = rttMs[k] as number;
  return closed[k] !== CLOSED.open || rtt === Infinity || rtt > terms.farthest
    ? -Infinity
    : terms.rank * (terms.felt - (feltMs[k] as number)) + terms.prize - terms.toll;
}

/** Write the weights of desktop `i` into `row`, without the tie: gain minus the price of the move, -Infinity where it may not go. */
export function weightRow(p: Problem, prices: MovePrices, i: number, row: Float64Array): void {
  if (p.pinned[i] !== undefined) row.fill(-Infinity);
  else {
    const terms = termsOf(p, prices, i);
    for (let j = 0; j < p.siteCount; j++) row[j] = weightAt(p, terms, j);
  }
  row[p.current[i] as number] = 0;
}

/** Tell whether the weights of desktop `i`, which is not pinned, with `share` taken off each move, are those that stand from `at` on. */
export function hasWeights(
  p: Problem,
  prices: MovePrices,
  i: number,
  share: number,
  weights: Float64Array,
  at: number,
): boolean {
  const terms = termsOf(p, prices, i);
  const from = p.current[i] as number;
  for (let j = 0; j < p.siteCount; j++)
    if (weights[at + j] !== (j === from ? 0 : weightAt(p, terms, j) - share)) return false;
  return true;
}

/** What a move of desktop `i` pays so that fewer and smaller moves win ties: half of `tie` at least, all of it for the largest. */
export function tieShare(p: Problem, i: number, tie: number, largestGB: number): number {
  return (tie * (1 + (p.costGB[i] as number) / largestGB)) / 2;
}

/** Weights of all pairs: gain minus the price of the move, -Infinity where a desktop may not go. */
export function weightsOf(
  p: Problem,
  prices: MovePrices,
): { weights: Float64Array; tie: number; largestGB: number } {
  const { desktopCount: n, siteCount: l } = p;
  const weights = new Float64Array(n * l);
  let largest = 1;
  let largestGB = 1;
  for (let i = 0; i < n; i++) {
    const row = weights.subarray(i * l, (i + 1) * l);
    weightRow(p, prices, i, row);
    largestGB = Math.max(largestGB, p.costGB[i] as number);
    for (let j = 0; j < l; j++) if ((row[j] as number) > largest) largest = row[j] as number;
  }
  const tie = largest * TIE_SHARE;
  for (let i = 0; i < n; i++) {
    const share = tieShare(p, i, tie, largestGB);
    for (let j = 0; j < l; j++)
      if (j !== p.current[i]) weights[i * l + j] = (weights[i * l + j] as number) - share;
  }
  return { weights, tie, largestGB };
}

/** The dual bound: sum over desktops of max(W - price) plus sum over sites of price x slots; no assignment is worth more. */
function dualBound(p: Problem, weights: Float64Array, slotPrices: Float64Array): number {
  const l = p.siteCount;
  let bound = 0;
  for (let j = 0; j < l; j++) bound += (slotPrices[j] as number) * (p.openSlots[j] as number);
  for (let i = 0; i < p.desktopCount; i++) {
    if (p.pinned[i] !== undefined) continue;
    let best = -Infinity;
    for (let j = 0; j < l; j++)
      best = Math.max(best, (weights[i * l + j] as number) - (slotPrices[j] as number));
    bound += best;
  }
  return bound;
}

/**
 * The optimum, kept while desktops change one by one: a change costs two shortest paths over the sites, not a full solve.
 * Needs a problem whose present state is within capacity (checked with the input).
 */
export class ExactPlanner {
  readonly #p: Problem;
  readonly #prices: MovePrices;
  readonly #weights: Float64Array;
  readonly #tie: number;
  readonly #flow: SiteFlow;

  constructor(p: Problem, prices: MovePrices) {
    this.#p = p;
    this.#prices = prices;
    const { weights, tie } = weightsOf(p, prices);
    this.#weights = weights;
    this.#tie = tie;
    this.#flow = new SiteFlow({
      siteCount: p.siteCount,
      desktopCount: p.desktopCount,
      weights,
      capacity: p.openSlots,
      home: p.current,
    });
    this.#flow.insertAll(
      Int32Array.from(p.desktops.flatMap((_, i) => (p.pinned[i] === undefined ? [i] : []))),
    );
  }

  /** Take in another rank and other RTTs (a row over all sites, ms; felt as before) of desktop `i`; the problem's own arrays follow. */
  change(i: number, rank: number, rttMs: Float64Array): void {
    const p = this.#p;
    p.rank[i] = rank;
    p.rttMs.set(rttMs, i * p.siteCount);
    if (p.feltMs !== p.rttMs)
      p.feltMs.set(
        rttMs.map((ms) => feltAt(p.desktops[i], ms)),
        i * p.siteCount,
      );
    if (p.pinned[i] !== undefined) return;
    const row = new Float64Array(p.siteCount);
    weightRow(p, this.#prices, i, row);
    const own = p.current[i];
    for (let j = 0; j < row.length; j++) if (j !== own) row[j] = (row[j] as number) - this.#tie / 2;
    this.#flow.change(i, row, p.current[i] as number);
  }

  /** The optimum as it is now, with its proof. */
  solution(): SlotSolution {
    const p = this.#p;
    this.#flow.complete();
    const assignment = Int32Array.from(this.#flow.assignment, (site, i) =>
      site < 0 ? (p.current[i] as number) : site,
    );
    const slotPrices = this.#flow.prices();
    const bound = dualBound(p, this.#weights, slotPrices);
    return solutionOf(p, this.#prices, assignment, slotPrices, bound, this.#tie);
  }
}

/** Put a solution together; `bound` is the dual bound on weights, which the moves' ties were taken off. */
export function solutionOf(
  p: Problem,
  prices: MovePrices,
  assignment: Int32Array,
  slotPrices: Float64Array,
  bound: number,
  tie: number,
): SlotSolution {
  let moves = 0;
  let tolls = 0;
  for (let i = 0; i < p.desktopCount; i++) {
    if (assignment[i] === p.current[i]) continue;
    moves++;
    tolls += prices.msPerGB * (p.costGB[i] as number) + prices.msPerMove;
  }
  const objective = objectiveOf(p, assignment);
  return { assignment, slotPrices, objective, value: objective - tolls, valueBound: bound + tie * moves };
}

/** Whatever finds the optimum: `solveExact`, or a session that remembers the last one. */
export type SlotSolver = (p: Problem, prices: MovePrices) => SlotSolution;

/** Solve to optimality. */
export function solveExact(p: Problem, prices: MovePrices): SlotSolution {
  return new ExactPlanner(p, prices).solution();
}
