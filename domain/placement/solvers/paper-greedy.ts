// The three greedy heuristics of MMSys'14 section 5.1. One loop: take the candidate with the largest key; try its nearest site,
// evicting reclaimable desktops from it to global sites if that makes room; else put it back with its next site's key.
//   rank-ordered: key 1 (ties by rank: rank order)   cost-oblivious: key B   cost-aware: key B / C
// A site is insufficient when it has no slot or, where hosts are given, no host with room. A desktop is touched at most once.
import { Heap } from 'heap-js';
import { isCandidate, isReclaimable, sitesByRtt } from '../request/candidates.js';
import { benefitOf } from '../request/metrics.js';
import { feltOf, gainOf, mayGo, rttOf, type Problem } from '../request/problem.js';
import type { Room } from '../schedule/free-room.js';
import { figure } from '../request/figures-in-words.js';

export type GreedyOrder = 'rank-ordered' | 'cost-oblivious' | 'cost-aware';

export interface GreedySolution {
  readonly assignment: Int32Array;
  /** Evicted desktop -> the one that it made room for. */
  readonly evictedFor: ReadonlyMap<number, number>;
  readonly whyNot: ReadonlyMap<number, string>;
}

interface Entry {
  readonly desktop: number;
  readonly key: number;
  /** Position in `sites`. */
  readonly next: number;
  readonly sites: readonly number[];
}

interface Eviction {
  readonly desktop: number;
  readonly from: number;
  readonly to: number;
  readonly fromBin: number;
}

class Greedy {
  readonly #p: Problem;
  readonly #room: Room;
  readonly #order: GreedyOrder;
  readonly assignment: Int32Array;
  readonly evictedFor = new Map<number, number>();
  readonly whyNot = new Map<number, string>();
  readonly #reclaimable: number[][];
  readonly #globals: readonly number[];
  #gbLeft: number;
  #movesLeft: number;

  constructor(p: Problem, room: Room, order: GreedyOrder) {
    this.#p = p;
    this.#room = room;
    this.#order = order;
    this.assignment = Int32Array.from(p.current);
    this.#gbLeft = p.policy.budgetGB ?? Infinity;
    this.#movesLeft = p.policy.maxMoves ?? Infinity;
    this.#globals = p.sites.flatMap((s, j) => (s.kind === 'global' ? [j] : []));
    this.#reclaimable = p.sites.map(() => []);
    for (let i = 0; i < p.desktopCount; i++)
      if (isReclaimable(p, i)) this.#reclaimable[p.current[i] as number]?.push(i);
    for (const list of this.#reclaimable)
      list.sort((a, b) => (p.rank[a] as number) - (p.rank[b] as number) || a - b);
  }

  #key(i: number, site: number): number {
    if (this.#order === 'rank-ordered') return 1;
    const p = this.#p;
    const b = benefitOf(feltOf(p, i, p.current[i] as number), feltOf(p, i, site), p.policy);
    // A desktop without a size costs nothing; 0 / 0 would have no place in any order.
    return this.#order === 'cost-aware' && b !== 0 ? b / (p.costGB[i] as number) : b;
  }

  run(): void {
    const p = this.#p;
    const rankOf = (e: Entry) => p.rank[e.desktop] as number;
    // A desktop of no cost has an infinite key; two of them differ by NaN, which is a tie too.
    const queue = new Heap<Entry>((a, b) => b.key - a.key || rankOf(b) - rankOf(a) || a.desktop - b.desktop);
    const offer = (desktop: number, sites: readonly number[], next: number) => {
      const site = sites[next];
      if (site === undefined || site === p.current[desktop]) return false;
      queue.push({ desktop, sites, next, key: this.#key(desktop, site) });
      return true;
    };
    for (let i = 0; i < p.desktopCount; i++) if (isCandidate(p, i)) offer(i, sitesByRtt(p, i), 0);
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      const { desktop, sites, next } = entry;
      // Sent to a global site to make room for another one before its turn came.
      if (this.evictedFor.has(desktop)) continue;
      const site = sites[next] as number;
      if (gainOf(p, desktop, site) < p.policy.minGainMs) {
        this.whyNot.set(
          desktop,
          `its gain at ${this.#name(site)}, ${figure(gainOf(p, desktop, site))}, is below the least gain ${figure(p.policy.minGainMs)}`,
        );
        continue;
      }
      if (this.#tryMove(desktop, site)) this.whyNot.delete(desktop);
      else offer(desktop, sites, next + 1);
    }
  }

  #name(site: number): string {
    return this.#p.sites[site]?.id ?? '';
  }

  #tryMove(i: number, site: number): boolean {
    const room = this.#room;
    const evictions: Eviction[] = [];
    let bin = room.binFor(i, site);
    if (bin < 0) bin = this.#reclaim(i, site, evictions);
    const gb = evictions.reduce(
      (sum, e) => sum + (this.#p.costGB[e.desktop] as number),
      this.#p.costGB[i] as number,
    );
    const affordable = gb <= this.#gbLeft + 1e-9 && evictions.length + 1 <= this.#movesLeft;
    if (bin < 0 || !affordable) {
      for (const e of evictions.reverse()) this.#undo(e);
      const before = this.whyNot.get(i);
      this.whyNot.set(
        i,
        before ??
          (bin < 0
            ? `${this.#name(site)} has no room for it and nobody there can be evicted`
            : `its move to ${this.#name(site)} (${figure(gb)} GB, ${evictions.length + 1} moves) is beyond what is left of the budget`),
      );
      return false;
    }
    this.#gbLeft -= gb;
    this.#movesLeft -= evictions.length + 1;
    room.leave(i, room.binOf(i), this.assignment[i] as number);
    room.put(i, bin);
    this.assignment[i] = site;
    for (const e of evictions) this.evictedFor.set(e.desktop, i);
    return true;
  }

  /** Evict from `site`, lowest rank first, until `i` fits; gives its bin, or -1 (what was evicted is in `evictions`). */
  #reclaim(i: number, site: number, evictions: Eviction[]): number {
    for (const u of this.#reclaimable[site] ?? []) {
      if (!this.#globals.some((g) => this.#room.freeSlots(g) > 0)) return -1;
      if (u === i || this.assignment[u] !== site || this.#p.current[u] !== site) continue;
      const eviction = this.#evict(u, site);
      if (eviction === undefined) continue;
      evictions.push(eviction);
      const bin = this.#room.binFor(i, site);
      if (bin >= 0) return bin;
    }
    return -1;
  }

  #evict(u: number, from: number): Eviction | undefined {
    let to = -1;
    for (const g of this.#globals)
      if (
        mayGo(this.#p, u, g) &&
        this.#room.binFor(u, g) >= 0 &&
        (to < 0 || rttOf(this.#p, u, g) < rttOf(this.#p, u, to))
      )
        to = g;
    if (to < 0) return undefined;
    const fromBin = this.#room.binOf(u);
    this.#room.leave(u, fromBin, from);
    this.#room.put(u, this.#room.binFor(u, to));
    this.assignment[u] = to;
    return { desktop: u, from, to, fromBin };
  }

  #undo(e: Eviction): void {
    this.#room.leave(e.desktop, this.#room.binOf(e.desktop), e.to);
    this.#room.put(e.desktop, e.fromBin);
    this.assignment[e.desktop] = e.from;
  }
}

/** Run one of the paper's heuristics; `room` (the room as it is now) is used up. */
export function solveGreedy(p: Problem, room: Room, order: GreedyOrder): GreedySolution {
  const greedy = new Greedy(p, room, order);
  greedy.run();
  return greedy;
}
