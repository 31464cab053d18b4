// From a request to a plan: check, solve, fit to hosts, order into waves, explain. Pure: time, clock and LP solver are given
// (drivers/solver/plan-with-highs.ts gives the real ones).
import { convertSize } from '../model/units.js';
import { usageOf } from './solvers/budget.js';
import { isPacked, unpackPlanRequest } from './request/packed-request.js';
import type { PackedPlanRequest } from './request/packed-shape.js';
import { CLOSED } from './request/constraints.js';
import { parsePlanInput } from './request/check-input.js';
import { reasonForStep, reasonToStay, type Explained } from './explain.js';
import { figuresOf } from './figures.js';
import { benefitOf } from './request/metrics.js';
import type { PlanMove, PlanRequest, PlanResult } from './request/model.js';
import {
  compileProblem,
  feltOf,
  gainBetween,
  mayGo,
  prizeOf,
  rttOf,
  type Problem,
} from './request/problem.js';
import { Room } from './schedule/free-room.js';
import { addUnits, mostOfUnits } from './schedule/affinity-moves.js';
import { addSecondChoices } from './schedule/second-choice.js';
import { scheduleMoves, strandedBy, type ParkingTerms, type Schedule, type Step } from './schedule/waves.js';
import { solve, type Decision, type SolveTools } from './solvers/solve.js';

/** Rounds of closing pairs that no host could take and solving again; after that the moves left over are dropped and said. */
const HOST_ROUNDS = 5;
/** Orders tried with parking; after that nobody is parked. */
const PARKING_ROUNDS = 8;

/** Close the pairs of desktop and site where no host of the site could hold the desktop even if it were empty. */
function closeTooSmallHosts(p: Problem, room: Room): Map<number, string[]> {
  const closed = new Map<number, string[]>();
  p.sites.forEach((site, j) => {
    if (site.hosts === undefined || site.hosts.length === 0) return;
    for (let i = 0; i < p.desktopCount; i++) {
      if (p.current[i] === j || !mayGo(p, i, j) || room.couldEverHold(i, j)) continue;
      p.closed[i * p.siteCount + j] = CLOSED.noHost;
      closed.set(i, [...(closed.get(i) ?? []), site.id]);
    }
  });
  return closed;
}

interface Solved {
  readonly decision: Decision;
  readonly schedule: Schedule;
  /** As the schedule leaves it. */
  readonly room: Room;
  /** Gain of what can be carried out less what its moves pay, ms. */
  readonly value: number;
}

/**
 * Order the moves to `target`. Where hosts have room for a desktop to wait but in the end none where it was to go, the order is made
 * again without parking that one.
 */
function orderMoves(
  p: Problem,
  target: Int32Array,
  bins: Int32Array | undefined,
  terms: ParkingTerms,
): { schedule: Schedule; room: Room } {
  const neverParked = new Set<number>();
  for (let round = 1; ; round++) {
    const room = Room.now(p);
    if (bins !== undefined) room.prefer(bins);
    const schedule = scheduleMoves(p, room, target, { ...terms, neverParked });
    const stranded = strandedBy(schedule);
    if (stranded.length === 0) return { schedule, room };
    const others = round < PARKING_ROUNDS ? stranded : p.desktops.keys();
    for (const i of others) neverParked.add(i);
  }
}

const gbOf = (p: Problem, steps: readonly Step[]): number =>
  steps.reduce((sum, s) => sum + (p.costGB[s.desktop] as number), 0);

const hasHosts = (p: Problem): boolean => p.sites.some((s) => s.hosts !== undefined && s.hosts.length > 0);

/**
 * Order a decision into waves. Where something could not be carried out, or hosts were filled otherwise than the solver thought, those
 * that stayed get what room is left.
 */
function carryOut(p: Problem, decision: Decision): Solved {
  const { msPerGB, minGainMs: msPerMove, budgetGB = Infinity, maxMoves = Infinity } = p.policy;
  const weighed = decision.everyDesktop ? { msPerGB, msPerMove } : { msPerGB: 0, msPerMove: 0 };
  const left = (gb: number, moves: number) => ({
    ...weighed,
    gbLeft: budgetGB - gb,
    movesLeft: maxMoves - moves,
  });
  let { assignment } = decision;
  const ordered = orderMoves(p, assignment, decision.bins, left(decision.usage.gb, decision.usage.moves));
  const { room } = ordered;
  let { schedule } = ordered;
  const { everyDesktop } = decision;
  const rest = () => ({
    ...left(gbOf(p, schedule.steps), schedule.steps.length),
    onlyLeaving: !everyDesktop,
  });
  if (schedule.dropped.size > 0 || hasHosts(p) || p.leavingPrize > 0)
    if (everyDesktop || p.leavingPrize > 0)
      ({ schedule, assignment } = addSecondChoices(p, room, schedule, assignment, rest()));
  if (p.affinityUnits.length > 0) schedule = addUnits(p, room, schedule, rest());
  const { steps } = schedule;
  const gain = steps.reduce(
    (sum, s) => sum + gainBetween(p, s.desktop, s.from, s.to) + prizeOf(p, s.desktop, s.from, s.to),
    0,
  );
  const value = gain - weighed.msPerGB * gbOf(p, steps) - weighed.msPerMove * steps.length;
  return { decision: { ...decision, assignment }, schedule, room, value };
}

