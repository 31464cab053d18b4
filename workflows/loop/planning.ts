// Second part of a cycle: place the users that are new, make the plan (the manager solves it: not in workflow code), say what each move brings.
import { condition } from '@temporalio/workflow';
import { predictedChange } from '../../domain/fingerprint/rank/move-gain.js';
import type { PlanMove, PlanResult } from '../../domain/placement/request/model.js';
import { packPlanRequest } from '../../domain/placement/request/packed-request.js';
import type { PlanAsk } from '../../temporal/contract/requests.js';
import { control } from '../control-proxy.js';
import { collect } from './collect.js';
import type { LoopState } from './loop-state.js';
import { planDoubts, planRequest } from './plan-request.js';

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

/** Solve the present placement problem; nothing is acted on. */
export async function planMoves(state: LoopState, ask: PlanAsk = {}): Promise<PlanResult> {
  const request = planRequest(state, Date.now(), ask);
  const result = await control.plan(packPlanRequest(request));
  return {
    ...result,
    moves: result.moves.map((m) => withPrediction(state, m)),
    warnings: [...planDoubts(state, request), ...result.warnings],
  };
}

/** Say in a move's reason what its user will see of it. */
function withPrediction(state: LoopState, move: PlanMove): PlanMove {
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
