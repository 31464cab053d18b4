// The order of execution: waves of moves that may run together. Invariant: a move takes its room at the target before it starts
// and gives back the source's when its wave is over, so no site or host is over capacity at any moment, moves under way counted
// on both sides. Free slots wander against the moves: the next move goes into a slot from within the same circle of sites while
// there is one (Fleury's rule: do not burn the bridge), so only a circle without any free slot needs a parking move.
import { leavesFirst, mayGo, rttOf, worthOf, type Problem } from '../request/problem.js';
import type { Room } from './free-room.js';
import { strongComponents } from './strong-components.js';

export interface Step {
  readonly desktop: number;
  readonly from: number;
  readonly to: number;
  readonly fromBin: number;
  readonly toBin: number;
  /** 1 for the first. */
  readonly wave: number;
  readonly parking: boolean;
}

export type DropReason = 'no-host-fits' | 'no-slot-to-turn' | 'parking-not-worth' | 'blocked';

export interface Schedule {
  readonly steps: readonly Step[];
  /** Moves that cannot be carried out: these desktops stay. */
  readonly dropped: ReadonlyMap<number, DropReason>;
}

/** Desktops that a schedule sends to a stop on the way and no further. */
export function strandedBy({ steps }: Schedule): number[] {
  const parked = new Map(steps.map((s) => [s.desktop, s.parking]));
  return [...parked].flatMap(([i, parking]) => (parking ? [i] : []));
}

export interface ParkingTerms {
  /** What a gigabyte more on the WAN costs in ms; parking must leave its circle a gain. */
  readonly msPerGB: number;
  /** Gigabytes and moves that parking may add. */
  readonly gbLeft: number;
  readonly movesLeft: number;
  /** Desktops that must not be parked. */
  readonly neverParked?: ReadonlySet<number>;
}

class Scheduler {
  readonly #p: Problem;
  readonly #room: Room;
  readonly #target: Int32Array;
  readonly #at: Int32Array;
  readonly #order: readonly number[];
  #pending: number[];
  #gbLeft: number;
  #movesLeft: number;
  readonly #msPerGB: number;
  /** Parked once, or not to be parked. */
  readonly #parked: Set<number>;
  readonly steps: Step[] = [];
  readonly dropped = new Map<number, DropReason>();

  constructor(p: Problem, room: Room, target: Int32Array, terms: ParkingTerms) {
    this.#p = p;
    this.#room = room;
    this.#target = target;
    this.#at = Int32Array.from(p.current);
    this.#gbLeft = terms.gbLeft;
    this.#movesLeft = terms.movesLeft;
    this.#msPerGB = terms.msPerGB;
    this.#parked = new Set(terms.neverParked);
    const gain = Float64Array.from(target, (j, i) => worthOf(p, i, j));
    this.#order = Array.from(target, (_, i) => i)
      .filter((i) => target[i] !== p.current[i])
      .sort((a, b) => leavesFirst(p, a, b) || (gain[b] as number) - (gain[a] as number) || a - b);
    this.#pending = [...this.#order];
  }

  run(): void {
    for (let wave = 1; this.#pending.length > 0; wave++) {
      const circles = this.#circles();
      const inCircle = (i: number) => circles[this.#at[i] as number] === circles[this.#target[i] as number];
      const started = [
        ...this.#start(this.#pending.filter(inCircle), wave),
        ...this.#start(
          this.#pending.filter((i) => !inCircle(i)),
          wave,
        ),
      ];
      if (started.length === 0) {
        const parked = this.#park(circles, wave);
        if (parked.length === 0) this.#dropAll(circles);
        started.push(...parked);
      }
      for (const step of started) {
        this.#room.leave(step.desktop, step.fromBin, step.from);
        this.#at[step.desktop] = step.to;
        this.steps.push(step);
      }
      this.#pending = this.#pending.filter((i) => this.#at[i] !== this.#target[i] && !this.dropped.has(i));
    }
  }

