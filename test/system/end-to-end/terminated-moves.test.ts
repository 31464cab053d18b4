// Moves that are terminated on real parts: QEMU, Temporal, dom0 workers, a WAN. The desktop, which writes to its disk and its memory all the
// while, runs at one host throughout; `vmshadow reconcile` or the next move leaves nothing of what was terminated, without a hand.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Phase } from '../../../domain/migration/phases.js';
import { SiteId } from '../../../domain/model/ids.js';
import type { LabCloud } from '../../../lab/cloud/lab-cloud.js';
import { copiesOf, lastingLeftoversAt } from '../../../lab/demo/leftovers.js';
import type { World } from '../../../lab/net/world.js';
import type { GuestStatus } from '../../../lab/stream/guest-control.js';
import { LOOP } from '../../../temporal/contract/loop.js';
import { MOVE, type MoveStatus } from '../../../temporal/contract/move.js';
import { migrateId } from '../../../temporal/contract/names.js';
import type { ReconcileResult } from '../../../temporal/contract/reconcile.js';
import { eventually } from '../../support/eventually.js';
import { vmshadow } from '../../support/vmshadow.js';
import { ID, startSmallCloud, verifyAt } from '../../../lab/cloud/small-cloud.js';

const HOSTS = ['us-west/h1', 'us-east/h1'] as const;
const TEST_MS = 150_000;
let world: World;
let cloud: LabCloud;
/** Addresses that the desktop has had or was to get. */
const addresses = new Set<string>();

beforeAll(async () => {
  ({ world, cloud } = await startSmallCloud({
    prefix: 'vmster',
    wanMbps: 80,
    rttMs: { sites: 20, west: 10, east: 10 },
    policy: { cycleMs: 600_000, act: false, migration: { graceMs: 0 } },
  }));
  await verifyGuest();
}, 180_000);

afterAll(async () => {
  await cloud.stop();
  await world.destroy();
});

/** Where the desktop runs; it must be one host. */
async function whereItRuns(): Promise<(typeof HOSTS)[number]> {
  const { desktops } = await cloud.status();
  expect(desktops).toMatchObject([{ desktop: ID, state: 'running' }]);
  const { site, host } = desktops[0]!.host;
  const found = HOSTS.find((h) => h === `${site}/${host}`)!;
  expect((await copiesOf(cloud, ID)).map((c) => c.host)).toEqual([found]);
  return found;
}

const otherThan = (host: string) => HOSTS.find((h) => h !== host)!;

/** What the guest says of itself, asked at the address that it has now; waits for one that boots. */
async function verifyGuest(): Promise<GuestStatus> {
  for (let tries = 0; ; tries++) {
    await cloud.update(LOOP.makePlan, {});
    const external = (await cloud.status()).desktops[0]?.external;
    try {
      return await verifyAt(world, external!);
    } catch (error) {
      if (tries > 60) throw error;
      await sleep(500);
    }
  }
}

const move = () => cloud.client.workflow.getHandle(migrateId(ID));

async function beginMove(): Promise<void> {
  await cloud.update(LOOP.makePlan, {});
  const { desktops } = await cloud.status();
  const { site, host } = desktops[0]!.host;
  const to = SiteId.parse(otherThan(`${site}/${host}`).split('/')[0]);
  await cloud.update(LOOP.requestMove, { desktop: ID, site: to, force: true });
}

/** Begin a move and give its status when it is in one of these phases. */
async function moveUntil(phases: readonly Phase[]): Promise<MoveStatus> {
  await beginMove();
  for (;;) {
    const status = await move().query(MOVE.status);
    if (phases.includes(status.phase)) {
      for (const address of [status.oldExternal, status.newExternal])
        if (address !== null) addresses.add(address);
      return status;
    }
    if (status.outcome !== 'running')
      throw new Error(`ended in ${status.phase}: ${JSON.stringify(status.error)}`);
    await sleep(20);
  }
}

