// What comes from outside into workflows on a real Temporal server: a wrong input of any message is refused or ignored, changes nothing,
// and never stops a workflow.
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { LoopClient } from '../../cli/loop-client.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef } from '../../domain/model/ids.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { MOVE, type MigrateDesktop } from '../../temporal/contract/move.js';
import { CONTROL_QUEUE, migrateId, shadowLoopId, WORKFLOW } from '../../temporal/contract/names.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';
import { ControlPlane } from '../support/control-plane.js';
import { oneHostSites } from '../support/one-host-sites.js';

const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const cloudConfig = CloudConfig.parse({
  sites: oneHostSites(['us-west', 'us-east']),
  policy: { cycleMs: 60_000, act: false, migration: { graceMs: 0 } },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;

beforeAll(async () => {
  plane = await ControlPlane.start();
  cloud = new FakeCloud();
  west = await cloud.add(ref('us-west'), capacity, '198.18.0.1');
  const east = await cloud.add(ref('us-east'), capacity, '198.18.1.1');
  for (const host of [west, east]) await plane.startHost(host.context);
  await plane.startManager();
  await west.give(fakeDesktop('video'));
  await ensureShadowLoop(plane.client, cloudConfig);
  await untilCycle(1);
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));

async function untilCycle(wanted: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const { cycle, lastCycleMs } = await loop().query(LOOP.status, { limit: 0 });
    if (cycle >= wanted && lastCycleMs !== null) return;
    await sleep(50);
  }
  throw new Error(`the loop never came to cycle ${String(wanted)}`);
}

/** All that the loop says of itself, but for times. */
async function whatTheLoopKnows(): Promise<unknown> {
  const status = await loop().query(LOOP.status, {});
  const policy = await loop().query(LOOP.policy);
  const hosts = status.hosts.map((host) => ({ ...host, lastSeenMs: 0 }));
  return { ...status, hosts, policy, lastCycleMs: 0, nextCycleMs: 0 };
}

async function expectNoFailedTask(handle: WorkflowHandle): Promise<void> {
  const { events } = await handle.fetchHistory();
  expect(events?.filter((e) => e.workflowTaskFailedEventAttributes != null)).toEqual([]);
}

const refused = (asking: Promise<unknown>) =>
  asking.then(
    () => ({ code: 'none', message: 'was not refused' }),
    (error: unknown) => failureInfo(error),
  );

const WRONG: Record<string, [input: unknown, problems: RegExp]> = {
  requestMove: [{ desktop: '../x', site: 5 }, /requestMove: 2 problems\n.*desktop: .*\n.*site: /],
  retryMoves: [
    { desktop: '/', host: { site: 'us-east' } },
    /retryMoves: 2 problems[\s\S]*desktop: [\s\S]*host\.host: /,
  ],
  createEnded: [{ desktop: 'd1', outcome: 'perhaps' }, /outcome: /],
  createDesktop: [
    { id: 'new', memoryMiB: 'much' },
    /createDesktop: 3 problems[\s\S]*site: [\s\S]*memoryMiB: /,
  ],
  desktopPower: [{ desktop: 'video', action: 'explode' }, /desktopPower: 1 problem\n.*action: /],
  editDesktop: [
    { desktop: 'video', document: { memoryMiB: 1, disks: [], colour: 'red' } },
    /editDesktop: 3 problems[\s\S]*document\.memoryMiB: [\s\S]*document\.disks: /,
  ],
  removeDesktop: [{ desktop: '..' }, /removeDesktop: 1 problem\n.*desktop: /],
  enrollClients: [{ desktop: 'video', clients: [] }, /enrollClients: 1 problem\n.*clients: /],
  makePlan: [{ algorithm: 'guess', budgetGB: -1 }, /makePlan: 2 problems\n.*algorithm: .*\n.*budgetGB: /],
  setPolicy: [
    { cycleMs: 1, placement: { highTreshold: 0.9, w1: -3 } },
    /setPolicy: 3 problems\n.*placement\.highTreshold: there is no such setting\n.*cycleMs: .*\n.*placement\.w1: /,
  ],
  drain: [{ site: '/', host: 5 }, /drain: 2 problems\n.*site: .*\n.*host: /],
  addWindow: [
    { site: 'us-east', fromMs: 'now', toMs: 1e300, leadMs: -1, drain: 'no' },
    /addWindow: \d+ problems\n.*fromMs: .*[\s\S]*toMs: [\s\S]*leadMs: [\s\S]*drain: /,
  ],
  removeWindows: [{ site: '/', fromMs: -1 }, /removeWindows: 2 problems\n.*site: .*\n.*fromMs: /],
  undrain: [{ host: 'h1' }, /undrain: 1 problem\n.*site: /],
  constrainDesktop: [
    { desktop: '/', constraints: { pinned: 'perhaps', colour: 'blue' } },
    /constrainDesktop: 3 problems\n.*desktop: [\s\S]*constraints\.pinned: [\s\S]*colour/,
  ],
  applyMoves: [
    { moves: [{ desktop: '..', wave: 0 }], dryRun: 'no' },
    /applyMoves: \d+ problems\n[\s\S]*moves\.0\.desktop: [\s\S]*moves\.0\.wave: [\s\S]*dryRun: /,
  ],
  setCloud: [{ sites: [] }, /setCloud: 1 problem\n.*sites: /],
  status: [{ from: -1, limit: 'all' }, /status: 2 problems\n.*from: .*\n.*limit: /],
  definition: [{ desktop: '../d1' }, /definition: 1 problem\n.*desktop: /],
  fingerprints: [{ desktop: '/etc/passwd' }, /fingerprints: 1 problem\n.*desktop: /],
  moveEnded: [{ desktop: 'video', outcome: 'flown' }, /./],
  runCycle: [{ act: 'perhaps' }, /./],
};
/** Messages without an input. */
const TAKE_NOTHING: readonly unknown[] = [LOOP.policy, LOOP.cloud, LOOP.pause, LOOP.unpause];
const of = (type: string) =>
  Object.values(LOOP).flatMap((m) => (m.type === type && !TAKE_NOTHING.includes(m) ? [m.name] : []));

describe('the shadow loop', () => {
  it.each(of('update'))('refuses a wrong %s with every problem, and changes nothing', async (name) => {
    const before = await whatTheLoopKnows();
    const [input, problems] = WRONG[name]!;
    const refusal = await refused(loop().executeUpdate(name, { args: [input] }));
    expect(refusal).toMatchObject({ code: 'INPUT_INVALID', message: expect.stringMatching(problems) });
    expect(await whatTheLoopKnows()).toEqual(before);
  });

  it.each(of('update'))(
    'takes no update %s without an input, unless all of it may be left out',
    async (name) => {
      const { code } = await refused(loop().executeUpdate(name, { args: [] as unknown as [unknown] }));
      const allMayBeLeftOut = [LOOP.makePlan.name, LOOP.retryMoves.name];
      expect(code).toBe(allMayBeLeftOut.includes(name) ? 'none' : 'INPUT_INVALID');
    },
  );

  it.each(of('query'))('answers a wrong question %s with every problem', async (name) => {
    const [input, problems] = WRONG[name]!;
    await expect(loop().query(name, input)).rejects.toThrow(problems);
  });

  it('has the command say which question is not taken, and that it may be of another release', async () => {
    await expect(new LoopClient(plane.client, cloudConfig.pool).status({ limit: 501 })).rejects.toMatchObject(
      {
        code: 'INPUT_INVALID',
        message: expect.stringMatching(/same release\?\nstatus: 1 problem\n.*limit: /),
      },
    );
  });

  it.each(of('signal').flatMap((name) => [[name, WRONG[name]![0]] as const, [name, 'nonsense'] as const]))(
    'ignores a wrong signal %s (%j) and goes on',
    async (name, input) => {
      const before = await whatTheLoopKnows();
      await loop().signal(name, input);
      expect(await whatTheLoopKnows()).toEqual(before);
      await expectNoFailedTask(loop());
    },
  );

  it('ignores a moveEnded that says nothing', async () => {
    const before = await whatTheLoopKnows();
    await loop().signal(LOOP.moveEnded.name);
    expect(await whatTheLoopKnows()).toEqual(before);
    await expectNoFailedTask(loop());
  });

  it('runs a cycle at once when it is told so without further words', async () => {
    const { cycle } = await loop().query(LOOP.status, { limit: 0 });
    await loop().signal(LOOP.runCycle);
    await untilCycle(cycle + 1);
  });

  it('ends with every problem when its own input is wrong', async () => {
    const handle = await plane.client.workflow.start(WORKFLOW.shadowLoop, {
      workflowId: 'shadow-loop/wrong',
      taskQueue: CONTROL_QUEUE,
      args: [{ cloud: { sites: [], pool: '/' } }],
    });
    expect(await refused(handle.result())).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/input of shadowLoop: 2 problems\n.*pool.*\n.*sites/),
    });
  });

  it('begins afresh, and says so, when it cannot read the state of the run before', async () => {
    const handle = await plane.client.workflow.start(WORKFLOW.shadowLoop, {
      workflowId: 'shadow-loop/other',
      taskQueue: CONTROL_QUEUE,
      args: [{ cloud: { ...cloudConfig, pool: 'other' }, carried: { version: 99 } }],
    });
    const { problems } = await handle.query(LOOP.status, {});
    expect(problems[0]).toMatch(
      /^the loop began afresh .*state of the run before: \d+ problems\n.*version: /,
    );
    await handle.terminate('a test');
  });
});

