// The arcs between sites of a flow (site-flow.ts): for each ordered pair of sites a heap of the desktops at the first, by what each loses by going to the
// second. Heaps are cleaned when a stale key comes up. A desktop has arcs to few sites at first, where there are many: the others are opened on demand.
import { Heap } from './heap.js';

/** Sites, the best ones at the starting prices, that a desktop has arcs to at first: more are seldom asked for (measured: docs/placement.md). */
const FIRST_ARCS = 12;

export class Arcs {
  readonly #l: number;
  readonly #w: Float64Array;
  readonly #site: Int32Array;
  readonly #heaps: (Heap | undefined)[];
  /** Top of each heap, kept flat: reading it there is what the searches do most. May be stale until `key` has looked. */
  readonly #topKey: Float64Array;
  readonly #top: Int32Array;
  /** 1: its weights were replaced once, so old keys of it may be about. */
  readonly #changed: Uint8Array;
  /** desktop x site; 1: it has an arc there. Those that no price has asked for yet have none: `open` adds them. */
  readonly #has: Uint8Array;
  #pushes = 0;
  #sparse = false;

  /** For `l` sites, weights (desktop x site) and the site of each desktop (-1: none), both the flow's own. */
  constructor(l: number, weights: Float64Array, site: Int32Array) {
    const n = site.length;
    this.#l = l;
    this.#w = weights;
    this.#site = site;
    this.#heaps = new Array<Heap | undefined>(l * l).fill(undefined);
    this.#topKey = new Float64Array(l * l).fill(Infinity);
    this.#top = new Int32Array(l * l).fill(-1);
    this.#changed = new Uint8Array(n);
    this.#has = new Uint8Array(n * l).fill(1);
  }

  /** Keys put on heaps so far. */
  get pushes(): number {
    return this.#pushes;
  }

  /** Arcs have been left out. */
  get sparse(): boolean {
    return this.#sparse;
  }

  /** Put desktop `i` at a site, with its arcs to the others. */
  attach(i: number, at: number): void {
    const l = this.#l;
    const w = this.#w;
    const here = w[i * l + at] as number;
    this.#site[i] = at;
    // The way back from where it is going stays open: whoever is taken out can always be put in again.
    this.#has[i * l + at] = 1;
    for (let b = 0; b < l; b++) {
      const there = w[i * l + b] as number;
      if (b === at || there === -Infinity || this.#has[i * l + b] === 0) continue;
      const arc = at * l + b;
      this.push(arc, here - there, i);
    }
  }

  /** Attach all desktops that have a site, to heaps that are empty: each heap is made at once. */
  attachAll(desktops: Int32Array): void {
    const l = this.#l;
    const w = this.#w;
    const members = Array.from({ length: l }, (): number[] => []);
    for (const i of desktops) members[this.#site[i] as number]?.push(i);
    members.forEach((here, at) => {
      const m = here.length;
      // Row by row of the weights, whose order is that of the memory.
      const keys = new Float64Array(m * l);
      const values = new Int32Array(m * l);
      const counts = new Int32Array(l);
      for (const i of here) {
        const own = w[i * l + at] as number;
        for (let b = 0; b < l; b++) {
          const there = w[i * l + b] as number;
          if (b === at || there === -Infinity || this.#has[i * l + b] === 0) continue;
          const k = b * m + (counts[b] as number);
          keys[k] = own - there;
          values[k] = i;
          counts[b] = (counts[b] as number) + 1;
        }
      }
      for (let b = 0; b < l; b++) {
        const count = counts[b] as number;
        if (count === 0) continue;
        const heap = Heap.of(keys.subarray(b * m, b * m + count), values.subarray(b * m, b * m + count));
        const arc = at * l + b;
        this.#heaps[arc] = heap;
        this.#pushes += count;
        this.#topKey[arc] = heap.topKey;
        this.#top[arc] = heap.top;
      }
    });
  }

  /** Put a key on the heap of an arc (from x sites + to). */
  push(arc: number, key: number, i: number): void {
    const h = (this.#heaps[arc] ??= new Heap());
    h.push(key, i);
    this.#pushes++;
    this.#topKey[arc] = h.topKey;
    this.#top[arc] = h.top;
  }

  /** Least that a desktop which really is at a loses by going to b; Infinity when nobody can. `top` then gives its number. */
  key(a: number, b: number): number {
    const arc = a * this.#l + b;
    const u = this.#top[arc] as number;
    if (u < 0) return Infinity;
    if (this.#site[u] === a && this.#changed[u] === 0) return this.#topKey[arc] as number;
    return this.#clean(a, b, arc);
  }

  #clean(a: number, b: number, arc: number): number {
    const h = this.#heaps[arc] as Heap;
    const l = this.#l;
    const w = this.#w;
    while (h.size > 0) {
      const u = h.top;
      // A desktop whose weights were changed comes back with other keys: an old key of the same place is stale too.
      if (
        this.#site[u] === a &&
        (this.#changed[u] === 0 || h.topKey === (w[u * l + a] as number) - (w[u * l + b] as number))
      )
        break;
      h.pop();
    }
    this.#topKey[arc] = h.topKey;
    this.#top[arc] = h.top;
    return h.topKey;
  }

  /** The desktop whose key `key` has just given. */
  top(a: number, b: number): number {
    return this.#top[a * this.#l + b] as number;
  }

  /** Where there are many sites, leave each desktop only the arcs to its best ones at these prices. */
  keepBest(desktops: Int32Array, prices: Float64Array): void {
    this.#sparse = this.#l > 2 * FIRST_ARCS;
    if (this.#sparse) for (const i of desktops) this.#keepBestOf(i, prices);
  }

  /** Leave a desktop only the arcs to its best sites at these prices. */
  #keepBestOf(i: number, prices: Float64Array): void {
    const l = this.#l;
    const row = i * l;
    const best = new Float64Array(FIRST_ARCS).fill(-Infinity);
    for (let j = 0; j < l; j++) {
      const value = (this.#w[row + j] as number) - (prices[j] as number);
      let k = FIRST_ARCS - 1;
      if (value <= (best[k] as number)) continue;
      for (; k > 0 && (best[k - 1] as number) < value; k--) best[k] = best[k - 1] as number;
      best[k] = value;
    }
    const least = best[FIRST_ARCS - 1] as number;
    for (let j = 0; j < l; j++)
      if ((this.#w[row + j] as number) - (prices[j] as number) < least) this.#has[row + j] = 0;
  }

  /** Let desktop `i` have an arc to a site, from its next place on; false where it had one. */
  open(i: number, site: number): boolean {
    const at = i * this.#l + site;
    if (this.#has[at] === 1) return false;
    this.#has[at] = 1;
    return true;
  }

  /** Let everybody have all arcs, from where they are; false where they had them. */
  openAll(): boolean {
    const l = this.#l;
    let opened = false;
    this.#site.forEach((at, i) => {
      for (let b = 0; b < l; b++) {
        if (!this.open(i, b)) continue;
        opened = true;
        const there = this.#w[i * l + b] as number;
        if (at >= 0 && there > -Infinity) this.push(at * l + b, (this.#w[i * l + at] as number) - there, i);
      }
    });
    this.#sparse = false;
    return opened;
  }

  /** Desktop `i` gets other weights: its old keys are stale, and it has all arcs. */
  renew(i: number): void {
    this.#changed[i] = 1;
    this.#has.fill(1, i * this.#l, (i + 1) * this.#l);
  }
}
