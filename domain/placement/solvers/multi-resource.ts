// `multi-resource`: slots and, host by host, vCPU, memory and disk. The LP over whole sites gives the bound and, but for a few
// desktops (at most one a capacity row), a whole solution; those few are placed by hand, then shifts and swaps finish the work.
// Above LP_COLUMNS the LP is too slow: the slot optimum takes its place, as start and as (weaker) bound.
import { assignmentProgram, forEachShare } from './assignment-program.js';
import { boundOnGain, usageOf } from './budget.js';
import { solveExact, weightsOf, type MovePrices } from './exact.js';
import type { LinearSolver } from './linear-program.js';
import { improve, MAX_EVALUATIONS } from './local-search.js';
import { objectiveOf, type Problem } from '../request/problem.js';
import { Room } from '../schedule/free-room.js';

export interface ResourceSolution {
  readonly assignment: Int32Array;
  readonly slotPrices: Float64Array;
  readonly objective: number;
  readonly bound: number;
  /** Where the bound comes from. */
  readonly boundFrom: 'lp' | 'slots';
}

/** Columns up to which the LP is solved: 80,000 (2,000 x 40) take HiGHS about a second. */
const LP_COLUMNS = 120_000;
const LP_TIME_LIMIT_MS = 30_000;
/** A share of an LP's solution above this is a whole one. */
const WHOLE = 0.999;

interface Start {
  /** Site wanted for each desktop; -1 where the relaxation splits it. */
  readonly wanted: Int32Array;
  readonly slotPrices: Float64Array;
  readonly valueBound: number;
  readonly boundFrom: 'lp' | 'slots';
}

async function relax(
  p: Problem,
  weights: Float64Array,
  prices: MovePrices,
  solver: LinearSolver,
): Promise<Start> {
  if (p.desktopCount * p.siteCount <= LP_COLUMNS) {
    const a = assignmentProgram(p, weights, { integer: false, room: Room.now(p) });
    const answer = await solver(a.program, { timeLimitMs: LP_TIME_LIMIT_MS });
    if (answer.status === 'optimal') {
      const wanted = Int32Array.from(p.current, (site, i) => (p.pinned[i] === undefined ? -1 : site));
      forEachShare(a, answer.values, WHOLE, (i, j) => (wanted[i] = j));
      const slotPrices = Float64Array.from(a.slotRows, (row) => Math.max(0, answer.rowPrices[row] ?? 0));
      for (const r of a.resourceRows)
        slotPrices[r.site] = (slotPrices[r.site] ?? 0) + Math.max(0, answer.rowPrices[r.row] ?? 0) * r.mean;
      return { wanted, slotPrices, valueBound: answer.bound, boundFrom: 'lp' };
    }
  }
  const slots = solveExact(p, prices);
  return {
    wanted: slots.assignment,
    slotPrices: slots.slotPrices,
    valueBound: slots.valueBound,
    boundFrom: 'slots',
  };
}

class Rounding {
  readonly #p: Problem;
  readonly #w: Float64Array;
  readonly room: Room;
  readonly assignment: Int32Array;

  constructor(p: Problem, weights: Float64Array, room: Room) {
    this.#p = p;
    this.#w = weights;
    this.room = room;
    this.assignment = Int32Array.from(p.current);
  }

  /** Place everyone as wanted; false when somebody finds no room at all. */
  run(wanted: Int32Array): boolean {
    const p = this.#p;
    const movers = Array.from(wanted, (_, i) => i).filter((i) => wanted[i] !== p.current[i]);
    for (const i of movers) {
      this.room.leave(i, this.room.binOf(i), p.current[i] as number);
      this.assignment[i] = -1;
    }
    const size = (i: number) => (p.desktops[i]?.memoryGB ?? 0) + (p.desktops[i]?.vcpu ?? 0);
    movers.sort((a, b) => size(b) - size(a) || a - b);
    const left = movers.filter((i) => (wanted[i] as number) < 0 || !this.#place(i, wanted[i] as number));
    return left.every((i) => this.#sitesByWeight(i).some((j) => this.#place(i, j)) || this.#displace(i));
  }

  #sitesByWeight(i: number): number[] {
    const l = this.#p.siteCount;
    const weight = (j: number) => this.#w[i * l + j] as number;
    return Array.from({ length: l }, (_, j) => j)
      .filter((j) => weight(j) > -Infinity)
      .sort((a, b) => weight(b) - weight(a) || a - b);
  }

  #place(i: number, site: number): boolean {
    const bin = this.room.binFor(i, site);
    if (bin < 0) return false;
    this.room.put(i, bin);
    this.assignment[i] = site;
    return true;
  }

  /** Make room for `i` by sending one other desktop on to a site that has room for it, at the least loss. */
  #displace(i: number): boolean {
    const { desktopCount: n, siteCount: l, pinned } = this.#p;
    let best: { u: number; to: number; loss: number } | undefined;
    for (let u = 0; u < n; u++) {
      const at = this.assignment[u] as number;
      if (at < 0 || u === i || pinned[u] !== undefined || this.#w[i * l + at] === -Infinity) continue;
      const to = this.#sitesByWeight(u).find((j) => j !== at && this.room.binFor(u, j) >= 0);
      if (to === undefined) continue;
      const loss =
        (this.#w[u * l + at] as number) - (this.#w[u * l + to] as number) - (this.#w[i * l + at] as number);
      if (best !== undefined && loss >= best.loss) continue;
      const bin = this.room.binOf(u);
      this.room.leave(u, bin, at);
      const fits = this.room.binFor(i, at) >= 0;
      this.room.put(u, bin);
      if (fits) best = { u, to, loss };
    }
    if (best === undefined) return false;
    const at = this.assignment[best.u] as number;
    const to = this.room.binFor(best.u, best.to);
    this.room.leave(best.u, this.room.binOf(best.u), at);
    this.room.put(best.u, to);
    this.assignment[best.u] = best.to;
    return this.#place(i, at);
  }
}

/** Solve with hosts' resources. Always answers with an assignment that fits, at worst the present one improved. */
export async function solveMultiResource(
  p: Problem,
  prices: MovePrices,
  solver: LinearSolver,
): Promise<ResourceSolution> {
  const { weights, tie } = weightsOf(p, prices);
  const start = await relax(p, weights, prices, solver);
  const rounding = new Rounding(p, weights, Room.now(p));
  const limits = { gb: p.policy.budgetGB ?? Infinity, moves: p.policy.maxMoves ?? Infinity };
  let { assignment, room } = rounding;
  let used = { gb: 0, moves: 0 };
  const placed = rounding.run(start.wanted);
  if (placed) used = usageOf(p, assignment);
  if (!placed || used.gb > limits.gb || used.moves > limits.moves) {
    assignment = Int32Array.from(p.current);
    room = Room.now(p);
    used = { gb: 0, moves: 0 };
  }
  const better = improve(p, weights, room, assignment, {
    gb: limits.gb - used.gb,
    moves: limits.moves - used.moves,
    evaluations: MAX_EVALUATIONS,
  });
  const objective = objectiveOf(p, better);
  const bound = boundOnGain(p, better, prices, start.valueBound + tie * usageOf(p, better).moves);
  return {
    assignment: better,
    slotPrices: start.slotPrices,
    objective,
    bound: Math.max(bound, objective),
    boundFrom: start.boundFrom,
  };
}
