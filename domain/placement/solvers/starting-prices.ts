// Prices to start the exact flow from. First those of a sample, a tenth of the desktops for a tenth of the slots, solved by the flow
// itself: they are right as a whole (where many sites have to become dearer together) and wrong by the sample's noise. Then coordinate
// descent on the dual, which takes that noise away: site by site, the price is set to what the first desktop that finds no slot there
// would pay, given the other sites' prices. The flow settles the rest exactly. Any prices >= 0 are valid; better ones only save time.
import { fullLists, shortLists, type ShortLists, type SiteFlowProblem } from './short-lists.js';

/** Sites, the best ones at the sample's prices, that a desktop has arcs to at first: at 10,000 x 100 the final prices ask 12 desktops for more, 1,600 with 12 sites (real RTTs). */
const FIRST_ARCS = 24;
/** One desktop of so many is in the sample. */
const SAMPLE = 10;
/** Desktops a site, on average, that a sample must have: with fewer its prices are noise. */
const SAMPLE_A_SITE = 4;
/** Sweeps from a sample's prices, and how often the lists are made anew for the prices that come out; sweeps from no prices. */
const SWEEPS_AFTER_SAMPLE = 2;
const LISTINGS = 3;
const SWEEPS = 8;

export interface Start {
  readonly prices: Float64Array;
  readonly lists: ShortLists;
  /** The lists leave sites out. */
  readonly sparse: boolean;
}