describe('a move', () => {
  it('ignores wrong progress and goes on, and is cancelled whatever comes with the cancel', async () => {
    west.faults.add('disk never ends');
    await loop().executeUpdate(LOOP.requestMove, { args: [{ desktop: 'video', site: 'us-east' }] });
    const handle = plane.client.workflow.getHandle<MigrateDesktop>(migrateId(DesktopId.parse('video')));
    while ((await handle.query(MOVE.status)).phase !== 'async-disk') await sleep(50);
    const { progress } = await handle.query(MOVE.status);
    for (const wrong of [undefined, 'nonsense', { memoryDoneBytes: 'x', round: -1 }])
      await handle.signal(MOVE.progress.name, wrong);
    expect((await handle.query(MOVE.status)).progress.memoryDoneBytes).toBe(progress.memoryDoneBytes);
    await handle.signal(MOVE.cancelMove.name, { really: ['yes'] });
    expect(await handle.result()).toMatchObject({ outcome: 'cancelled' });
    await expectNoFailedTask(handle);
    west.faults.clear();
  });
});

describe('rebalance', () => {
  it('ends with the problem when its pool is none', async () => {
    const handle = await plane.client.workflow.start(WORKFLOW.rebalance, {
      workflowId: 'rebalance/wrong',
      taskQueue: CONTROL_QUEUE,
      args: ['../pool'],
    });
    expect(await refused(handle.result())).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/input of rebalance: 1 problem\n.*a pool id/),
    });
  });
});