interface Fitted extends Solved {
  /** Some host had no room for a desktop that had a slot at its site. */
  readonly hostsBind: boolean;
}

/** Solve and carry out; pairs of desktop and site that no order of moves brought to a host are closed and it is solved again. */
async function fitToHosts(p: Problem, tools: SolveTools): Promise<Fitted> {
  let best: Solved | undefined;
  let bound: number | undefined;
  let solveMs = 0;
  let hostsBind = false;
  for (let round = 1; ; round++) {
    const decision = await solve(p, tools, round === 1);
    // Closing pairs makes a smaller problem: only the first round's bound holds for all plans.
    bound ??= decision.bound;
    solveMs += decision.solveMs;
    const solved = withoutVainLosses(p, carryOut(p, { ...decision, bound }));
    if (best === undefined || solved.value > best.value) best = solved;
    if (decision.better !== undefined) {
      const { assignment } = decision.better;
      const better = { ...decision, ...decision.better, bound, usage: usageOf(p, assignment) };
      const other = withoutVainLosses(p, carryOut(p, better));
      if (other.value > best.value) best = other;
    }
    hostsBind ||= [...solved.schedule.dropped.values()].includes('no-host-fits');
    const wrong = [...solved.schedule.dropped]
      .filter(([, why]) => why !== 'parking-not-worth')
      .map(([i]) => i);
    if (wrong.length === 0 || !hasHosts(p) || !decision.everyDesktop || round === HOST_ROUNDS)
      return { ...best, decision: { ...best.decision, solveMs }, hostsBind };
    for (const i of wrong) p.closed[i * p.siteCount + (decision.assignment[i] as number)] = CLOSED.noHost;
  }
}

/** A desktop that was to make room for one whose move was dropped moves in vain: it stays where that is better for the whole. */
function withoutVainLosses(p: Problem, solved: Solved): Solved {
  if (!solved.decision.everyDesktop || solved.schedule.dropped.size === 0) return solved;
  const staying = (who: (i: number) => boolean): Solved => {
    const assignment = solved.decision.assignment.map((j, i) => (who(i) ? (p.current[i] as number) : j));
    const rest = carryOut(p, { ...solved.decision, assignment, usage: usageOf(p, assignment) });
    const moved = new Set(rest.schedule.steps.map((s) => s.desktop));
    const dropped = [...solved.schedule.dropped, ...rest.schedule.dropped].filter(([i]) => !moved.has(i));
    // Whoever does not move is still told what it could not have.
    const wanted = rest.decision.assignment.map((j, i) =>
      moved.has(i) ? j : (solved.decision.assignment[i] as number),
    );
    return {
      ...rest,
      decision: { ...rest.decision, assignment: wanted },
      schedule: { ...rest.schedule, dropped: new Map(dropped) },
    };
  };
  const vain = new Set(
    solved.schedule.steps
      .filter(
        (s) =>
          p.mustLeave[s.desktop] === undefined &&
          gainBetween(p, s.desktop, s.from, s.to) < 0 &&
          solved.room.binFor(s.desktop, s.from) >= 0,
      )
      .map((s) => s.desktop),
  );
  const without = vain.size === 0 ? solved : staying((i) => vain.has(i));
  const better = without.value > solved.value ? without : solved;
  return better.value >= 0 ? better : staying(() => true);
}

/** Price of a slot at a site, to the nanosecond: below that it is the tie-breaking of the solver. */
function priceAt(decision: Decision, site: number): number {
  return Number((decision.slotPrices[site] ?? 0).toFixed(6));
}

