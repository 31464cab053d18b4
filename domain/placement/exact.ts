// `exact`: the optimum of the objective with slots as capacity. Every desktop that is not pinned is free to move; a move pays
// lambda (ms per gigabyte) and the least gain. The answer carries its own proof: prices whose dual bound equals its value.
import { feltAt, gainOf, mayGo, objectiveOf, type Problem } from './problem.js';
import { SiteFlow } from './site-flow.js';

export interface MovePrices {
  /** Lambda: ms of ranked latency that a gigabyte moved must gain. */
  readonly msPerGb: number;
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
const TIE_SHARE = 1e-9;

/** Weights of all pairs: gain minus the price of the move, -Infinity where a desktop may not go. */
export function weightsOf(p: Problem, prices: MovePrices): { weights: Float64Array; tie: number } {
  const { desktopCount: n, siteCount: l } = p;
  const weights = new Float64Array(n * l);
  let largest = 1;
  let largestGb = 1;
  for (let i = 0; i < n; i++) {
    const from = p.current[i] as number;
    const toll = prices.msPerGb * (p.costGb[i] as number) + prices.msPerMove;
    largestGb = Math.max(largestGb, p.costGb[i] as number);
    for (let j = 0; j < l; j++) {
      const w = j === from ? 0 : mayGo(p, i, j) ? gainOf(p, i, j) - toll : -Infinity;
      weights[i * l + j] = w;
      if (w > largest) largest = w;
    }
  }
  const tie = largest * TIE_SHARE;
  for (let i = 0; i < n; i++) {
    const share = (tie * (1 + (p.costGb[i] as number) / largestGb)) / 2;
    for (let j = 0; j < l; j++)
      if (j !== p.current[i]) weights[i * l + j] = (weights[i * l + j] as number) - share;
  }
  return { weights, tie };
}

/** The dual bound: sum over desktops of max(W - price) plus sum over sites of price x slots; no assignment is worth more. */
export function dualBound(p: Problem, weights: Float64Array, slotPrices: Float64Array): number {
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
    const toll = this.#prices.msPerGb * (p.costGb[i] as number) + this.#prices.msPerMove + this.#tie / 2;
    const row = Float64Array.from(rttMs, (_, j) =>
      j === p.current[i] ? 0 : mayGo(p, i, j) ? gainOf(p, i, j) - toll : -Infinity,
    );
    this.#flow.change(i, row);
  }

  /** The optimum as it is now, with its proof. */
  solution(): SlotSolution {
    const p = this.#p;
    const assignment = Int32Array.from(this.#flow.assignment, (site, i) =>
      site < 0 ? (p.current[i] as number) : site,
    );
    const slotPrices = this.#flow.prices();
    let moves = 0;
    let tolls = 0;
    for (let i = 0; i < p.desktopCount; i++) {
      if (assignment[i] === p.current[i]) continue;
      moves++;
      tolls += this.#prices.msPerGb * (p.costGb[i] as number) + this.#prices.msPerMove;
    }
    const objective = objectiveOf(p, assignment);
    return {
      assignment,
      slotPrices,
      objective,
      value: objective - tolls,
      valueBound: dualBound(p, this.#weights, slotPrices) + this.#tie * moves,
    };
  }
}

/** Solve to optimality. */
export function solveExact(p: Problem, prices: MovePrices): SlotSolution {
  return new ExactPlanner(p, prices).solution();
}