  /** Circles of sites: components of the graph in which a free slot wanders from a move's target to its source. */
  #circles(): Int32Array {
    const next = this.#p.sites.map(() => new Set<number>());
    for (const i of this.#pending) next[this.#target[i] as number]?.add(this.#at[i] as number);
    const lists = next.map((s) => [...s]);
    return strongComponents(this.#p.siteCount, (j) => lists[j] ?? []);
  }

  #begin(i: number, to: number, bin: number, wave: number, parking: boolean): Step {
    const fromBin = this.#room.binOf(i);
    this.#room.put(i, bin);
    return { desktop: i, from: this.#at[i] as number, to, fromBin, toBin: bin, wave, parking };
  }

  #start(candidates: readonly number[], wave: number): Step[] {
    const started: Step[] = [];
    for (const i of candidates) {
      const to = this.#target[i] as number;
      const bin = this.#room.binFor(i, to);
      if (bin >= 0) started.push(this.#begin(i, to, bin, wave, false));
    }
    return started;
  }

  /** Nothing can start: in each circle send the desktop that is cheapest to send twice to a free slot elsewhere. */
  #park(circles: Int32Array, wave: number): Step[] {
    const p = this.#p;
    const members = new Map<number, number[]>();
    for (const i of this.#pending) {
      const c = circles[this.#at[i] as number] as number;
      if (c !== circles[this.#target[i] as number]) continue;
      const circle = members.get(c);
      if (circle === undefined) members.set(c, [i]);
      else circle.push(i);
    }
    const parked: Step[] = [];
    for (const circle of members.values()) {
      // Parked once and still stuck: it is a host's room that lacks, more parking would go on for ever.
      const cheapest = circle
        .filter((i) => !this.#parked.has(i))
        .sort((a, b) => (p.costGB[a] as number) - (p.costGB[b] as number) || a - b);
      const i = cheapest.find((u) => this.#parkingSite(u) >= 0);
      if (i === undefined) continue;
      const gb = p.costGB[i] as number;
      const gain = circle.reduce(
        (sum, u) => sum + worthOf(p, u, this.#target[u] as number) - this.#toll(u),
        0,
      );
      const tooDear = gb > this.#gbLeft + 1e-9 || this.#movesLeft < 1;
      if (tooDear || gain <= this.#msPerGB * gb) {
        for (const u of circle) this.dropped.set(u, 'parking-not-worth');
        continue;
      }
      this.#gbLeft -= gb;
      this.#movesLeft -= 1;
      this.#parked.add(i);
      const to = this.#parkingSite(i);
      parked.push(this.#begin(i, to, this.#room.binFor(i, to), wave, true));
    }
    return parked;
  }

  #toll(i: number): number {
    return this.#msPerGB * (this.#p.costGB[i] as number);
  }

  /** The nearest site with room for desktop `i` to wait at; -1 where there is none. */
  #parkingSite(i: number): number {
    const p = this.#p;
    let best = -1;
    for (let j = 0; j < p.siteCount; j++)
      if (
        j !== this.#at[i] &&
        mayGo(p, i, j) &&
        this.#room.binFor(i, j) >= 0 &&
        (best < 0 || rttOf(p, i, j) < rttOf(p, i, best))
      )
        best = j;
    return best;
  }

  /** Nothing can start and nothing can be parked: the state will never change again. */
  #dropAll(circles: Int32Array): void {
    for (const i of this.#pending) {
      if (this.dropped.has(i)) continue;
      const to = this.#target[i] as number;
      const reason =
        this.#room.freeSlots(to) > 0
          ? 'no-host-fits'
          : circles[this.#at[i] as number] === circles[to]
            ? 'no-slot-to-turn'
            : 'blocked';
      this.dropped.set(i, reason);
    }
  }
}

/** Order the moves from the sites now to `target`; `room` (the room as it is now) is used up. */
export function scheduleMoves(p: Problem, room: Room, target: Int32Array, terms: ParkingTerms): Schedule {
  const scheduler = new Scheduler(p, room, target, terms);
  scheduler.run();
  return scheduler;
}
