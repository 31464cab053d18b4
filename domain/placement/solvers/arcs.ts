// The arcs between sites of a flow (site-flow.ts): for each ordered pair of sites a heap of the desktops at the first, by what each loses by going to the
// second. Stale keys go when they come up, or when their heap is full. A desktop has arcs to few sites at first, where there are many: the others are opened on demand.
import { Heap } from './heap.js';
import { listBest, type ShortLists } from './short-lists.js';

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
  /** 1: it has arcs to all sites. */
  readonly #all: Uint8Array;
  /** The sites that the others have arcs to, and those that prices have asked for since. */
  #lists: ShortLists = { length: 0, sites: new Int32Array(0), weights: new Float64Array(0) };
  readonly #more = new Map<number, number[]>();
  /** Sites with a heap to (from) each site: most pairs of a large cloud have none. */
  readonly out: readonly number[][];
  readonly into: readonly number[][];
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
    this.#all = new Uint8Array(n).fill(1);
    this.out = Array.from({ length: l }, () => []);
    this.into = Array.from({ length: l }, () => []);
  }

  /** Keys on all heaps, stale ones among them. */
  get keys(): number {
    return this.#heaps.reduce((sum, heap) => sum + (heap?.size ?? 0), 0);
  }

  /** Arcs have been left out. */
  get sparse(): boolean {
    return this.#sparse;
  }

  /** Put desktop `i` at a site, with its arcs to the others. */
  attach(i: number, at: number): void {
    this.#site[i] = at;
    const row = i * this.#l;
    const own = this.#w[row + at] as number;
    this.each(i, (b) => {
      const there = this.#w[row + b] as number;
      if (b !== at && there !== -Infinity) this.push(at * this.#l + b, own - there, i);
    });
  }

  /** Visit the sites that desktop `i` has arcs to. */
  each(i: number, visit: (site: number) => void): void {
    if (this.#all[i] === 1) {
      for (let b = 0; b < this.#l; b++) visit(b);
      return;
    }
    const { length, sites } = this.#lists;
    for (let k = i * length; k < (i + 1) * length && (sites[k] as number) >= 0; k++)
      visit(sites[k] as number);
    for (const b of this.#more.get(i) ?? []) visit(b);
  }

  /** Attach all desktops that have a site, to heaps that are empty: each heap is made at once. */
  attachAll(desktops: Int32Array): void {
    const l = this.#l;
    const w = this.#w;
    const members = Array.from({ length: l }, (): number[] => []);
    for (const i of desktops) members[this.#site[i] as number]?.push(i);
    const counts = new Int32Array(l);
    const starts = new Int32Array(l + 1);
    members.forEach((here, at) => {
      // How many keys each heap gets, then the keys, heap by heap.
      counts.fill(0);
      for (const i of here) this.each(i, (b) => (counts[b] = (counts[b] as number) + 1));
      for (let b = 0; b < l; b++) starts[b + 1] = (starts[b] as number) + (counts[b] as number);
      const keys = new Float64Array(starts[l] as number);
      const values = new Int32Array(starts[l] as number);
      counts.fill(0);
      for (const i of here)
        this.each(i, (b) => {
          const there = w[i * l + b] as number;
          if (b === at || there === -Infinity) return;
          const k = (starts[b] as number) + (counts[b] as number);
          keys[k] = (w[i * l + at] as number) - there;
          values[k] = i;
          counts[b] = (counts[b] as number) + 1;
        });
      for (let b = 0; b < l; b++) {
        const [from, count] = [starts[b] as number, counts[b] as number];
        if (count === 0) continue;
        const heap = Heap.of(keys.subarray(from, from + count), values.subarray(from, from + count));
        this.#add(at, b, heap);
      }
    });
  }

  #add(from: number, to: number, heap: Heap): void {
    const arc = from * this.#l + to;
    this.#heaps[arc] = heap;
    this.#topKey[arc] = heap.topKey;
    this.#top[arc] = heap.top;
    (this.out[from] as number[]).push(to);
    (this.into[to] as number[]).push(from);
  }

  /** Put a key on the heap of an arc (from x sites + to). */
  push(arc: number, key: number, i: number): void {
    let h = this.#heaps[arc];
    if (h === undefined) {
      h = new Heap();
      this.#add(Math.floor(arc / this.#l), arc % this.#l, h);
    }
    if (h.full) this.#tidy(h, arc);
    h.push(key, i);
    this.#topKey[arc] = h.topKey;
    this.#top[arc] = h.top;
  }

  /** Take the stale keys off a heap, so that it grows by what is really there alone. */
  #tidy(h: Heap, arc: number): void {
    const l = this.#l;
    const [a, b] = [Math.floor(arc / l), arc % l];
    const seen = new Set<number>();
    h.tidy((key, u) => {
      const row = u * l;
      if (this.#site[u] !== a || key !== (this.#w[row + a] as number) - (this.#w[row + b] as number))
        return false;
      // Who went and came back has its key twice.
      return seen.size < seen.add(u).size;
    });
  }

  /** At most what `key` gives, without a look at whether it is stale: most searches know by it that the arc is of no use. */
  atLeast(a: number, b: number): number {
    return this.#topKey[a * this.#l + b] as number;
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

  /** Leave desktops only the arcs to the sites of their lists. */
  keepOnly(lists: ShortLists): void {
    this.#sparse = true;
    this.#lists = lists;
    this.#all.fill(0);
  }

  #has(i: number, site: number): boolean {
    if (this.#all[i] === 1) return true;
    const { length, sites } = this.#lists;
    for (let k = i * length; k < (i + 1) * length; k++) if (sites[k] === site) return true;
    return this.#more.get(i)?.includes(site) === true;
  }

  /** Let desktop `i` have an arc to a site, from its next place on; false where it had one. */
  open(i: number, site: number): boolean {
    if (this.#has(i, site)) return false;
    const more = this.#more.get(i);
    if (more === undefined) this.#more.set(i, [site]);
    else more.push(site);
    return true;
  }

  /** Let everybody have all arcs, from where they are; false where they had them. */
  openAll(): boolean {
    const l = this.#l;
    let opened = false;
    this.#site.forEach((at, i) => {
      for (let b = 0; b < l; b++) {
        if (this.#has(i, b)) continue;
        opened = true;
        const there = this.#w[i * l + b] as number;
        if (at >= 0 && there > -Infinity) this.push(at * l + b, (this.#w[i * l + at] as number) - there, i);
      }
    });
    this.#all.fill(1);
    this.#sparse = false;
    return opened;
  }

  /** Desktop `i` has got other weights: its old keys are stale, and its arcs are those to the best sites at these prices, and its home. */
  renew(i: number, prices: Float64Array, home: number): void {
    this.#changed[i] = 1;
    if (!this.#sparse) return;
    const { length, sites } = this.#lists;
    listBest(this.#w, i * this.#l, prices, home, sites.subarray(i * length, (i + 1) * length));
    this.#more.delete(i);
  }
}
