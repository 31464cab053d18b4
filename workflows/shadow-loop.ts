// The shadow loop: one entity workflow a pool, for ever. A cycle: collect -> rank -> plan -> admit -> start moves -> sleep.
import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { isVmshadowError } from '../domain/errors.js';
import type { Fingerprint } from '../domain/fingerprint/model.js';
import type { Cause } from '../domain/migration/phases.js';
import { CloudConfig } from '../domain/model/cloud.js';
import { parseInput } from '../domain/model/parse.js';
import type { Policy } from '../domain/model/policy.js';
import { failureInfo, toApplicationFailure } from '../temporal/contract/failures.js';
import {
  CreateDesktop,
  DesktopPower,
  EnrollClients,
  PlanAsk,
  QUERY,
  RequestMove,
  RunCycle,
  ShadowLoopInput,
  SIGNAL,
  UPDATE,
  type LoopStatus,
  type MoveStatus,
} from '../temporal/contract/messages.js';
import { collect } from './loop/collect.js';
import { LoopState, type CarriedState } from './loop/loop-state.js';
import { actOn, forgetTerminated, locateUsers, planMoves } from './loop/moves.js';
import {
  askPlan,
  createDesktop,
  desktopPower,
  enrollClients,
  requestMove,
  setPolicy,
} from './loop/requests.js';
import { probeSilentUsers } from './loop/probe.js';
import { fingerprintsAsked, loopStatus, renderLoop, ROWS_SHOWN } from './loop/status.js';

/** Keep every desktop close to its user; ends only by termination or cancellation. */
export async function shadowLoop(raw: unknown): Promise<void> {
  const input = checked(() => parseInput(ShadowLoopInput, raw, 'input of shadowLoop'));
  const state = new LoopState(input.cloud, input.carried as CarriedState | undefined);
  handle(state);
  while (!workflowInfo().continueAsNewSuggested) {
    const { asked } = state;
    state.asked = null;
    await cycle(state, asked?.cause ?? 'loop', state.policy.act || asked?.act === true);
    await condition(() => state.asked !== null, state.policy.cycleMs);
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof shadowLoop>({ cloud: state.cloud, carried: state.carryOver(Date.now()) });
}

async function cycle(state: LoopState, cause: Cause, act: boolean): Promise<void> {
  state.cycle++;
  await collect(state, true);
  state.problems.delete('plan');
  try {
    await forgetTerminated(state);
    await locateUsers(state);
    await probeSilentUsers(state);
    const plan = await planMoves(state);
    state.plan = plan;
    if (act) await actOn(state, plan, cause);
  } catch (error) {
    // The next cycle tries again; meanwhile the status says it.
    state.problems.set('plan', failureInfo(error).message);
  }
  state.lastCycleMs = Date.now();
  setCurrentDetails(renderLoop(loopStatus(state, { limit: ROWS_SHOWN })));
}

function handle(state: LoopState): void {
  const update = <R>(
    name: string,
    validator: (raw: unknown) => unknown,
    run: (raw: unknown) => R | Promise<R>,
  ) => {
    setHandler(defineUpdate<R, [unknown]>(name), async (raw) => checkedAsync(() => run(raw)), {
      validator: (raw) => {
        checked(() => validator(raw));
      },
    });
  };
  update(
    UPDATE.requestMove,
    (raw) => parseInput(RequestMove, raw, UPDATE.requestMove),
    (raw) => requestMove(state, raw),
  );
  update(
    UPDATE.createDesktop,
    (raw) => parseInput(CreateDesktop, raw, UPDATE.createDesktop),
    (raw) => createDesktop(state, raw),
  );
  update(
    UPDATE.desktopPower,
    (raw) => parseInput(DesktopPower, raw, UPDATE.desktopPower),
    (raw) => desktopPower(state, raw),
  );
  update(
    UPDATE.enrollClients,
    (raw) => parseInput(EnrollClients, raw, UPDATE.enrollClients),
    (raw) => enrollClients(state, raw),
  );
  update(
    UPDATE.makePlan,
    (raw) => parseInput(PlanAsk, raw ?? {}, UPDATE.makePlan),
    (raw) => askPlan(state, raw),
  );
  update(
    UPDATE.setPolicy,
    () => undefined,
    (raw) => setPolicy(state, raw),
  );
  update(
    UPDATE.setCloud,
    (raw) => parseInput(CloudConfig, raw, UPDATE.setCloud),
    (raw) => {
      state.setCloud(parseInput(CloudConfig, raw, UPDATE.setCloud));
    },
  );
  setHandler(defineSignal<[MoveStatus]>(SIGNAL.moveEnded), (status) => {
    state.endMove(status, Date.now());
  });
  setHandler(defineSignal<[unknown]>(SIGNAL.runCycle), (raw) => {
    state.askCycle(RunCycle.safeParse(raw ?? {}).data ?? { act: false, cause: 'operator' });
  });
  setHandler(defineQuery<LoopStatus, [unknown?]>(QUERY.status), (raw) => loopStatus(state, raw));
  setHandler(defineQuery<Policy>(QUERY.policy), () => state.policy);
  setHandler(defineQuery<Fingerprint[], [unknown?]>(QUERY.fingerprints), (raw) =>
    fingerprintsAsked(state, raw),
  );
}

function checked<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw isVmshadowError(error) ? toApplicationFailure(error) : error;
  }
}

async function checkedAsync<T>(run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw toApplicationFailure(error);
  }
}
