// The exact optimum of sum W[i][site of i] with unit sizes and capacities: successive shortest augmenting paths on the graph of
// SITES. An arc a -> b costs the least that some desktop at a loses by going to b (a heap per pair, cleaned lazily).
//   insert: Dijkstra from the new desktop over full sites to the cheapest free one, then every desktop on the path moves on.
//   vacate, addSlots: leave holes, which those who are inserted next may take.
//   settle: the search backwards, to fill each hole that is left with the chain of moves that gains most.
//   insertAll: begins at prices near the optimum, so that few desktops need a path.
//   complete: arcs that were left out at first and are asked for by the prices.
//   keep: other weights for a desktop whose site stays its best one; no path.  takeSlot: a slot less, a path.
// Invariant (optimality): with prices p >= 0 every desktop is where W - p is largest; once settled, p = 0 where slots are free.
import { Arcs } from './arcs.js';
import { Heap } from './heap.js';
import type { SiteFlowProblem } from './short-lists.js';
import { startingPrices } from './starting-prices.js';

/** Gains below this, ms, are rounding: a millionth of a tie. */
const ROUNDING = 1e-10;

export class SiteFlow {
  readonly #problem: SiteFlowProblem;
  readonly #l: number;
  readonly #w: Float64Array;
  readonly #free: Int32Array;
  readonly #site: Int32Array;
  readonly #arcs: Arcs;
  /** Minus the price of a slot, so <= 0. */
  readonly #pi: Float64Array;
  readonly #dist: Float64Array;
  readonly #next: Int32Array;
  readonly #via: Int32Array;
  readonly #done: Uint8Array;
  /** Sites that a search has reached, the nearest on top; a site may be on it more than once. */
  readonly #reached = new Heap();
  /** Starting prices alone are wanted of this flow: no proof, and nobody is placed at any price. */
  readonly #rough: boolean;

  constructor(problem: SiteFlowProblem, rough = false) {
    const l = problem.siteCount;
    this.#problem = problem;
    this.#rough = rough;
    this.#l = l;
    this.#w = problem.weights;
    this.#free = Int32Array.from(problem.capacity);
    this.#site = new Int32Array(problem.desktopCount).fill(-1);
    this.#arcs = new Arcs(l, this.#w, this.#site);
    this.#pi = new Float64Array(l);
    this.#dist = new Float64Array(l);
    this.#next = new Int32Array(l);
    this.#via = new Int32Array(l);
    this.#done = new Uint8Array(l);
  }

  /** Site of each desktop; -1 where it is not inserted. The array is the solver's own. */
  get assignment(): Int32Array {
    return this.#site;
  }

  /** Keys on the heaps of the arcs, stale ones among them. */
  get keys(): number {
    return this.#arcs.keys;
  }

  /** Arcs have been left out: a proof by the prices may lack some. */
  get sparse(): boolean {
    return this.#arcs.sparse;
  }

  /** Capacity that nobody uses at a site. */
  freeAt(site: number): number {
    return this.#free[site] as number;
  }

  /** What one slot more is worth at each site. */
  prices(): Float64Array {
    return Float64Array.from(this.#pi, (x) => (x === 0 ? 0 : -x));
  }

  /** Begin a search. */
  #begin(): void {
    this.#dist.fill(Infinity);
    this.#done.fill(0);
    this.#next.fill(-1);
    this.#reached.clear();
  }

