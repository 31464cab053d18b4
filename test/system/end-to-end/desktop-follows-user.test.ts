// The whole product on real parts, with the small guest: QEMU, Temporal, dom0 workers, proxies, a NAT and a WAN in namespaces. The loop
// moves the desktop by itself; a TCP stream with sequence numbers and a disk that is being written go through every move.
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedCommand } from '../../../os/start-command.js';
import type { LabCloud } from '../../../lab/cloud/lab-cloud.js';
import { copiesOf, lastingLeftoversAt, leftoversAt } from '../../../lab/demo/leftovers.js';
import { checkoutFolder } from '../../../lab/images/locate.js';
import type { World } from '../../../lab/net/world.js';
import type { GuestStatus } from '../../../lab/stream/guest-control.js';
import { LOOP } from '../../../temporal/contract/loop.js';
import { MOVE, type MoveStatus } from '../../../temporal/contract/move.js';
import type { DesktopCreated } from '../../../temporal/contract/requests.js';
import { migrateId } from '../../../temporal/contract/names.js';
import { ID, startSmallCloud, verifyAt } from '../../../lab/cloud/small-cloud.js';

/** A guest that lost nothing: its one connection, its disk and its memory are what it left them. */
const WHOLE = {
  stream: { clients: 1, errors: 0 },
  disk: { errors: 0 },
  verify: { done: true, bad: 0 },
  memory: { errors: 0 },
};
let world: World;
let cloud: LabCloud;
let stream: StartedCommand;
let streamLog: string;
let created: DesktopCreated;

beforeAll(async () => {
  const small = await startSmallCloud({
    prefix: 'vmse2e',
    wanMbps: 40,
    rttMs: { sites: 40, west: 60, east: 10 },
    policy: {
      cycleMs: 4_000,
      act: false,
      fingerprint: { mode: 'paper' },
      placement: { algorithm: 'cost-aware' },
      migration: { graceMs: 1_000 },
    },
  });
  ({ world, cloud, created } = small);
  stream = await openStream(small.dir);
}, 180_000);

afterAll(async () => {
  await cloud.stop();
  await world.destroy();
});

/** Records of 8 KB each 50 ms: a steady 160 KB/s on the remote desktop's port. Returns when the first record came. */
async function openStream(dir: string): Promise<StartedCommand> {
  const main = join(checkoutFolder(), 'dist', 'lab', 'stream', 'stream-main.js');
  streamLog = join(dir, 'stream.jsonl');
  const options = ['--host', created.external, '--interval', '50', '--payload', '8192', '--log', streamLog];
  for (let tries = 0; tries < 60; tries++) {
    const child = world.spawn(world.user('alice').clientNamespace, [process.execPath, main, ...options], {
      env: { NODE_OPTIONS: '' },
    });
    while (child.end === null) {
      if ((await sizeOf(streamLog)) > 0) return child;
      await sleep(100);
    }
    await sleep(1_000);
  }
  throw new Error('the guest never answered');
}

const sizeOf = async (file: string) => (await stat(file).catch(() => null))?.size ?? 0;

const move = () => cloud.client.workflow.getHandle(migrateId(ID));
const moveStatus = () => move().query(MOVE.status);

async function untilPhase(phase: MoveStatus['phase']): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const status = await moveStatus();
    if (status.phase === phase) return;
    if (status.outcome !== 'running')
      throw new Error(`the move ended in ${status.phase}: ${JSON.stringify(status.error)}`);
    await sleep(50);
  }
  throw new Error(`never came to ${phase}`);
}

async function verifyGuest(): Promise<GuestStatus> {
  // The move knows where the desktop is; the loop learns it with its next reports only.
  const { outcome, oldExternal, newExternal } = await moveStatus();
  const external = outcome === 'moved' ? newExternal : oldExternal;
  return verifyAt(world, external!);
}

/** TCP tries again at growing intervals: after a pause of seconds the next one comes within as many. */
const STREAM_GOES_ON_MS = 20_000;

/** Expect one copy, at `host`, and a connection that still carries records: an open socket alone says nothing of that. */
async function expectRunsOnlyAt(host: string): Promise<void> {
  expect((await copiesOf(cloud, ID)).map((c) => c.host)).toEqual([host]);
  expect(stream.end).toBeNull();
  const before = await sizeOf(streamLog);
  const endMs = Date.now() + STREAM_GOES_ON_MS;
  while ((await sizeOf(streamLog)) === before && Date.now() < endMs) await sleep(100);
  expect(await sizeOf(streamLog)).toBeGreaterThan(before);
}