function movesOf(p: Problem, { decision, schedule }: Solved, explained: Explained, room: Room): PlanMove[] {
  return schedule.steps.map((step): PlanMove => {
    const i = step.desktop;
    const before = rttOf(p, i, step.from);
    const after = rttOf(p, i, step.to);
    const fromHost = room.hostId(step.fromBin);
    const toHost = room.hostId(step.toBin);
    return {
      desktop: p.desktops[i]?.id ?? '',
      from: p.sites[step.from]?.id ?? '',
      to: p.sites[step.to]?.id ?? '',
      ...(fromHost === undefined ? {} : { fromHost }),
      ...(toHost === undefined ? {} : { toHost }),
      wave: step.wave,
      ...(step.parking ? { parking: true } : {}),
      rttBeforeMs: before,
      rttAfterMs: after,
      benefit: benefitOf(feltOf(p, i, step.from), feltOf(p, i, step.to), p.policy),
      gainMs: gainBetween(p, i, step.from, step.to),
      cost: p.costGB[i] as number,
      slotPrice: priceAt(decision, step.to),
      reason: reasonForStep(p, step, decision.assignment[i] as number, explained),
    };
  });
}

export interface PlanOptions extends SolveTools {
  /** The time for locks and hysteresis where the request has none, milliseconds since 1970. */
  readonly nowMs: number;
  /** What error messages call the request, e.g. the file's name. */
  readonly what: string;
  /** True: RTTs to unknown sites and sites above their capacity are errors. False (a live cloud): they are warnings. */
  readonly strict: boolean;
}

/** Differences below this share are rounding, not a gap. */
const GAP_TOLERANCE = 1e-8;
/** A smaller gap of `exact` is not worth a hint at another algorithm. */
const WORTH_A_HINT = 0.01;

/** Decide which desktops move where, in which order and why; throws INPUT_INVALID with every problem of the request. */
export async function planPlacement(
  request: PlanRequest | PackedPlanRequest,
  options: PlanOptions,
): Promise<PlanResult> {
  const { strict, what } = options;
  const { input, warnings } = parsePlanInput(
    isPacked(request) ? unpackPlanRequest(request) : request,
    what,
    strict,
  );
  const p = compileProblem(input, input.nowMs ?? options.nowMs, strict);
  const room = Room.now(p);
  const tooLarge = closeTooSmallHosts(p, room);
  const solved = await fitToHosts(p, options);
  const { decision, schedule } = solved;
  const { budgetGB = Infinity, maxMoves = Infinity } = p.policy;
  const explained: Explained = {
    ...decision,
    dropped: schedule.dropped,
    roomThen: solved.room,
    gbLeft: budgetGB - gbOf(p, schedule.steps),
    movesLeft: maxMoves - schedule.steps.length,
  };
  const moves = movesOf(p, solved, explained, room);
  const moved = new Set(schedule.steps.map((s) => s.desktop));
  const notMoved = p.desktops.flatMap((d, i) => {
    if (moved.has(i)) return [];
    const sites = tooLarge.get(i);
    const large = sites === undefined ? '' : `; larger than any host of ${sites.join(', ')}`;
    return [
      { desktop: d.id, reason: reasonToStay(p, i, decision.assignment[i] as number, explained) + large },
    ];
  });
  const objective = moves.reduce((sum, m) => sum + m.gainMs, 0);
  const proven = Math.max(decision.bound + mostOfUnits(p), objective);
  const bound = proven - objective <= GAP_TOLERANCE * (1 + Math.abs(objective)) ? objective : proven;
  const gap = bound > 0 ? (bound - objective) / bound : 0;
  const hint =
    p.policy.algorithm === 'exact' && gap > WORTH_A_HINT && (tooLarge.size > 0 || solved.hostsBind)
      ? ["exact counts slots, but the hosts' room binds here too: --algorithm multi-resource plans with it"]
      : [];
  const nothing = p.desktops.length === 0 ? ['there are no desktops: nothing to plan'] : [];
  return {
    algorithm: p.policy.algorithm,
    objective,
    bound,
    gap,
    bytesMoved: Math.round(
      convertSize(
        moves.reduce((sum, m) => sum + m.cost, 0),
        'GB',
        'B',
      ),
    ),
    solveMs: decision.solveMs,
    moves,
    notMoved,
    figures: figuresOf(p, moves, input, strict),
    // Where nothing may move, one slot more is worth nothing.
    slotPrices: Object.fromEntries(
      p.sites.flatMap((s, j) =>
        s.emptiedPartOf === undefined
          ? [[s.id, maxMoves === 0 || budgetGB === 0 ? 0 : priceAt(decision, j)]]
          : [],
      ),
    ),
    warnings: [...nothing, ...warnings, ...room.warnings, ...decision.warnings, ...hint],
  };
}
