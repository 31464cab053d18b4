// The workflow of a move on a real Temporal server; the hosts are fakes below the ports (lab/fakes/fake-host.ts).
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { HostRef } from '../../domain/model/ids.js';
import { MigrationPolicy } from '../../domain/model/policy.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import {
  MOVE,
  type MigrateDesktop,
  type MigrateInput,
  type MoveStatus,
} from '../../temporal/contract/move.js';
import { ATTRIBUTE, CONTROL_QUEUE, migrateId, WORKFLOW } from '../../temporal/contract/names.js';
import { PoolId } from '../../domain/model/ids.js';
import { ControlPlane } from '../support/control-plane.js';
import { FakeCloud, fakeDesktop, type FakeHost, type Fault } from '../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const east = HostRef.parse({ site: 'us-east', host: 'h1' });
/** Room for every desktop that these tests move. */
const capacity = { slots: 40, vcpus: 80, memoryMiB: 40_960, diskMiB: 100_000 };
const peer = { address: '192.0.2.1', port: 1 };
type Handle = WorkflowHandle<MigrateDesktop>;
let plane: ControlPlane;
let cloud: FakeCloud;
let source: FakeHost;
let target: FakeHost;
let number = 0;

beforeAll(async () => {
  plane = await ControlPlane.start();
  await plane.startManager();
  cloud = new FakeCloud();
  source = await cloud.add(west, capacity, '198.51.100.10');
  target = await cloud.add(east, capacity, '203.0.113.10');
  await plane.startHost(source.context);
  await plane.startHost(target.context);
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

afterEach(() => {
  source.faults.clear();
  target.faults.clear();
  target.alive = true;
});

async function begin(to = east): Promise<{ desktop: string; handle: Handle }> {
  const definition = fakeDesktop(`d${String(++number)}`);
  await source.give(definition);
  const input: MigrateInput = {
    pool: PoolId.parse('main'),
    desktop: definition.id,
    from: west,
    to,
    peers: { from: peer, to: peer },
    cause: 'operator',
    reason: 'a test',
    policy: MigrationPolicy.parse({ graceMs: 0 }),
    moveMbps: 60,
    rttBeforeMs: null,
    rttAfterMs: null,
  };
  const handle = await plane.client.workflow.start<MigrateDesktop>(WORKFLOW.migrateDesktop, {
    workflowId: migrateId(definition.id),
    taskQueue: CONTROL_QUEUE,
    args: [input],
  });
  return { desktop: definition.id, handle };
}

const status = (handle: Handle) => handle.query(MOVE.status);

async function untilPhase(handle: Handle, phase: MoveStatus['phase']): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await status(handle)).phase === phase) return;
    await sleep(50);
  }
  throw new Error(`never came to ${phase}: ${JSON.stringify(await status(handle))}`);
}

async function expectAtSourceWithNothingLeft(desktop: string): Promise<void> {
  expect(cloud.runningAt(desktop)).toEqual(['us-west/h1']);
  expect(await target.leftovers()).toEqual([]);
  expect(await source.leftovers()).toEqual([]);
}

