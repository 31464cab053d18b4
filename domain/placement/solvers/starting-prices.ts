// Prices to start the exact flow from. Coordinate descent on the dual: site by site, the price is set to what the first desktop
// that finds no slot there would pay, given the other sites' prices. After a few sweeps nearly every desktop's favourite site has
// room for it; the flow then settles the rest exactly. Any prices >= 0 are valid; better ones only save time.
import type { SiteFlowProblem } from './site-flow.js';

/** More sweeps cost more than they save (measured at 2,000 x 40 to 50,000 x 40). */
const SWEEPS = 8;

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
  readonly #problem: SiteFlowProblem;
  readonly #desktops: Int32Array;
  readonly prices: Float64Array;
  /** Best site, its value after prices, second best site and value of each desktop. */
  readonly #first: Int32Array;
  readonly #firstValue: Float64Array;
  readonly #second: Int32Array;
  readonly #secondValue: Float64Array;
  readonly #margins: Float64Array;
  /** Site x desktop: what `settle` reads lies side by side. */
  readonly #columns: Float64Array;

  constructor(problem: SiteFlowProblem, desktops: Int32Array) {
    const n = desktops.length;
    this.#problem = problem;
    this.#desktops = desktops;
    this.prices = new Float64Array(problem.siteCount);
    this.#first = new Int32Array(n);
    this.#firstValue = new Float64Array(n);
    this.#second = new Int32Array(n);
    this.#secondValue = new Float64Array(n);
    this.#margins = new Float64Array(n);
    const { siteCount: l, weights } = problem;
    this.#columns = new Float64Array(n * l);
    for (let x = 0; x < n; x++) {
      const row = (desktops[x] as number) * l;
      for (let j = 0; j < l; j++) this.#columns[j * n + x] = weights[row + j] as number;
      this.#rank(x);
    }
  }

  /** Find the two best sites of desktop number x at the present prices. */
  #rank(x: number): void {
    const { siteCount: l, weights } = this.#problem;
    const row = (this.#desktops[x] as number) * l;
    let first = -1;
    let second = -1;
    let best = -Infinity;
    let next = -Infinity;
    for (let j = 0; j < l; j++) {
      const value = (weights[row + j] as number) - (this.prices[j] as number);
      if (value > best) {
        second = first;
        next = best;
        first = j;
        best = value;
      } else if (value > next) {
        second = j;
        next = value;
      }
    }
    this.#first[x] = first;
    this.#firstValue[x] = best;
    this.#second[x] = second;
    this.#secondValue[x] = next;
  }

  /** Set the price of one site to its best; true when it changed. */
  settle(site: number): boolean {
    const n = this.#desktops.length;
    const column = this.#columns.subarray(site * n, (site + 1) * n);
    const slots = this.#problem.capacity[site] as number;
    let price = 0;
    let wanting = 0;
    for (let x = 0; x < n; x++) {
      const elsewhere = this.#first[x] === site ? this.#secondValue[x] : this.#firstValue[x];
      const margin = (column[x] as number) - (elsewhere as number);
      if (margin > 0) this.#margins[wanting++] = margin;
    }
    // Infinite margins belong to desktops with nowhere else to go: no price keeps them out.
    if (wanting > slots) price = Math.min(kthLargest(this.#margins, wanting, slots + 1), Number.MAX_VALUE);
    const old = this.prices[site] as number;
    if (price === old) return false;
    this.prices[site] = price;
    for (let x = 0; x < n; x++) {
      const value = (column[x] as number) - price;
      if (this.#first[x] === site || this.#second[x] === site) {
        if (price > old || this.#second[x] === site) this.#rank(x);
        else this.#firstValue[x] = value;
      } else if (value > (this.#secondValue[x] as number)) this.#rank(x);
    }
    return true;
  }
}

/** Prices near the optimum for the given desktops. */
export function startingPrices(problem: SiteFlowProblem, desktops: Int32Array): Float64Array {
  const descent = new Descent(problem, desktops);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let changed = false;
    for (let j = 0; j < problem.siteCount; j++) changed = descent.settle(j) || changed;
    if (!changed) break;
  }
  return descent.prices;
}