/** The k-th largest of the first n values (k from 1), by quickselect; reorders them. */
function kthLargest(values: Float64Array, n: number, k: number): number {
  let low = 0;
  let high = n - 1;
  const wanted = k - 1;
  while (low < high) {
    const pivot = values[(low + high) >> 1] as number;
    let i = low;
    let j = high;
    while (i <= j) {
      while ((values[i] as number) > pivot) i++;
      while ((values[j] as number) < pivot) j--;
      if (i <= j) {
        const swap = values[i] as number;
        values[i++] = values[j] as number;
        values[j--] = swap;
      }
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return values[wanted] as number;
}

class Descent {
  readonly #capacity: Int32Array;
  readonly #lists: ShortLists;
  readonly prices: Float64Array;
  /** Best site, its value after prices, second best site and value of each desktop. */
  readonly #first: Int32Array;
  readonly #firstValue: Float64Array;
  readonly #second: Int32Array;
  readonly #secondValue: Float64Array;
  readonly #margins: Float64Array;
  /** The lists by sites, so that what `settle` reads lies side by side: desktops and weights from `starts[site]` on. */
  readonly #starts: Int32Array;
  readonly #who: Int32Array;
  readonly #weights: Float64Array;

  constructor(problem: SiteFlowProblem, desktops: Int32Array, lists: ShortLists, prices: Float64Array) {
    const { siteCount: l, desktopCount: n } = problem;
    const { length } = lists;
    this.#capacity = problem.capacity;
    this.#lists = lists;
    this.prices = prices;
    this.#first = new Int32Array(n);
    this.#firstValue = new Float64Array(n);
    this.#second = new Int32Array(n);
    this.#secondValue = new Float64Array(n);
    const starts = new Int32Array(l + 1);
    for (const i of desktops)
      for (let k = i * length; k < (i + 1) * length && (lists.sites[k] as number) >= 0; k++) {
        const behind = (lists.sites[k] as number) + 1;
        starts[behind] = (starts[behind] as number) + 1;
      }
    let most = 0;
    for (let j = 0; j < l; j++) {
      most = Math.max(most, starts[j + 1] as number);
      starts[j + 1] = (starts[j + 1] as number) + (starts[j] as number);
    }
    this.#margins = new Float64Array(most);
    this.#starts = starts;
    this.#who = new Int32Array(starts[l] as number);
    this.#weights = new Float64Array(starts[l] as number);
    const next = starts.slice();
    for (const i of desktops) {
      for (let k = i * length; k < (i + 1) * length; k++) {
        const site = lists.sites[k] as number;
        if (site < 0) break;
        const at = next[site] as number;
        next[site] = at + 1;
        this.#who[at] = i;
        this.#weights[at] = lists.weights[k] as number;
      }
      this.#rank(i);
    }
  }

  /** Find the two best sites of desktop `i` at the present prices. */
  #rank(i: number): void {
    const { length, sites, weights } = this.#lists;
    let first = -1;
    let second = -1;
    let best = -Infinity;
    let next = -Infinity;
    for (let k = i * length; k < (i + 1) * length; k++) {
      const site = sites[k] as number;
      if (site < 0) break;
      const value = (weights[k] as number) - (this.prices[site] as number);
      if (value > best) {
        second = first;
        next = best;
        first = site;
        best = value;
      } else if (value > next) {
        second = site;
        next = value;
      }
    }
    this.#first[i] = first;
    this.#firstValue[i] = best;
    this.#second[i] = second;
    this.#secondValue[i] = next;
  }

  /** Set the price of one site to its best; true when it changed. */
  settle(site: number): boolean {
    const [start, end] = [this.#starts[site] as number, this.#starts[site + 1] as number];
    const slots = this.#capacity[site] as number;
    let price = 0;
    let wanting = 0;
    for (let k = start; k < end; k++) {
      const i = this.#who[k] as number;
      const elsewhere = this.#first[i] === site ? this.#secondValue[i] : this.#firstValue[i];
      const margin = (this.#weights[k] as number) - (elsewhere as number);
      if (margin > 0) this.#margins[wanting++] = margin;
    }
    // Infinite margins belong to desktops with nowhere else to go: no price keeps them out.
    if (wanting > slots) price = Math.min(kthLargest(this.#margins, wanting, slots + 1), Number.MAX_VALUE);
    const old = this.prices[site] as number;
    if (price === old) return false;
    this.prices[site] = price;
    for (let k = start; k < end; k++) {
      const i = this.#who[k] as number;
      const value = (this.#weights[k] as number) - price;
      if (this.#first[i] === site || this.#second[i] === site) {
        if (price > old || this.#second[i] === site) this.#rank(i);
        else this.#firstValue[i] = value;
      } else if (value > (this.#secondValue[i] as number)) this.#rank(i);
    }
    return true;
  }
}

/** A tenth of these desktops, and of each site's slots, as a problem of its own. */
function sampleOf(problem: SiteFlowProblem, desktops: Int32Array): SiteFlowProblem {
  const l = problem.siteCount;
  // By a hash of their numbers: files are often sorted, and every tenth may be of one kind.
  const chosen = desktops.filter((i) => Math.imul(i + 1, 0x9e3779b1) >>> 0 < 2 ** 32 / SAMPLE);
  const weights = new Float64Array(chosen.length * l);
  chosen.forEach((i, x) => weights.set(problem.weights.subarray(i * l, (i + 1) * l), x * l));
  let sum = 0;
  const share = chosen.length / desktops.length;
  const capacity = problem.capacity.map((slots) => {
    const before = Math.floor(sum * share);
    sum += slots;
    return Math.floor(sum * share) - before;
  });
  return { siteCount: l, desktopCount: chosen.length, weights, capacity };
}

/** Prices near the optimum for the given desktops, and the sites that matter to each. `solve` gives the prices of a smaller problem. */
export function startingPrices(
  problem: SiteFlowProblem,
  desktops: Int32Array,
  solve: (sample: SiteFlowProblem) => Float64Array,
): Start {
  const l = problem.siteCount;
  const sampled = l > 0 && desktops.length >= SAMPLE * SAMPLE_A_SITE * l;
  const sparse = l > 1.5 * FIRST_ARCS;
  const prices = sampled ? solve(sampleOf(problem, desktops)) : new Float64Array(l);
  const short = () => shortLists(problem, desktops, prices, FIRST_ARCS);
  const descend = (lists: ShortLists, sweeps: number) => {
    const descent = new Descent(problem, desktops, lists, prices);
    for (let sweep = 0; sweep < sweeps; sweep++) {
      let changed = false;
      for (let j = 0; j < l; j++) changed = descent.settle(j) || changed;
      if (!changed) break;
    }
  };
  if (!sampled || !sparse) {
    const lists = fullLists(problem);
    descend(lists, sampled ? SWEEPS_AFTER_SAMPLE : SWEEPS);
    return { prices, lists: sparse ? short() : lists, sparse };
  }
  let lists = short();
  descend(lists, SWEEPS_AFTER_SAMPLE);
  for (let k = 1; k < LISTINGS; k++) {
    lists = short();
    descend(lists, SWEEPS_AFTER_SAMPLE);
  }
  return { prices, lists, sparse };
}