describe('a desktop follows its user', () => {
  it('is moved by the loop itself, with its disk, its memory and its open connection', async () => {
    const socketOwner = stream.pid;
    await cloud.update(LOOP.setPolicy, { act: true });
    const seen = await cloud.until((s) => s.recent.length > 0, 'the loop has moved the desktop', 150_000);
    await cloud.update(LOOP.setPolicy, { act: false });
    expect(seen.recent[0]).toMatchObject({
      desktop: ID,
      outcome: 'moved',
      cause: 'loop',
      to: { site: 'us-east' },
    });
    const status = (await move().result()) as MoveStatus;
    expect(status.diskHashes).toMatchObject({ equal: true });
    expect(status.rttAfterMs!).toBeLessThan(status.rttBeforeMs!);
    await expectRunsOnlyAt('us-east/h1');
    expect(await lastingLeftoversAt(cloud, 'us-west/h1', ID, status.oldExternal)).toEqual([]);
    expect(stream.pid).toBe(socketOwner);
    expect(await verifyGuest()).toMatchObject(WHOLE);
  }, 200_000);

  it.each<MoveStatus['phase']>(['async-disk', 'memory'])(
    'stays at its source, with nothing left at the target, when its move is cancelled in phase %s',
    async (phase) => {
      await cloud.update(LOOP.requestMove, { desktop: ID, site: 'us-west', force: true });
      await untilPhase(phase);
      await sleep(500);
      await move().signal(MOVE.cancelMove);
      expect((await move().result()) as MoveStatus).toMatchObject({ outcome: 'cancelled' });
      await expectRunsOnlyAt('us-east/h1');
      const { newExternal } = await moveStatus();
      expect(await leftoversAt(cloud, 'us-west/h1', ID, newExternal)).toEqual([]);
      expect(await verifyGuest()).toMatchObject(WHOLE);
    },
    120_000,
  );

  it('goes on where it was when dom0 and the manager are killed in the middle of the disk copy', async () => {
    await cloud.update(LOOP.requestMove, { desktop: ID, site: 'us-west', force: true });
    await untilPhase('async-disk');
    await sleep(2_000);
    await Promise.all([cloud.kill('dom0 us-east/h1'), cloud.kill('manager')]);
    cloud.startDom0('us-east/h1');
    cloud.startManager();
    const status = (await move().result()) as MoveStatus;
    expect(status).toMatchObject({ outcome: 'moved', diskHashes: { equal: true } });
    await expectRunsOnlyAt('us-west/h1');
    expect(await lastingLeftoversAt(cloud, 'us-east/h1', ID, status.oldExternal)).toEqual([]);
    expect(await verifyGuest()).toMatchObject(WHOLE);
  }, 200_000);

  it('goes on where it was when the Temporal server crashes in the middle of the disk copy', async () => {
    await cloud.update(LOOP.requestMove, { desktop: ID, site: 'us-east', force: true });
    await untilPhase('async-disk');
    await sleep(1_000);
    await cloud.crashTemporal(3_000);
    const status = (await move().result()) as MoveStatus;
    expect(status).toMatchObject({ outcome: 'moved', diskHashes: { equal: true } });
    await expectRunsOnlyAt('us-east/h1');
    expect(await lastingLeftoversAt(cloud, 'us-west/h1', ID, status.oldExternal)).toEqual([]);
    expect(await verifyGuest()).toMatchObject(WHOLE);
  }, 200_000);

  it('loses and doubles nothing of the stream over all of this', async () => {
    stream.kill('SIGTERM');
    const [out] = (await Promise.all([once(stream.stdout, 'data'), stream.ended]))[0] as [Buffer];
    const state = JSON.parse(out.toString()) as {
      errors: number;
      guestErrors: number;
      lost: string | null;
      received: number;
    };
    expect(state).toMatchObject({ errors: 0, guestErrors: 0, lost: null });
    expect(state.received).toBeGreaterThan(500);
  });

  it('refuses a move to a host that is down, with nothing changed', async () => {
    await cloud.kill('dom0 us-west/h1', 'SIGTERM');
    await expect(
      cloud.update(LOOP.requestMove, { desktop: ID, site: 'us-west', force: true }),
    ).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
    expect((await copiesOf(cloud, ID)).map((c) => c.host)).toEqual(['us-east/h1']);
  });

  it('is removed for ever once it is stopped, and its host keeps nothing of it', async () => {
    const remove = () => cloud.update(LOOP.removeDesktop, { desktop: ID });
    const { newExternal } = await moveStatus();
    await expect(remove()).rejects.toMatchObject({ code: 'DESKTOP_RUNNING' });
    expect((await copiesOf(cloud, ID)).map((c) => c.host)).toEqual(['us-east/h1']);
    await cloud.update(LOOP.desktopPower, { desktop: ID, action: 'stop' });
    expect(await remove()).toMatchObject({ desktop: ID, host: { site: 'us-east' } });
    expect(await leftoversAt(cloud, 'us-east/h1', ID, newExternal)).toEqual([]);
    await expect(remove()).rejects.toMatchObject({ code: 'UNKNOWN_DESKTOP' });
  }, 120_000);
});
