// Improves an assignment by shifts (one desktop to a site with room) and swaps (two desktops change places), within the room of
// hosts and the budgets. Deterministic: its limits count evaluations, not time.
import type { Problem } from '../request/problem.js';
import type { Room } from '../schedule/free-room.js';

export interface SearchLimits {
  readonly gb: number;
  readonly moves: number;
  /** Pairs looked at before it stops where it is. */
  readonly evaluations: number;
}

/** About two seconds of work at most on one core. */
export const MAX_EVALUATIONS = 150_000_000;
/** Gains below this are rounding errors. */
const EPSILON = 1e-7;

/** Bring a room from now to `assignment`; false when something does not fit (the room is then of no use any more). */
export function furnish(p: Problem, room: Room, assignment: Int32Array): boolean {
  const movers: number[] = [];
  for (let i = 0; i < p.desktopCount; i++)
    if (assignment[i] !== p.current[i]) {
      movers.push(i);
      room.leave(i, room.binOf(i), p.current[i] as number);
    }
  movers.sort((a, b) => (p.desktops[b]?.memoryGB ?? 0) - (p.desktops[a]?.memoryGB ?? 0) || a - b);
  for (const i of movers) {
    const bin = room.binFor(i, assignment[i] as number);
    if (bin < 0) return false;
    room.put(i, bin);
  }
  return true;
}

class LocalSearch {
  readonly #p: Problem;
  readonly #w: Float64Array;
  readonly #room: Room;
  readonly assignment: Int32Array;
  #gbLeft: number;
  #movesLeft: number;
  #evaluations: number;

  constructor(p: Problem, weights: Float64Array, room: Room, assignment: Int32Array, limits: SearchLimits) {
    this.#p = p;
    this.#w = weights;
    this.#room = room;
    this.assignment = assignment;
    this.#gbLeft = limits.gb;
    this.#movesLeft = limits.moves;
    this.#evaluations = limits.evaluations;
  }

  run(): void {
    for (let better = true; better && this.#evaluations > 0;) {
      better = this.#shifts();
      better = this.#swaps() || better;
    }
  }

  #weight(i: number, j: number): number {
    return this.#w[i * this.#p.siteCount + j] as number;
  }

  /** 1 when going from `a` to `b` makes a stayer a mover, -1 the other way round. */
  #newMove(i: number, a: number, b: number): number {
    const own = this.#p.current[i] as number;
    return Number(b !== own) - Number(a !== own);
  }

  #pay(i: number, moves: number): void {
    this.#movesLeft -= moves;
    this.#gbLeft -= moves * (this.#p.costGB[i] as number);
  }

  #shifts(): boolean {
    const { siteCount: l, desktopCount: n, pinned } = this.#p;
    let better = false;
    for (let i = 0; i < n; i++) {
      if (pinned[i] !== undefined) continue;
      const a = this.assignment[i] as number;
      let best = a;
      let most = this.#weight(i, a) + EPSILON;
      for (let j = 0; j < l; j++) {
        if (this.#weight(i, j) <= most || j === a || this.#room.binFor(i, j) < 0) continue;
        const moves = this.#newMove(i, a, j);
        if (moves > this.#movesLeft || moves * (this.#p.costGB[i] as number) > this.#gbLeft + 1e-9) continue;
        best = j;
        most = this.#weight(i, j);
      }
      this.#evaluations -= l;
      if (best === a) continue;
      this.#pay(i, this.#newMove(i, a, best));
      this.#room.leave(i, this.#room.binOf(i), a);
      this.#room.put(i, this.#room.binFor(i, best));
      this.assignment[i] = best;
      better = true;
    }
    return better;
  }

  #swaps(): boolean {
    const { siteCount: l, desktopCount: n, pinned } = this.#p;
    const members: number[][] = Array.from({ length: l }, () => []);
    for (let i = 0; i < n; i++) if (pinned[i] === undefined) members[this.assignment[i] as number]?.push(i);
    let better = false;
    for (let i = 0; i < n && this.#evaluations > 0; i++) {
      if (pinned[i] !== undefined) continue;
      const a = this.assignment[i] as number;
      let best = -1;
      let most = EPSILON;
      for (let j = 0; j < l; j++) {
        const gain = this.#weight(i, j) - this.#weight(i, a);
        if (j === a || gain <= EPSILON) continue;
        const there = members[j] ?? [];
        this.#evaluations -= there.length;
        for (const u of there) {
          const both = gain + this.#weight(u, a) - this.#weight(u, j);
          if (both <= most || !this.#affordable(i, u, a, j) || !this.#room.canSwap(i, u)) continue;
          best = u;
          most = both;
        }
      }
      if (best < 0) continue;
      this.#exchange(i, best, members);
      better = true;
    }
    return better;
  }

  #affordable(i: number, u: number, a: number, j: number): boolean {
    const mi = this.#newMove(i, a, j);
    const mu = this.#newMove(u, j, a);
    const gb = mi * (this.#p.costGB[i] as number) + mu * (this.#p.costGB[u] as number);
    return mi + mu <= this.#movesLeft && gb <= this.#gbLeft + 1e-9;
  }

  #exchange(i: number, u: number, members: number[][]): void {
    const a = this.assignment[i] as number;
    const j = this.assignment[u] as number;
    this.#pay(i, this.#newMove(i, a, j));
    this.#pay(u, this.#newMove(u, j, a));
    this.#room.swap(i, a, u, j);
    this.assignment[i] = j;
    this.assignment[u] = a;
    const replace = (list: number[] | undefined, out: number, into: number) => {
      if (list !== undefined) list[list.indexOf(out)] = into;
    };
    replace(members[a], i, u);
    replace(members[j], u, i);
  }
}

/** Improve `assignment` until no shift or swap gains; `room` must be furnished with it and stays in step. */
export function improve(
  p: Problem,
  weights: Float64Array,
  room: Room,
  assignment: Int32Array,
  limits: SearchLimits,
): Int32Array {
  const search = new LocalSearch(p, weights, room, Int32Array.from(assignment), limits);
  search.run();
  return search.assignment;
}
