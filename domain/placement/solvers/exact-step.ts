// One step of an exact session: what differs between the problem that a flow holds and the next one, the flow brought from one to
// the other, and the answer with its proof. A desktop keeps its seat (its row of the flow) while desktops come, go and change
// their order; pinned desktops have a seat but are not in the flow, as in a full solve.
import {
  hasWeights,
  solutionOf,
  TIE_SHARE,
  tieShare,
  weightRow,
  weightsOf,
  type MovePrices,
  type SlotSolution,
} from './exact.js';
import type { Problem } from '../request/problem.js';
import { SiteFlow } from './site-flow.js';

/** Seats for desktops that come later, as a share of those that are there. */
const SPARE_SEATS = 0.05;
/** So much of the largest weight for each desktop is rounding. */
const ROUNDING = 1e-12;
/** The tie shares stay as they were while the largest gain and size are within this factor. */
const TIE_FACTOR = 2;

/** What is remembered of the last problem. */
export interface Kept {
  readonly siteIds: readonly string[];
  readonly prices: MovePrices;
  readonly tie: number;
  readonly largestGB: number;
  /** seat x site; the flow's own. */
  readonly weights: Float64Array;
  /** Largest gain and largest loss among the weights of each seat. */
  readonly extremes: Float64Array;
  readonly seats: Map<string, number>;
  readonly freeSeats: number[];
  readonly openSlots: Int32Array;
  readonly flow: SiteFlow;
}

/** What differs from the last problem. */
export interface Difference {
  /** Seat of each desktop. */
  readonly seatOf: Int32Array;
  /** Desktops whose rows are others or that get pinned or free, and these rows one after another. */
  readonly changed: readonly number[];
  readonly rows: Float64Array;
  readonly came: readonly number[];
  readonly gone: readonly string[];
  /** Chains of moves that it will take, as far as can be told beforehand. */
  readonly paths: number;
  readonly largestWeight: number;
}

/** Solve in full and remember it. */
export function solveAndKeep(p: Problem, prices: MovePrices): { kept: Kept; solution: SlotSolution } {
  const { desktopCount: n, siteCount: l } = p;
  const { weights: own, tie, largestGB } = weightsOf(p, prices);
  const seatCount = n + Math.ceil(n * SPARE_SEATS) + 1;
  const weights = new Float64Array(seatCount * l);
  weights.set(own);
  const capacity = Int32Array.from(p.openSlots);
  const flow = new SiteFlow({ siteCount: l, desktopCount: seatCount, weights, capacity, home: p.current });
  flow.insertAll(Int32Array.from(p.desktops.flatMap((_, i) => (p.pinned[i] === undefined ? [i] : []))));
  const extremes = new Float64Array(2 * seatCount);
  for (let seat = 0; seat < n; seat++) measure(weights, seat * l, l, extremes, seat);
  const kept: Kept = {
    siteIds: p.sites.map((s) => s.id),
    prices: { ...prices },
    tie,
    largestGB,
    weights,
    extremes,
    seats: new Map(p.desktops.map((d, i) => [d.id, i])),
    freeSeats: Array.from({ length: seatCount - n }, (_, k) => seatCount - 1 - k),
    openSlots: Int32Array.from(p.openSlots),
    flow,
  };
  const { solution } = answer(kept, p, Int32Array.from(p.current.keys()));
  return { kept, solution };
}

/** Write the largest gain and the largest loss of the row of weights that begins at `start`. */
function measure(
  weights: Float64Array,
  start: number,
  l: number,
  extremes: Float64Array,
  seat: number,
): void {
  let gain = 0;
  let loss = 0;
  for (let k = start; k < start + l; k++) {
    const w = weights[k] as number;
    if (w > gain) gain = w;
    if (-w > loss && w !== -Infinity) loss = -w;
  }
  extremes[2 * seat] = gain;
  extremes[2 * seat + 1] = loss;
}

const within = (x: number, reference: number) => x <= reference * TIE_FACTOR && x >= reference / TIE_FACTOR;