  #reach(site: number, dist: number): void {
    this.#dist[site] = dist;
    this.#reached.push(dist, site);
  }

  /** Take the nearest site that the search is not done with; -1 where there is none. */
  #nearest(): number {
    const reached = this.#reached;
    while (reached.size > 0) {
      const site = reached.top;
      reached.pop();
      if (this.#done[site] === 0) return site;
    }
    return -1;
  }

  /** Add desktop `i` optimally; false when there is no room for it whatever moves. */
  insert(i: number): boolean {
    return this.#place(i) || (!this.#rough && this.#open() && this.#place(i));
  }

  #place(i: number): boolean {
    this.#begin();
    this.#arcs.each(i, (j) => {
      const weight = this.#w[i * this.#l + j] as number;
      if (weight === -Infinity) return;
      this.#reach(j, -weight - (this.#pi[j] as number));
      this.#via[j] = i;
    });
    return this.#augment();
  }

  /** Take one slot away from a site, moving desktops on as it costs least; false when there is no room for that. */
  takeSlot(site: number): boolean {
    return this.#lose(site) || (this.#open() && this.#lose(site));
  }

  #lose(site: number): boolean {
    this.#begin();
    this.#reach(site, 0);
    this.#via[site] = -1;
    return this.#augment();
  }

  /** Follow the cheapest chain from `#dist` to a free slot, and move everybody on it (`#via`; -1: nobody, a slot is lost). */
  #augment(): boolean {
    const l = this.#l;
    const dist = this.#dist;
    const pi = this.#pi;
    const done = this.#done;
    let target: number;
    let limit = Infinity;
    for (;;) {
      const a = this.#nearest();
      if (a < 0) return false;
      if ((this.#free[a] as number) > 0) {
        target = a;
        break;
      }
      done[a] = 1;
      const base = (dist[a] as number) + (pi[a] as number);
      for (const b of this.#arcs.out[a] as number[]) {
        // Beyond the nearest free slot that is known the search never comes.
        const most = Math.min(dist[b] as number, limit);
        if (done[b] === 1 || base + this.#arcs.atLeast(a, b) - (pi[b] as number) >= most) continue;
        const reach = Math.max(base + this.#arcs.key(a, b) - (pi[b] as number), dist[a] as number);
        if (reach < most) {
          this.#reach(b, reach);
          this.#next[b] = a;
          this.#via[b] = this.#arcs.top(a, b);
          if ((this.#free[b] as number) > 0) limit = reach;
        }
      }
    }
    const end = dist[target] as number;
    for (let j = 0; j < l; j++) if (done[j] === 1) pi[j] = (pi[j] as number) + (dist[j] as number) - end;
    this.#free[target] = (this.#free[target] as number) - 1;
    for (let x = target; x >= 0;) {
      const before = this.#next[x] as number;
      const mover = this.#via[x] as number;
      if (mover >= 0) this.#arcs.attach(mover, x);
      x = before;
    }
    return true;
  }

  /** Add many desktops to an empty flow; gives those for which there is no room. */
  insertAll(desktops: Int32Array): number[] {
    const { prices, lists, sparse } = startingPrices(this.#problem, desktops, (sample) => {
      const flow = new SiteFlow(sample, true);
      flow.insertAll(Int32Array.from({ length: sample.desktopCount }, (_, x) => x));
      return flow.prices();
    });
    prices.forEach((price, j) => (this.#pi[j] = price === 0 ? 0 : -price));
    if (sparse) this.#arcs.keepOnly(lists);
    const waiting: number[] = [];
    for (const i of desktops) {
      let best = -1;
      let most = -Infinity;
      for (let k = i * lists.length; k < (i + 1) * lists.length; k++) {
        const j = lists.sites[k] as number;
        if (j < 0) break;
        const value = (lists.weights[k] as number) - (prices[j] as number);
        if (value > most || (value === most && best >= 0 && this.#free[best] === 0)) {
          most = value;
          best = j;
        }
      }
      if (best < 0 || this.#free[best] === 0) {
        waiting.push(i);
        continue;
      }
      this.#free[best] = (this.#free[best] as number) - 1;
      this.#site[i] = best;
    }
    this.#arcs.attachAll(desktops);
    const left = waiting.filter((i) => !this.insert(i));
    this.settle();
    if (!this.#rough) this.complete();
    return left;
  }

  /** Give everybody all arcs, once nobody would be better off by one; false where they have them. */
  #open(): boolean {
    if (!this.#arcs.sparse) return false;
    this.complete();
    return this.#arcs.openAll();
  }

  /**
   * Look by the prices for desktops that would be better off where they have no arc to, give them one and place them anew, until there
   * are none: then the prices prove that no pair left out would be better.
   */
  complete(): void {
    if (!this.#arcs.sparse) return;
    const l = this.#l;
    for (let found = true; found;) {
      found = false;
      for (let i = 0; i < this.#site.length; i++) {
        const at = this.#site[i] as number;
        if (at < 0) continue;
        const here = (this.#w[i * l + at] as number) + (this.#pi[at] as number) + ROUNDING;
        let better = false;
        for (let j = 0; j < l; j++) {
          if ((this.#w[i * l + j] as number) + (this.#pi[j] as number) <= here) continue;
          if (this.#arcs.open(i, j)) better = true;
        }
        if (!better) continue;
        found = true;
        this.vacate(i);
        this.insert(i);
      }
      this.settle();
    }
  }

  /** Take desktop `i` out; its row of weights may change afterwards. */
  vacate(i: number): void {
    const hole = this.#site[i] as number;
    if (hole < 0) return;
    this.#site[i] = -1;
    this.#free[hole] = (this.#free[hole] as number) + 1;
  }

  /** Give a site slots. */
  addSlots(site: number, count: number): void {
    this.#free[site] = (this.#free[site] as number) + count;
  }

  /** Give the free slots that have a price, which contradict it, one by one to whoever gains most. */
  settle(): void {
    const holes = this.#free.map((free, j) => (this.#pi[j] === 0 ? 0 : free));
    holes.forEach((count, j) => (this.#free[j] = (this.#free[j] as number) - count));
    holes.forEach((count, j) => {
      for (let k = 0; k < count; k++) this.#fill(j);
    });
  }

  /** One slot more at `hole`: fill it with the chain of moves that gains most, or leave it free at price 0. */
  #fill(hole: number): void {
    const l = this.#l;
    const pi = this.#pi;
    // A site with free slots has price 0 already: nobody wants the hole.
    if (pi[hole] === 0) {
      this.#free[hole] = (this.#free[hole] as number) + 1;
      return;
    }
    this.#begin();
    const dist = this.#dist;
    const done = this.#done;
    this.#reach(hole, 0);
    // Backwards from the hole: dist[a] = reduced cost of the chain a -> ... -> hole. The hole ends at the site where the chain's
    // true cost, dist[a] + pi[hole] - pi[a], is least; a site of price 0 ends the search, none is better beyond it.
    let end = hole;
    let least = 0;
    for (;;) {
      const b = this.#nearest();
      if (b < 0 || (dist[b] as number) + (pi[hole] as number) >= least) break;
      done[b] = 1;
      const total = (dist[b] as number) + (pi[hole] as number) - (pi[b] as number);
      if (total < least) {
        least = total;
        end = b;
      }
      for (const a of this.#arcs.into[b] as number[]) {
        const base = (dist[b] as number) + (pi[a] as number) - (pi[b] as number);
        // Beyond the best end that is known the search never comes.
        const most = Math.min(dist[a] as number, least - (pi[hole] as number));
        if (done[a] === 1 || base + this.#arcs.atLeast(a, b) >= most) continue;
        const back = Math.max(base + this.#arcs.key(a, b), dist[b] as number);
        if (back < most) {
          this.#reach(a, back);
          this.#next[a] = b;
          this.#via[a] = this.#arcs.top(a, b);
        }
      }
    }
    // Prices fall by what the chain gains: 0 where the hole ends, and every arc's reduced cost stays >= 0.
    const reach = least - (pi[hole] as number);
    for (let j = 0; j < l; j++) {
      const d = dist[j] as number;
      if (d < reach) pi[j] = Math.min(0, (pi[j] as number) + reach - d);
    }
    pi[end] = 0;
    for (let x = end; x !== hole;) {
      const to = this.#next[x] as number;
      this.#arcs.attach(this.#via[x] as number, to);
      x = to;
    }
    this.#free[end] = (this.#free[end] as number) + 1;
  }

  /** Tell whether the site of desktop `i` would still be a best one for it at the present prices, with other weights. */
  holds(i: number, row: Float64Array): boolean {
    const at = this.#site[i] as number;
    if (at < 0) return false;
    const here = (row[at] as number) + (this.#pi[at] as number);
    for (let j = 0; j < this.#l; j++) if ((row[j] as number) + (this.#pi[j] as number) > here) return false;
    return here > -Infinity;
  }

  /** Give desktop `i` other weights where it is; only where it `holds`. */
  keep(i: number, row: Float64Array, home: number): void {
    this.setRow(i, row, home);
    this.#arcs.attach(i, this.#site[i] as number);
  }

  /** Give desktop `i` other weights, and another home: a site where there is room for it whatever happens. */
  setRow(i: number, row: Float64Array, home: number): void {
    this.#w.set(row, i * this.#l);
    this.#arcs.renew(i, this.prices(), home);
  }

  /** Give desktop `i` other weights and restore the optimum: at most two paths instead of a full solve. */
  change(i: number, row: Float64Array, home: number): boolean {
    if (this.holds(i, row)) {
      this.keep(i, row, home);
      return true;
    }
    this.vacate(i);
    this.setRow(i, row, home);
    const done = this.insert(i);
    this.settle();
    return done;
  }
}