async function reconcile(): Promise<ReconcileResult> {
  const { exit, out, err } = await vmshadow(['reconcile', '--json'], {
    env: { TEMPORAL_ADDRESS: cloud.temporalAddress },
  });
  if (exit !== 0 || err !== '') throw new Error(`reconcile ended with ${String(exit)}: ${err}\n${out}`);
  return JSON.parse(out) as ReconcileResult;
}

/** Start a killed dom0 again and wait until it reports: until then `reconcile` rightly calls its host lost. */
async function restartDom0(host: string): Promise<void> {
  const startedAtMs = Date.now();
  cloud.startDom0(host);
  await eventually(
    async () => {
      await cloud.update(LOOP.makePlan, {});
      return (await cloud.status()).hosts;
    },
    (hosts) => hosts.every((h) => h.alive && (h.lastSeenMs ?? 0) > startedAtMs),
  );
}

/** Expect that the desktop runs at one host, whole, that the other has nothing of it, and that nothing is left to be found. */
async function expectWholeAndAlone(): Promise<void> {
  expect(await verifyGuest()).toMatchObject({
    disk: { errors: 0 },
    verify: { done: true, bad: 0 },
    memory: { errors: 0 },
  });
  const here = await whereItRuns();
  const there = otherThan(here);
  for (const address of [null, ...addresses])
    expect(await lastingLeftoversAt(cloud, there, ID, address)).toEqual([]);
  const { namespace, device } = world.host(here);
  expect(await world.exec(namespace, ['tc', 'class', 'show', 'dev', device])).not.toContain('htb');
  expect((await reconcile()).items).toEqual([]);
}

describe('a move that is terminated', () => {
  it.each<[Phase, readonly Phase[]]>([
    ['async-disk', ['async-disk']],
    ['sync-switch', ['sync-switch', 'memory']],
    ['memory', ['memory']],
    ['switchover', ['switchover']],
  ])(
    'in phase %s leaves nothing after `vmshadow reconcile`',
    async (phase, phases) => {
      await moveUntil(phases);
      if (phase === 'async-disk' || phase === 'memory') await sleep(700);
      await move().terminate('a test');
      const { items } = await reconcile();
      expect(items.map((i) => [i.outcome, i.error])).toEqual(items.map(() => ['repaired', null]));
      expect(items.length).toBeGreaterThan(0);
      await expectWholeAndAlone();
    },
    TEST_MS,
  );

  it(
    'in its switchover, with the dom0 of its source killed, runs at one host after `vmshadow reconcile`',
    async () => {
      const { from } = await moveUntil(['switchover']);
      const dom0 = `${from.site}/${from.host}`;
      await Promise.all([cloud.kill(`dom0 ${dom0}`), move().terminate('a test')]);
      await restartDom0(dom0);
      await reconcile();
      await expectWholeAndAlone();
    },
    TEST_MS,
  );

  it(
    'in its clean-up leaves nothing once the grace time is over',
    async () => {
      await cloud.update(LOOP.setPolicy, { migration: { graceMs: 600_000 } });
      await moveUntil(['cleanup']);
      await sleep(2_000);
      await move().terminate('a test');
      const kept = (await reconcile()).items.filter((i) => i.kind === 'kept-source');
      expect(kept).toMatchObject([{ outcome: 'found', repair: null }]);
      await cloud.update(LOOP.setPolicy, { migration: { graceMs: 0 } });
      await reconcile();
      await expectWholeAndAlone();
    },
    TEST_MS,
  );

  it.each<Phase>(['async-disk', 'memory'])(
    'in phase %s is in nobody’s way: the next move works at once',
    async (phase) => {
      const { from } = await moveUntil([phase]);
      await sleep(500);
      await move().terminate('a test');
      await beginMove();
      expect(await move().result()).toMatchObject({ outcome: 'moved', diskHashes: { equal: true } });
      expect(await verifyGuest()).toMatchObject({ verify: { bad: 0 } });
      expect(await whereItRuns()).toBe(otherThan(`${from.site}/${from.host}`));
    },
    TEST_MS,
  );

  it('leaves nothing in all of this', expectWholeAndAlone, TEST_MS);
});