/** Find what differs, row by row; undefined where no step leads there: other sites or prices, other magnitudes, no seat left. */
export function differenceOf(kept: Kept, p: Problem, prices: MovePrices): Difference | undefined {
  const { weights, extremes, flow, tie, largestGB, siteIds } = kept;
  if (prices.msPerGB !== kept.prices.msPerGB || prices.msPerMove !== kept.prices.msPerMove) return undefined;
  if (p.siteCount !== siteIds.length || p.sites.some((s, j) => s.id !== siteIds[j])) return undefined;
  const l = p.siteCount;
  const row = new Float64Array(l);
  const seatOf = new Int32Array(p.desktopCount);
  const changed: number[] = [];
  const came: number[] = [];
  let rows = new Float64Array(64 * l);
  const ofRow = new Float64Array(2);
  let paths = 0;
  let largest = 1;
  let largestLoss = 1;
  let gb = 1;
  for (let i = 0; i < p.desktopCount; i++) {
    let seat = kept.seats.get(p.desktops[i]?.id ?? '');
    if (seat === undefined) {
      seat = kept.freeSeats[kept.freeSeats.length - 1 - came.length];
      if (seat === undefined) return undefined;
      came.push(i);
    }
    seatOf[i] = seat;
    gb = Math.max(gb, p.costGB[i] as number);
    const share = tieShare(p, i, tie, largestGB);
    const movable = p.pinned[i] === undefined;
    const inserted = (flow.assignment[seat] as number) >= 0;
    if (movable === inserted && (!movable || hasWeights(p, prices, i, share, weights, seat * l))) {
      largest = Math.max(largest, extremes[2 * seat] as number);
      largestLoss = Math.max(largestLoss, extremes[2 * seat + 1] as number);
      continue;
    }
    weightRow(p, prices, i, row);
    const own = p.current[i];
    for (let j = 0; j < l; j++) if (j !== own) row[j] = (row[j] as number) - share;
    measure(row, 0, l, ofRow, 0);
    largest = Math.max(largest, ofRow[0] as number);
    largestLoss = Math.max(largestLoss, ofRow[1] as number);
    if (rows.length < (changed.length + 1) * l) {
      const larger = new Float64Array(rows.length * 2);
      larger.set(rows);
      rows = larger;
    }
    rows.set(row, changed.length * l);
    changed.push(i);
    if (movable !== inserted) paths++;
    else if (movable && !flow.holds(seat, row)) paths += 2;
  }
  if (!within(largest * TIE_SHARE, tie) || !within(gb, largestGB)) return undefined;
  const gone = goneOf(kept, p, came.length);
  paths += gone.length;
  for (let j = 0; j < l; j++) {
    const more = (p.openSlots[j] as number) - (kept.openSlots[j] as number);
    // A site with slots to spare gives and takes them for nothing.
    if (flow.freeAt(j) === 0 || -more > flow.freeAt(j)) paths += Math.abs(more);
  }
  return {
    seatOf,
    changed,
    rows,
    came,
    gone,
    paths,
    largestWeight: Math.max(largest, largestLoss),
  };
}

function goneOf(kept: Kept, p: Problem, cameCount: number): string[] {
  if (kept.seats.size === p.desktopCount - cameCount) return [];
  const here = new Set(p.desktops.map((d) => d.id));
  return [...kept.seats.keys()].filter((id) => !here.has(id));
}

/** Bring the flow from the last problem to this one; false where it could not be done. */
export function apply(kept: Kept, p: Problem, { seatOf, changed, rows, came, gone }: Difference): boolean {
  const { flow, seats, freeSeats, openSlots, weights, extremes } = kept;
  const l = p.siteCount;
  for (const i of came) {
    freeSeats.pop();
    seats.set(p.desktops[i]?.id ?? '', seatOf[i] as number);
  }
  for (const id of gone) {
    const seat = seats.get(id) as number;
    flow.vacate(seat);
    seats.delete(id);
    freeSeats.push(seat);
  }
  // Whoever has to leave its site leaves before anybody comes: in between, all are within the room of both problems.
  const waiting: number[] = [];
  changed.forEach((i, x) => {
    const seat = seatOf[i] as number;
    const row = rows.subarray(x * l, (x + 1) * l);
    const movable = p.pinned[i] === undefined;
    const home = p.current[i] as number;
    if (movable && flow.holds(seat, row)) flow.keep(seat, row, home);
    else {
      flow.vacate(seat);
      flow.setRow(seat, row, home);
      if (movable) waiting.push(seat);
    }
    measure(weights, seat * l, l, extremes, seat);
  });
  const more = openSlots.map((slots, j) => (p.openSlots[j] as number) - slots);
  openSlots.set(p.openSlots);
  more.forEach((by, j) => flow.addSlots(j, Math.max(0, by)));
  for (let j = 0; j < l; j++) for (let k = more[j] as number; k < 0; k++) if (!flow.takeSlot(j)) return false;
  if (!waiting.every((seat) => flow.insert(seat))) return false;
  flow.settle();
  return true;
}

/**
 * The answer that the flow holds, and how far it is from its proof, ms: the difference between its dual bound and its worth, Infinity
 * where somebody is nowhere, where it may not be, or beyond a site's slots. Computed apart from the search.
 */
export function answer(kept: Kept, p: Problem, seatOf: Int32Array): { solution: SlotSolution; gap: number } {
  const { flow, weights, tie, prices } = kept;
  const l = p.siteCount;
  const slotPrices = flow.prices();
  const left = Int32Array.from(p.openSlots);
  const assignment = Int32Array.from(p.current);
  let bound = 0;
  let worth = 0;
  for (let j = 0; j < l; j++) bound += (slotPrices[j] as number) * (p.openSlots[j] as number);
  for (let i = 0; i < p.desktopCount; i++) {
    if (p.pinned[i] !== undefined) continue;
    const seat = seatOf[i] as number;
    const site = flow.assignment[seat] as number;
    worth += site < 0 ? -Infinity : (weights[seat * l + site] as number);
    if (site >= 0) {
      assignment[i] = site;
      left[site] = (left[site] as number) - 1;
    }
    let best = -Infinity;
    for (let j = 0; j < l; j++) {
      const w = (weights[seat * l + j] as number) - (slotPrices[j] as number);
      if (w > best) best = w;
    }
    bound += best;
  }
  const wrong = left.some((slots) => slots < 0) || slotPrices.some((price) => price < 0);
  const gap = wrong ? Infinity : Math.abs(bound - worth);
  return { solution: solutionOf(p, prices, assignment, slotPrices, bound, tie), gap };
}

/** Tell whether a gap is no more than rounding. */
export function isProof(gap: number, p: Problem, { largestWeight }: Difference): boolean {
  return gap <= ROUNDING * largestWeight * (p.desktopCount + 1);
}
