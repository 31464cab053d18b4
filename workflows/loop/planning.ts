// Second part of a cycle: place the users that are new, make the plan (the manager solves it: not in workflow code), say what each move brings.
import { condition } from '@temporalio/workflow';
import { placeKey } from '../../domain/drain/place.js';
import { predictedChange } from '../../domain/fingerprint/rank/move-gain.js';
import type { HostRef } from '../../domain/model/ids.js';
import type { PlanMove, PlanResult } from '../../domain/placement/request/model.js';
import { packPlanRequest } from '../../domain/placement/request/packed-request.js';
import type { PlanAsk } from '../../temporal/contract/requests.js';
import { control } from '../control-proxy.js';
import { collect } from './collect.js';
import { drainOf } from './drain.js';
import { leftAlone } from './gains.js';
import { holdWords } from './holds.js';
import type { LoopState } from './loop-state.js';
import { plannableRtts } from './round-trips.js';
import { planDoubts, planRequest } from './plan-request.js';
import { whyStill } from './windows.js';

/** Ask where users are that are new; without a database nobody is placed, and all sites count. */
export async function locateUsers(state: LoopState): Promise<void> {
  if (state.cloud.geoDatabase === undefined) return;
  const addresses = [
    ...[...state.users.values()].map((u) => u.seenAs.split(':')[0] ?? ''),
    ...[...state.current.values()].flatMap((f) => (f.user === null ? [] : [f.user.address])),
  ];
  const unknown = [...new Set(addresses)].filter((a) => !state.places.has(a));
  if (unknown.length === 0) return;
  for (const [address, place] of Object.entries(await control.placeUsers(unknown)))
    state.places.set(address, place);
}

/** Solve the present placement problem, or that of those who must leave alone; nothing is acted on. */
export async function planMoves(
  state: LoopState,
  ask: PlanAsk = {},
  onlyLeaving = false,
): Promise<PlanResult> {
  const nowMs = Date.now();
  const request = planRequest(state, nowMs, ask, onlyLeaving);
  const result = await control.plan(packPlanRequest(request));
  const at = new Map(
    state.desktops().map(({ host, report }) => [String(report.definition.id), host] as const),
  );
  return {
    ...result,
    moves: result.moves.map((m) => inWords(state, m, at.get(m.desktop), nowMs)),
    notMoved: withHolds(state, result.notMoved, at, nowMs),
    warnings: [...planDoubts(state, request), ...result.warnings],
  };
}

/** Say of those who stay which better places are held back. */
function withHolds(
  state: LoopState,
  notMoved: PlanResult['notMoved'],
  at: ReadonlyMap<string, HostRef>,
  nowMs: number,
): PlanResult['notMoved'] {
  if (state.holds.size === 0 && state.unhelped.size === 0 && state.windows.size === 0) return notMoved;
  const words = holdWords(state, nowMs);
  return notMoved.map((stays) => {
    const host = at.get(stays.desktop);
    if (host === undefined) return stays;
    const still = whyStill(state, host);
    if (still !== null) return { ...stays, reason: still };
    const leaves = drainOf(state, host) !== undefined;
    const alone = leaves ? null : leftAlone(state, stays.desktop, host);
    if (alone !== null) return { ...stays, reason: alone };
    const rtts = state.users.get(stays.desktop)?.rtts ?? {};
    const isNearer = (site: string) => leaves || (rtts[site] ?? Infinity) < (rtts[host.site] ?? Infinity);
    const held = words(stays.desktop, host, isNearer);
    return held === '' ? stays : { ...stays, reason: `${stays.reason}; ${held}` };
  });
}

/** Say in a move's reason what its user will see of it, and of who leaves without known round trips only that. */
function inWords(state: LoopState, move: PlanMove, from: HostRef | undefined, nowMs: number): PlanMove {
  const place = from === undefined ? undefined : drainOf(state, from);
  if (from !== undefined && place !== undefined) {
    const { rttMs } = plannableRtts(state, move.desktop, from.site, nowMs);
    if (!(move.from in rttMs) || !(move.to in rttMs))
      return {
        ...move,
        reason: `${placeKey(place)} is to be emptied: ${move.to} has room for it (the round trips of its user are not known)`,
      };
  }
  const fingerprint = state.current.get(move.desktop);
  if (fingerprint === undefined) return move;
  const change = predictedChange(fingerprint, move.rttBeforeMs, move.rttAfterMs);
  return change === null ? move : { ...move, reason: `${move.reason}; ${change}` };
}

/** Plan on fresh reports without acting. */
export async function askPlan(state: LoopState, ask: PlanAsk): Promise<PlanResult> {
  // Ranks come with the first cycle of a run; without them there is nothing to gain anywhere.
  await condition(() => state.heard);
  await collect(state, false);
  return planMoves(state, ask);
}
