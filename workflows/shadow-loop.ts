// The shadow loop: one entity workflow a pool, for ever. A cycle: collect -> rank -> plan -> admit -> start moves -> sleep.
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  patched,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { Cause } from '../domain/migration/phases.js';
import type { PlanResult } from '../domain/placement/request/model.js';
import { failureInfo } from '../temporal/contract/failures.js';
import { LOOP, ShadowLoopInput } from '../temporal/contract/loop.js';
import { WORKFLOW } from '../temporal/contract/names.js';
import { applyMoves } from './loop/apply-moves.js';
import { beginRun, carryOver } from './loop/carry-over.js';
import { collect } from './loop/collect.js';
import { constrainDesktop } from './loop/constraints.js';
import { createDesktop, endCreate, forgetTerminatedCreations } from './loop/create-desktop.js';
import { desktopPower, editDesktop, enrollClients, removeDesktop } from './loop/desktop-requests.js';
import { drain, drainOf, judgeResidents, pauseLoop, undrain, unpauseLoop } from './loop/drain.js';
import { measureGains } from './loop/gains.js';
import { retryMoves, reviewHolds } from './loop/holds.js';
import type { LoopState } from './loop/loop-state.js';
import { actOn, endMove, forgetTerminated } from './loop/moves.js';
import { askPlan, locateUsers, planMoves } from './loop/planning.js';
import { setPolicy } from './loop/policy-change.js';
import { probeSilentUsers } from './loop/probe.js';
import { requestMove } from './loop/request-move.js';
import { fingerprintsAsked, loopStatus, renderLoop, ROWS_SHOWN } from './loop/status.js';
import { addWindow, keepWindows, removeWindows, sleepMs, windowThatCloses } from './loop/windows.js';
import { serve, workflowInput } from './serve.js';

/** Keep every desktop close to its user; ends only by termination or cancellation. */
export async function shadowLoop(raw: unknown): Promise<void> {
  const { cloud, carried } = workflowInput(ShadowLoopInput, raw, WORKFLOW.shadowLoop);
  const state = beginRun(cloud, carried, Date.now());
  answerTo(state);
  while (!workflowInfo().continueAsNewSuggested) {
    const { asked } = state;
    state.asked = null;
    await cycle(state, asked?.cause ?? 'loop', state.policy.act || asked?.act === true);
    await condition(() => state.asked !== null, sleepMs(state));
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof shadowLoop>({ cloud: state.cloud, carried: carryOver(state, Date.now()) });
}

async function cycle(state: LoopState, cause: Cause, act: boolean): Promise<void> {
  state.cycle++;
  // Releases before tried failed moves again and again: what they did of this run stays as it was.
  state.holding = patched('hold-back-failed-moves');
  // Without windows not even a turn of the event loop: runs of releases before knew none.
  if (state.windows.size > 0) await keepWindows(state);
  await collect(state, true);
  state.problems.delete('plan');
  try {
    await forgetTerminated(state);
    await forgetTerminatedCreations(state);
    reviewHolds(state, Date.now());
    measureGains(state, Date.now());
    await locateUsers(state);
    await probeSilentUsers(state);
    const plan = await planMoves(state);
    state.plan = plan;
    await actOnWhatMay(state, plan, cause, act);
  } catch (error) {
    // The next cycle tries again; meanwhile the status says it.
    state.problems.set('plan', failureInfo(error).message);
    judgeResidents(state, null, new Map());
  }
  state.lastCycleMs = Date.now();
  setCurrentDetails(renderLoop(loopStatus(state, { from: 0, limit: ROWS_SHOWN })));
}

/** Act on the plan; where the loop only watches, on a plan of those alone who must leave; in a pause on nothing. */
async function actOnWhatMay(state: LoopState, plan: PlanResult, cause: Cause, act: boolean): Promise<void> {
  const leaving = () => state.desktops().some(({ host }) => drainOf(state, host) !== undefined);
  const paused = state.pausedSinceMs !== null;
  const meant = paused ? null : act ? plan : leaving() ? await planMoves(state, {}, true) : null;
  const notStarted = meant === null ? new Map<string, string>() : await actOn(state, meant, cause);
  judgeResidents(state, meant ?? plan, notStarted);
}

function answerTo(state: LoopState): void {
  serve(LOOP, {
    requestMove: (ask) => requestMove(state, ask),
    createDesktop: (ask) => createDesktop(state, ask),
    desktopPower: (ask) => desktopPower(state, ask),
    editDesktop: (ask) => editDesktop(state, ask),
    removeDesktop: (ask) => removeDesktop(state, ask),
    enrollClients: (ask) => enrollClients(state, ask),
    makePlan: (ask) => askPlan(state, ask),
    applyMoves: (ask) => applyMoves(state, ask),
    constrainDesktop: (ask) => constrainDesktop(state, ask),
    setPolicy: (change) => setPolicy(state, change),
    setCloud: (cloud) => state.setCloud(cloud),
    drain: (ask) => drain(state, ask),
    undrain: (ask) => undrain(state, ask, windowThatCloses(state, ask)),
    addWindow: (ask) => addWindow(state, ask),
    removeWindows: (ask) => removeWindows(state, ask),
    pause: () => pauseLoop(state),
    unpause: () => unpauseLoop(state),
    status: (ask) => loopStatus(state, ask),
    policy: () => state.policy,
    cloud: () => state.cloud,
    fingerprints: (ask) => fingerprintsAsked(state, ask),
    definition: ({ desktop }) => state.find(desktop)?.report.definition ?? null,
    retryMoves: (ask) => retryMoves(state, ask),
    moveEnded: (move) => endMove(state, move),
    createEnded: (creation) => endCreate(state, creation),
    runCycle: (wanted) => state.askCycle(wanted),
  });
}
