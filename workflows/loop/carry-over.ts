// From one run of the loop to the next: what survives continue-as-new. What hosts and thin clients report again in the next cycle does not.
import { messageOf } from '../../domain/errors.js';
import type { CloudConfig } from '../../domain/model/cloud.js';
import { hostKey } from '../../domain/model/ids.js';
import { CARRIED_VERSION, readCarried, type Carried } from '../../temporal/contract/carried.js';
import { LoopState } from './loop-state.js';

/** Silent hosts whose last words are carried over: each has some 10 KiB, and a payload 2 MiB. */
const LAST_WORDS = 50;

/** An operator looks once a day. */
const NEWS_MS = 86_400_000;
const MAX_WHY_CHARS = 1_000;

/** What the next run of the loop has to know. */
export function carryOver(state: LoopState, nowMs: number): Carried {
  return {
    version: CARRIED_VERSION,
    cycle: state.cycle,
    policy: state.policy,
    lockedUntilMs: Object.fromEntries([...state.lockedUntilMs].filter(([, until]) => until > nowMs)),
    lowSinceMs: Object.fromEntries(state.lowSinceMs),
    moves: Object.fromEntries(state.moves),
    recent: [...state.recent],
    creating: Object.fromEntries(state.creating),
    gains: [...state.gains],
    unhelped: Object.fromEntries(state.unhelped),
    holds: Object.fromEntries(state.holds),
    draining: [...state.draining.values()],
    windows: [...state.windows.values()],
    spared: Object.fromEntries([...state.sparedUntilMs].filter(([, until]) => until > nowMs)),
    pausedSinceMs: state.pausedSinceMs,
    constraints: Object.fromEntries(state.constraints),
    users: Object.fromEntries([...state.users].filter(([, user]) => user.by === 'hosts')),
    asked: state.asked,
    lastWords: [...state.reports.values()]
      .flatMap((report) => {
        const problem = state.problems.get(hostKey(report.host));
        if (problem === undefined) return [];
        const { host, atMs, startedAtMs, capacity, used, desktops } = report;
        const since = startedAtMs === undefined ? {} : { startedAtMs };
        return [{ report: { host, atMs, ...since, capacity, used, desktops: [...desktops] }, problem }];
      })
      .slice(0, LAST_WORDS),
    beganAfresh: newsOfBeginning(state, nowMs),
  };
}

/**
 * The state that a run begins with: what the run before handed over; where that cannot be read, a new one that knows why, and pauses: the
 * operator may have said that nothing is to move, or who may not.
 */
export function beginRun(cloud: CloudConfig, carried: unknown, nowMs: number): LoopState {
  if (carried === undefined) return new LoopState(cloud, undefined);
  try {
    return new LoopState(cloud, readCarried(carried));
  } catch (error) {
    const state = new LoopState(cloud, undefined);
    state.pausedSinceMs = nowMs;
    state.beganAfresh = { atMs: nowMs, why: messageOf(error).slice(0, MAX_WHY_CHARS) };
    return state;
  }
}

/** Why this or an earlier run began afresh, while an operator may not have seen it. */
export function newsOfBeginning(state: LoopState, nowMs: number): Carried['beganAfresh'] {
  return state.beganAfresh !== null && nowMs - state.beganAfresh.atMs < NEWS_MS ? state.beganAfresh : null;
}
