// The placement host by host as a program in zeros and ones: what `multi-resource` asks a MIP on small clouds, where the LP over whole
// sites is far from what single hosts can hold. Columns: a desktop stays where it is, or goes to a host of another site. Rows: one
// place for each desktop; slots of sites; slots, vCPU, memory and disk of hosts; groups that are kept apart; budgets.
// The order of the moves is not part of it, so its bound holds for every plan and its answer may still not be turned.
import { boundOnGain, usageOf } from './budget.js';
import { weightsOf, type MovePrices } from './exact.js';
import { type LinearProgram, ProgramBuilder, type LinearSolver, type SolveLimits } from './linear-program.js';
import { mayGo, objectiveOf, type Problem } from '../request/problem.js';
import { ROOM_KINDS } from '../schedule/bins.js';
import { Room } from '../schedule/free-room.js';

export interface HostSolution {
  readonly assignment: Int32Array;
  /** Bin of each desktop. */
  readonly bins: Int32Array;
  /** Upper bound on the objective of any plan within the policy's budget (or as large as this one), ms. */
  readonly boundFor: (assignment: Int32Array) => number;
}

interface HostProgram {
  readonly program: LinearProgram;
  readonly desktops: readonly number[];
  readonly sites: readonly number[];
  readonly bins: readonly number[];
}

type Entry = readonly [row: number, value: number];

/** Rows of everything that is limited, made from the room now; the desktops that may move give theirs back first. */
class Limits {
  readonly #p: Problem;
  readonly #room: Room;
  readonly #b: ProgramBuilder;
  readonly #rows = new Map<string, number>();
  readonly #movable: ReadonlyMap<number, readonly number[]>;

  constructor(p: Problem, room: Room, b: ProgramBuilder, free: readonly number[]) {
    this.#p = p;
    this.#room = room;
    this.#b = b;
    const movable = new Map<number, number[]>();
    for (const i of free) movable.set(room.binOf(i), [...(movable.get(room.binOf(i)) ?? []), i]);
    this.#movable = movable;
  }

  #row(key: string, limit: () => number): number {
    let row = this.#rows.get(key);
    if (row === undefined) {
      const most = limit();
      row = most === Infinity ? -1 : this.#b.row(-Infinity, most);
      this.#rows.set(key, row);
    }
    return row;
  }

  /** What desktop `i` takes up in bin `bin` of `site` (-1: a host that is not known). */
  entries(i: number, site: number, bin: number): Entry[] {
    const p = this.#p;
    const found: Entry[] = [[this.#row(`site ${site}`, () => p.openSlots[site] as number), 1]];
    const sizeOf = (u: number, k: (typeof ROOM_KINDS)[number]) =>
      k === 'slots' ? 1 : (p.desktops[u]?.[k] ?? 0);
    if (bin >= 0)
      for (const k of ROOM_KINDS) {
        const limit = () => {
          const held = (this.#movable.get(bin) ?? []).reduce((sum, u) => sum + sizeOf(u, k), 0);
          // A host above its capacity keeps what it has.
          return Math.max(held, this.#room.leftIn(bin, k) + held);
        };
        found.push([this.#row(`bin ${bin} ${k}`, limit), sizeOf(i, k)]);
      }
    for (const g of p.keptApart[i] ?? []) {
      const place = g.per === 'site' ? (p.sites[site]?.id ?? '') : String(bin);
      const limit = () => {
        const members = this.#room.membersOf(g, site, bin);
        const pinned = members.filter((u) => p.pinned[u] !== undefined).length;
        return Math.max(1, members.length) - pinned;
      };
      found.push([this.#row(JSON.stringify([g.per, g.name, place]), limit), 1]);
    }
    return found;
  }
}

/** Columns of the program, as far as they can be told without making it. */
export function countColumns(p: Problem): number {
  const hosts = p.sites.map((s) => Math.max(1, s.hosts?.length ?? 0));
  let count = 0;
  for (let i = 0; i < p.desktopCount; i++)
    if (p.pinned[i] === undefined)
      for (let j = 0; j < p.siteCount; j++) if (mayGo(p, i, j)) count += hosts[j] as number;
  return count;
}

function hostProgram(p: Problem, weights: Float64Array): HostProgram {
  const b = new ProgramBuilder();
  const room = Room.now(p);
  const free = p.desktops.flatMap((_, i) => (p.pinned[i] === undefined ? [i] : []));
  const limits = new Limits(p, room, b, free);
  const { budgetGB, maxMoves } = p.policy;
  const gbRow = budgetGB === undefined ? -1 : b.row(-Infinity, budgetGB);
  const movesRow = maxMoves === undefined ? -1 : b.row(-Infinity, maxMoves);
  const [desktops, sites, bins]: [number[], number[], number[]] = [[], [], []];
  for (const i of free) {
    const own = b.row(1, 1);
    const column = (site: number, bin: number) => {
      const moves = site === p.current[i] ? 0 : 1;
      b.column(weights[i * p.siteCount + site] as number, [
        [own, 1],
        ...limits.entries(i, site, bin),
        [gbRow, moves * (p.costGB[i] as number)],
        [movesRow, moves],
      ]);
      desktops.push(i);
      sites.push(site);
      bins.push(bin);
    };
    column(p.current[i] as number, room.binOf(i));
    for (let j = 0; j < p.siteCount; j++)
      if (j !== p.current[i] && mayGo(p, i, j))
        for (const bin of room.binsOf(j)) if (room.couldHold(i, bin)) column(j, bin);
  }
  return { program: b.build(true), desktops, sites, bins };
}

/** Solve the program; undefined where the solver found nothing within its limits. */
export async function solveOnHosts(
  p: Problem,
  prices: MovePrices,
  solver: LinearSolver,
  limits: SolveLimits,
): Promise<HostSolution | undefined> {
  const { weights, tie } = weightsOf(p, prices);
  const { program, desktops, sites, bins } = hostProgram(p, weights);
  const answer = await solver(program, limits);
  if (answer.status === 'failed' || answer.values.length === 0) return undefined;
  const assignment = Int32Array.from(p.current);
  const binOf = new Int32Array(p.desktopCount).fill(-1);
  answer.values.forEach((share, c) => {
    if (share < 0.5) return;
    assignment[desktops[c] as number] = sites[c] as number;
    binOf[desktops[c] as number] = bins[c] as number;
  });
  const boundFor = (plan: Int32Array) =>
    Math.max(objectiveOf(p, plan), boundOnGain(p, plan, prices, answer.bound + tie * usageOf(p, plan).moves));
  return { assignment, bins: binOf, boundFor };
}