describe('migrateDesktop', () => {
  it('moves a desktop through all phases and leaves nothing at the source', async () => {
    const { desktop, handle } = await begin();
    const result = await handle.result();
    expect(result).toMatchObject({
      outcome: 'moved',
      downtimeMs: 7,
      diskHashes: { equal: true },
      oldExternal: '198.51.100.10',
      newExternal: '203.0.113.10',
      percent: 100,
    });
    expect(result.phases.map((p) => p.phase)).toEqual([
      'preflight',
      'async-disk',
      'sync-switch',
      'memory',
      'switchover',
      'cleanup',
    ]);
    expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
    expect(await source.leftovers()).toEqual([]);
    expect(await target.leftovers()).toEqual([]);
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(ATTRIBUTE.outcome)).toBe('moved');
    expect(typedSearchAttributes.get(ATTRIBUTE.phase)).toBe('cleanup');
  });

  it('cleans addresses, rules and the disk, and says it loudly, when the disks could not be compared', async () => {
    target.faults.add('view is lost');
    const { desktop, handle } = await begin();
    expect(await handle.result()).toMatchObject({
      outcome: 'moved',
      diskHashes: null,
      error: { code: 'DISK_COPY', message: expect.stringMatching(/could not be compared: .*no view/) },
    });
    expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
    expect(await source.leftovers()).toEqual([]);
    expect(await target.leftovers()).toEqual([]);
  });

  it('keeps the disk alone of all that is left at the source when the disks differ, and says it loudly', async () => {
    source.faults.add('disks differ');
    const { desktop, handle } = await begin();
    const result = await handle.result();
    expect(result).toMatchObject({
      outcome: 'moved',
      diskHashes: { equal: false },
      error: { code: 'DISK_COPY', message: expect.stringMatching(/DIFFER.*us-west\/h1/) },
    });
    expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
    expect(await source.leftovers()).toEqual([`retired ${result.moveId}`]);
    await source.context.hypervisor.removeRetired({
      desktop: fakeDesktop(desktop).id,
      moveId: result.moveId,
    });
    expect(await target.leftovers()).toEqual([]);
  });

  it.each<[MoveStatus['phase'], Fault]>([
    ['async-disk', 'disk never ends'],
    ['sync-switch', 'sync never comes'],
    ['memory', 'memory never converges'],
  ])('undoes everything when it is cancelled in phase %s', async (phase, fault) => {
    source.faults.add(fault);
    const { desktop, handle } = await begin();
    await untilPhase(handle, phase);
    await sleep(300);
    await handle.signal(MOVE.cancelMove);
    const result = await handle.result();
    expect(result).toMatchObject({ outcome: 'cancelled', phase });
    await expectAtSourceWithNothingLeft(desktop);
  });

  it('undoes everything when an operator cancels the workflow in the UI', async () => {
    source.faults.add('memory never converges');
    const { desktop, handle } = await begin();
    await untilPhase(handle, 'memory');
    await handle.cancel();
    expect(await handle.result()).toMatchObject({ outcome: 'cancelled' });
    await expectAtSourceWithNothingLeft(desktop);
  });

  it('switches over at once when it is forced', async () => {
    source.faults.add('memory never converges');
    const { desktop, handle } = await begin();
    await untilPhase(handle, 'memory');
    await handle.signal(MOVE.forceSwitchover);
    expect(await handle.result()).toMatchObject({ outcome: 'moved' });
    expect(cloud.runningAt(desktop)).toEqual(['us-east/h1']);
  });

  it.each<[string, 'source' | 'target', Fault, string]>([
    ['the disk cannot be copied', 'source', 'disk breaks', 'DISK_COPY'],
    ['memory breaks three times', 'source', 'memory breaks', 'MEMORY_COPY'],
    ['the target is not complete', 'target', 'target dies before confirm', 'MEMORY_COPY'],
    ['the target refuses after the release', 'target', 'target dies after confirm', 'PEER_REFUSED'],
    ['the target cannot guard the flows', 'target', 'expect fails', 'NETWORK'],
  ])('rolls back with its reason when %s', async (_, where, fault, code) => {
    (where === 'source' ? source : target).faults.add(fault);
    const { desktop, handle } = await begin();
    const failure = await handle.result().then(
      () => null,
      (error: unknown) => failureInfo(error),
    );
    expect(failure?.code).toBe(code);
    await expectAtSourceWithNothingLeft(desktop);
  });

  it('fails in preflight with nothing changed when the target does not answer', async () => {
    target.alive = false;
    const { desktop, handle } = await begin();
    const failure = await handle.result().then(
      () => null,
      (error: unknown) => failureInfo(error),
    );
    expect(failure).toMatchObject({
      code: 'HOST_UNREACHABLE',
      message: expect.stringContaining('us-east/h1 does not answer'),
    });
    await expectAtSourceWithNothingLeft(desktop);
    expect(source.log).toEqual(source.log.filter((l) => !l.includes(desktop)));
  });

  it('refuses to move a desktop to the host that it is on, and touches nothing of it', async () => {
    const { desktop, handle } = await begin(west);
    const failure = await handle.result().then(
      () => null,
      (error: unknown) => failureInfo(error),
    );
    expect(failure).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('another host'),
    });
    await expectAtSourceWithNothingLeft(desktop);
    expect(source.network.get(desktop)?.external).toMatch(/^198\.51\.100\./);
  });

  it('refuses a wrong input with every problem, and moves nothing', async () => {
    const handle = await plane.client.workflow.start(WORKFLOW.migrateDesktop, {
      workflowId: 'migrate/wrong',
      taskQueue: CONTROL_QUEUE,
      args: [{ desktop: 'NO', moveMbps: -1 }],
    });
    const failure = await handle.result().then(
      () => null,
      (error: unknown) => failureInfo(error),
    );
    expect(failure?.code).toBe('INPUT_INVALID');
    expect(failure?.message).toMatch(/desktop: .*\n.*[\s\S]*moveMbps/);
  });
});
