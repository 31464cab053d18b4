// Moves that are terminated, on a real Temporal server with fake hosts: the next move works without a hand, and so does reconciliation.
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { targetActivities } from '../../activities/host/target.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { HostRef, PoolId } from '../../domain/model/ids.js';
import { MigrationPolicy } from '../../domain/model/policy.js';
import type { Phase } from '../../domain/migration/phases.js';
import { accept, release } from '../../domain/migration/ownership.js';
import { ensureReconcileSchedule, ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { MOVE, type MigrateDesktop, type MigrateInput } from '../../temporal/contract/move.js';
import {
  CONTROL_QUEUE,
  migrateId,
  reconcileId,
  shadowLoopId,
  WORKFLOW,
} from '../../temporal/contract/names.js';
import type { Reconcile, ReconcileResult } from '../../temporal/contract/reconcile.js';
import { FakeCloud, fakeDesktop, type FakeHost, type Fault } from '../../lab/fakes/fake-host.js';
import { bringDisk, bringMemory, NEVER } from '../compliance/move-steps.js';
import { ControlPlane } from '../support/control-plane.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
const capacity = { slots: 40, vcpus: 80, memoryMiB: 40_960, diskMiB: 100_000 };
const pool = PoolId.parse('main');
const peer = { address: '192.0.2.1', port: 1 };
const cloudConfig = CloudConfig.parse({
  pool,
  sites: [west, east].map((ref) => ({
    id: ref.site,
    kind: 'regional',
    hosts: [{ id: ref.host, peer, probe: peer }],
  })),
  policy: { cycleMs: 600_000, act: false, migration: { graceMs: 0 } },
});
/** An attempt of a terminated move ends when its heartbeat is refused: after some 12 s. */
const TEST_MS = 90_000;
type Handle = WorkflowHandle<MigrateDesktop>;
let plane: ControlPlane;
let cloud: FakeCloud;
let source: FakeHost;
let target: FakeHost;
let targetWorker: { stop(): Promise<void> };
let number = 0;

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.startManager();
  cloud = new FakeCloud();
  source = await cloud.add(west, capacity, '198.51.100.10');
  target = await cloud.add(east, capacity, '203.0.113.10');
  await plane.startHost(source.context);
  targetWorker = await plane.startHost(target.context);
  await ensureShadowLoop(plane.client, cloudConfig);
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

async function newDesktop(): Promise<string> {
  const definition = fakeDesktop(`d${String(++number)}`);
  await source.give(definition);
  return definition.id;
}

function move(desktop: string, graceMs = 0): Promise<Handle> {
  const input: MigrateInput = {
    pool,
    desktop: fakeDesktop(desktop).id,
    from: west,
    to: east,
    peers: { from: peer, to: peer },
    cause: 'operator',
    reason: 'a test',
    policy: MigrationPolicy.parse({ graceMs }),
    moveMbps: 60,
    rttBeforeMs: null,
    rttAfterMs: null,
  };
  return plane.client.workflow.start<MigrateDesktop>(WORKFLOW.migrateDesktop, {
    workflowId: migrateId(input.desktop),
    taskQueue: CONTROL_QUEUE,
    args: [input],
  });
}

async function untilPhase(handle: Handle, phase: Phase): Promise<void> {
  while ((await handle.query(MOVE.status)).phase !== phase) await sleep(50);
}

let runs = 0;
function reconcile(dryRun = false): Promise<ReconcileResult> {
  return plane.client.workflow.execute<Reconcile>(WORKFLOW.reconcile, {
    workflowId: `${reconcileId(pool)}/${String(++runs)}`,
    taskQueue: CONTROL_QUEUE,
    args: [{ pool, dryRun }],
  });
}

async function expectNothingLeft(): Promise<void> {
  expect(await source.leftovers()).toEqual([]);
  expect(await target.leftovers()).toEqual([]);
}

describe('after the terminate of a move', () => {
  it.each<[Phase, Fault]>([
    ['async-disk', 'disk never ends'],
    ['sync-switch', 'sync never comes'],
    ['memory', 'memory never converges'],
  ])(
    'in phase %s the next move works, and reconciliation leaves nothing of one that is not tried again',
    async (phase, fault) => {
      source.faults.add(fault);
      const [again, left] = [await newDesktop(), await newDesktop()];
      for (const desktop of [again, left]) {
        const handle = await move(desktop);
        await untilPhase(handle, phase);
        await sleep(300);
        await handle.terminate('a test');
      }
      source.faults.clear();
      expect((await target.leftovers()).length).toBeGreaterThanOrEqual(4);
      const seen = await reconcile(true);
      expect(new Set(seen.items.map((i) => i.outcome))).toEqual(new Set(['found']));
      expect(new Set(seen.items.map((i) => i.kind))).toEqual(
        new Set(['orphaned-copy', 'orphaned-replica', 'stale-cap']),
      );
      expect(await (await move(again)).result()).toMatchObject({ outcome: 'moved' });
      const { items } = await reconcile();
      expect(items.map((i) => [i.desktop, i.outcome, i.error])).toEqual(
        items.map(() => [left, 'repaired', null]),
      );
      expect(cloud.runningAt(again)).toEqual(['us-east/h1']);
      expect(cloud.runningAt(left)).toEqual(['us-west/h1']);
      expect(source.desktops.get(left)).toMatchObject({ mirror: null, migration: null });
      await expectNothingLeft();
      expect((await reconcile()).items).toEqual([]);
    },
    TEST_MS,
  );
});

/** Bring a move as far as its release without a workflow, as one that was terminated and whose dom0s have died since. */
async function cutOff(desktop: string, how: { released: boolean }): Promise<void> {
  const d = fakeDesktop(desktop);
  const moveId = `${desktop}-cutoff`;
  const [from, to] = [source.context, target.context];
  const targets = targetActivities(to);
  const { epoch } = (await from.ownership.get(d.id))!;
  const reserved = await targets.reserveTarget({
    moveId,
    definition: d,
    from: west,
    epoch: epoch + 1,
    source: await from.hypervisor.info(),
  });
  const key = { desktop: d.id, moveId, epoch: epoch + 1 };
  const ends = {
    source: from.hypervisor,
    target: to.hypervisor,
    definition: d,
    from: west,
    tap: reserved.tap,
    mbps: 60,
  };
  await bringDisk(ends, key);
  await bringMemory(ends, key);
  const oldExternal = (await from.network.externalOf(d.id))!;
  const change = { ...key, oldExternal, newExternal: reserved.newExternal, targetKey: reserved.targetKey };
  await from.network.prepareClients(change, 0);
  await target.target.expect(west, key, change, await from.network.exportState(d.id));
  await from.network.hold(d.id);
  await from.hypervisor.switchover(key, 1_000, () => undefined, NEVER);
  await target.target.confirm(west, key);
  if (how.released) await from.ownership.change(d.id, (r) => release(r, d.id, epoch + 1, east, 0));
}

const findingsOf = ({ items }: ReconcileResult, desktop: string) =>
  items.filter((i) => i.desktop === desktop).map((i) => `${i.kind} ${i.outcome}`);

describe('the loop', () => {
  // What it has begun must not meet what the next test sets up.
  afterEach(async () => {
    await plane.client.workflow.getHandle(`${reconcileId(pool)}/after-terminate`).result();
  });

  it('starts the next move at once when it is asked to, although the one before was terminated unseen', async () => {
    const loop = plane.client.workflow.getHandle(shadowLoopId(pool));
    const desktop = await newDesktop();
    const ask = { desktop: fakeDesktop(desktop).id, site: east.site, force: true };
    source.faults.add('disk never ends');
    for (let i = 0; i < 2; i++) {
      await loop.executeUpdate(LOOP.requestMove, { args: [ask] });
      const handle = plane.client.workflow.getHandle<MigrateDesktop>(migrateId(fakeDesktop(desktop).id));
      await untilPhase(handle, 'async-disk');
      await handle.terminate('a test');
    }
    source.faults.clear();
    await loop.executeUpdate(LOOP.requestMove, { args: [ask] });
    const handle = plane.client.workflow.getHandle<MigrateDesktop>(migrateId(fakeDesktop(desktop).id));
    expect(await handle.result()).toMatchObject({ outcome: 'moved' });
    expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
    await expectNothingLeft();
  }, 120_000);

  it('has what a terminated move left cleared when it notices', async () => {
    const loop = plane.client.workflow.getHandle(shadowLoopId(pool));
    const desktop = await newDesktop();
    source.faults.add('disk never ends');
    await loop.executeUpdate(LOOP.requestMove, {
      args: [{ desktop: fakeDesktop(desktop).id, site: east.site, force: true }],
    });
    const handle = plane.client.workflow.getHandle<MigrateDesktop>(migrateId(fakeDesktop(desktop).id));
    await untilPhase(handle, 'async-disk');
    await handle.terminate('a test');
    await loop.signal(LOOP.runCycle, { act: false });
    while ((await target.leftovers()).length + (await source.leftovers()).length > 0) await sleep(100);
    source.faults.clear();
    expect(cloud.runningAt(desktop)).toEqual(['us-west/h1']);
  }, 120_000);
});

describe('reconciliation', () => {
  it(
    'lets a source run on that stands still in a pause which nobody ends',
    async () => {
      const desktop = await newDesktop();
      await cutOff(desktop, { released: false });
      expect(cloud.runningAt(desktop)).toEqual([]);
      expect(findingsOf(await reconcile(), desktop)).toEqual([
        'orphaned-copy repaired',
        'orphaned-replica repaired',
      ]);
      expect(cloud.runningAt(desktop)).toEqual(['us-west/h1']);
      await expectNothingLeft();
    },
    TEST_MS,
  );

  it(
    'finishes a move whose source had released the desktop and whose target had not decided',
    async () => {
      const desktop = await newDesktop();
      await cutOff(desktop, { released: true });
      expect(findingsOf(await reconcile(true), desktop)).toEqual(['half-moved found']);
      expect(cloud.runningAt(desktop)).toEqual([]);
      await reconcile();
      expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
      await expectNothingLeft();
      expect((await reconcile()).items).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'takes a desktop back that was released and that its target has refused',
    async () => {
      const desktop = await newDesktop();
      await cutOff(desktop, { released: true });
      await targetActivities(target.context).dropTarget({
        desktop: fakeDesktop(desktop).id,
        moveId: `${desktop}-cutoff`,
      });
      await reconcile();
      expect(cloud.runningAt(desktop)).toEqual(['us-west/h1']);
      await expectNothingLeft();
      expect((await reconcile()).items).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'lets a copy run that was taken over and has not run',
    async () => {
      const desktop = await newDesktop();
      await cutOff(desktop, { released: true });
      const { id } = fakeDesktop(desktop);
      await target.context.ownership.change(id, (r) => accept(r, id, 2, west, 0));
      await reconcile();
      expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
      await expectNothingLeft();
    },
    TEST_MS,
  );

  it(
    'touches nothing of a move that is open, whatever phase it is in',
    async () => {
      source.faults.add('memory never converges');
      const desktop = await newDesktop();
      const handle = await move(desktop);
      await untilPhase(handle, 'memory');
      const { items, moving } = await reconcile();
      expect(items).toEqual([]);
      expect(moving).toEqual([desktop]);
      source.faults.clear();
      expect(await handle.result()).toMatchObject({ outcome: 'moved' });
      expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
    },
    TEST_MS,
  );

  it(
    'keeps old disk and address of a move that was terminated in its clean-up for the grace time',
    async () => {
      const loop = plane.client.workflow.getHandle(shadowLoopId(pool));
      await loop.executeUpdate(LOOP.setPolicy, { args: [{ migration: { graceMs: 600_000 } }] });
      const desktop = await newDesktop();
      const handle = await move(desktop, 600_000);
      while (source.machine.retired.size === 0) await sleep(50);
      await sleep(300);
      await handle.terminate('a test');
      expect(findingsOf(await reconcile(), desktop)).toEqual(['kept-source found']);
      expect((await source.leftovers()).map((l) => l.split(' ')[0])).toEqual([
        'retired',
        'forwarding',
        'tap',
      ]);
      await loop.executeUpdate(LOOP.setPolicy, { args: [{ migration: { graceMs: 0 } }] });
      expect(findingsOf(await reconcile(), desktop)).toEqual(['kept-source repaired']);
      await expectNothingLeft();
      expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
    },
    TEST_MS,
  );

  it(
    'says which host does not answer, touches nothing that waits for it, and goes on when it is back',
    async () => {
      const desktop = await newDesktop();
      await cutOff(desktop, { released: true });
      await targetWorker.stop();
      const { items } = await reconcile();
      expect(items).toMatchObject([
        { kind: 'lost-host', host: east, person: expect.stringContaining('vmshadow dom0') },
        { kind: 'half-moved', desktop, outcome: 'found', person: expect.stringContaining('us-east/h1') },
      ]);
      expect(cloud.runningAt(desktop)).toEqual([]);
      targetWorker = await plane.startHost(target.context);
      await reconcile();
      expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
      await expectNothingLeft();
    },
    TEST_MS,
  );

  it(
    'is started by its schedule',
    async () => {
      await ensureReconcileSchedule(plane.client, cloudConfig);
      await ensureReconcileSchedule(plane.client, cloudConfig);
      const schedule = plane.client.schedule.getHandle(reconcileId(pool));
      const desktop = await newDesktop();
      await cutOff(desktop, { released: false });
      await schedule.trigger();
      while (cloud.runningAt(desktop).length === 0) await sleep(100);
      await schedule.delete();
    },
    TEST_MS,
  );
});
