// Emptying sites and hosts, on a real Temporal server with fake hosts and the real command: who leaves and where to, what holds the others,
// what is refused meanwhile, and that it survives the loop's runs and a restart of the manager.
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef, SiteId } from '../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, FAKE_KEY, type FakeHost } from '../../lab/fakes/fake-host.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { MOVE } from '../../temporal/contract/move.js';
import { migrateId, shadowLoopId } from '../../temporal/contract/names.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { busyWindow } from '../support/busy-window.js';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { vmshadow, Vmshadow } from '../support/vmshadow.js';

/** Some ten seconds of cycles. */
const EVENTS_A_RUN = 500;
const HOSTS = ['us-west/h1', 'us-west/h2', 'us-east/h1', 'us-central/h1'];
const refs = HOSTS.map((name) => {
  const [site, host] = name.split('/');
  return HostRef.parse({ site, host });
});
const capacity = { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 10_000 };
const address = (n: number) => ({ address: `192.0.2.${String(n)}`, port: 1 });
const cloudConfig = CloudConfig.parse({
  sites: ['us-west', 'us-east', 'us-central'].map((id, i) => ({
    id,
    kind: 'regional',
    hosts: refs
      .filter((r) => r.site === id)
      .map((r, k) => ({ id: r.host, peer: address(10 * i + k), probe: address(10 * i + k) })),
  })),
  policy: {
    cycleMs: 500,
    act: false,
    fingerprint: { mode: 'paper', alpha: 1 },
    placement: { hysteresisMs: 3_600_000 },
    migration: { graceMs: 0 },
  },
  limits: { movesInAll: 2, movesPerHost: 2 },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let hosts: Record<string, FakeHost>;

const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));
const status = () => loop().query(LOOP.status);
const run = (...argv: string[]) => vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });
const following = (...argv: string[]) => new Vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });

const until = (good: (s: LoopStatus) => boolean) => eventually(status, good);

const hostOf = (name: string): FakeHost => {
  const found = hosts[name];
  if (found === undefined) throw new Error(name);
  return found;
};
let made = 0;
async function give(at: string, id: string): Promise<void> {
  const n = String(++made);
  const network = {
    address: `10.77.${n}.2`,
    gateway: `10.77.${n}.1`,
    mac: `52:54:0a:4d:${n.padStart(2, '0')}:02`,
  };
  await hostOf(at).give({ ...fakeDesktop(id), network });
}

beforeAll(async () => {
  plane = await ControlPlane.start({
    dynamicConfig: [`limit.historyCount.suggestContinueAsNew=${String(EVENTS_A_RUN)}`],
  });
  cloud = new FakeCloud();
  hosts = {};
  for (const [i, self] of refs.entries())
    hosts[HOSTS[i] as string] = await cloud.add(self, capacity, `198.18.${String(i)}.1`);
  for (const host of Object.values(hosts)) await plane.startHost(host.context);
  await plane.startManager();
  // A film, whose user is near the east, and text of whose user nobody knows anything.
  for (const id of ['film', 'text-1', 'text-2']) await give('us-west/h1', id);
  const rtts = ['us-west', 'us-east', 'us-central'].map((site, i) => ({
    site: SiteId.parse(site),
    rttMs: [100, 20, 60][i] ?? 0,
    ageMs: 0,
  }));
  for (const host of Object.values(hosts)) {
    host.users = [
      {
        desktop: DesktopId.parse('film'),
        client: FAKE_KEY,
        seenAs: { address: '203.0.113.2', port: 40_000 },
        rtts,
      },
    ];
    host.windows = [busyWindow('film')];
  }
  await ensureShadowLoop(plane.client, cloudConfig);
  await until((s) => s.desktops.length === 3 && (s.plan?.moves.length ?? 0) > 0);
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

describe('vmshadow drain', () => {
  it.each([
    ['mars', /there is no site mars; the sites are us-west, us-east, us-central/],
    ['us-west/h9', /site us-west has no host h9; its hosts are h1, h2/],
  ])('refuses %s', async (place, said) => {
    const { exit, err } = await run('drain', place);
    expect(exit).toBe(1);
    expect(err).toMatch(said);
  });

  it('evacuates a host although the loop only watches, within the site where there is room, and says when it is empty', async () => {
    const { exit, out, err } = await run('drain', 'us-west/h1');
    expect(err).toMatch(/us-west\/h1 {2}3 left/);
    expect(out).toBe('us-west/h1 is empty. Nobody comes there until `vmshadow undrain us-west/h1`.\n');
    expect(exit).toBe(0);
    expect(cloud.runningAt('film')).toEqual(['us-east/h1']);
    for (const text of ['text-1', 'text-2']) expect(cloud.runningAt(text)).toEqual(['us-west/h2']);
    const { recent, plan } = await until((s) => s.moves.length === 0);
    expect(recent.map((r) => [r.cause, r.outcome])).toEqual(Array(3).fill(['drain', 'moved']));
    expect(plan?.moves).toEqual([]);
  }, 120_000);

  it('refuses whoever would come there, and says how to change that', async () => {
    const moved = await run('move', 'film', 'us-west', '--host', 'h1', '--force');
    expect([moved.exit, moved.err]).toEqual([
      1,
      expect.stringMatching(/us-west\/h1 is being emptied: .*`vmshadow undrain us-west\/h1`/),
    ]);
    const create = 'desktop create new --site us-west --host h1 --memory 64 --disk 64'.split(' ');
    expect(await run(...create, '--json')).toMatchObject({
      exit: 1,
      out: expect.stringContaining('"code": "DRAINING"'),
    });
  });

  it('goes on in the next run of the loop and under another manager', async () => {
    const { runId } = await loop().describe();
    for (let i = 0; (await loop().describe()).runId === runId; i++) {
      if (i > 900) throw new Error('the loop never began a new run');
      await sleep(100);
    }
    await plane.stopWorkers();
    await plane.startManager();
    for (const host of Object.values(hosts)) await plane.startHost(host.context);
    const seen = await until((s) => !s.beginning && s.hosts.every((h) => h.alive));
    expect(seen.draining).toMatchObject([{ place: 'us-west/h1', left: 0 }]);
    expect(seen.hosts.map((h) => h.draining)).toEqual([true, false, false, false]);
    expect((await run('status')).out).toMatch(
      /us-west\/h1 +up, draining[\s\S]*DRAINING\n {2}us-west\/h1 {2}empty/,
    );
  }, 180_000);

  it('stops moves on their way to a site, empties it, and names who cannot leave', async () => {
    await give('us-east/h1', 'off');
    hostOf('us-east/h1').desktops.get('off')!.state = 'stopped';
    await give('us-central/h1', 'coming');
    await until((s) => s.desktopCount === 5);
    hostOf('us-central/h1').faults.add('disk never ends');
    await run('move', 'coming', 'us-east', '--no-follow');
    await until((s) => s.moves.length === 1);
    const { exit, out, err } = await run('drain', 'us-east', '--json');
    expect(err).toMatch(/1 move towards it told to stop: coming/);
    const end = JSON.parse(out) as { outcome: string; residents: unknown[]; cancelled: string[] };
    expect(end).toMatchObject({ outcome: 'stuck', cancelled: ['coming'], left: 1 });
    expect(end.residents).toEqual([
      expect.objectContaining({ desktop: 'off', is: 'held', why: expect.stringMatching(/is stopped/) }),
    ]);
    expect(err).toMatch(/us-east: 1 desktop cannot leave:\n {2}off at us-east\/h1: it is stopped/);
    expect(exit).toBe(1);
    // Its hysteresis time has not passed: that does not count.
    expect(cloud.runningAt('film')).toEqual(['us-central/h1']);
    expect(cloud.runningAt('coming')).toEqual(['us-central/h1']);
    const cancelled = (await status()).recent.find((r) => r.desktop === 'coming');
    expect(cancelled).toMatchObject({
      outcome: 'cancelled',
      error: expect.stringMatching(/cancelled in phase .* \(us-east is being emptied\)/),
    });
  }, 120_000);

  it('starts nothing while the loop is paused, says so, and goes on when it is not', async () => {
    hostOf('us-central/h1').faults.clear();
    expect((await run('pause')).out).toMatch(/starts no moves of its own any more, drains included/);
    expect((await run('pause', '--json')).out).toContain('"changed": false');
    const begun = await run('drain', 'us-central', '--no-follow');
    expect(begun.out).toMatch(/us-central: is being emptied from now on, [2-4] desktops there/);
    const paused = await until(
      (s) => s.draining?.some((d) => d.place === 'us-central' && d.counts.held >= 2) === true,
    );
    expect(paused.moves).toEqual([]);
    expect(paused.draining?.find((d) => d.place === 'us-central')?.residents[0]?.why).toMatch(/paused/);
    expect((await run('status')).out).toMatch(/PAUSED .*`vmshadow unpause`/);
    await run('undrain', 'us-east');
    expect((await run('unpause')).out).toBe('The loop starts moves again.\n');
    // A run of the loop that has only begun knows of nobody at a host that it has not heard.
    await until(
      (s) =>
        s.draining?.some((d) => d.place === 'us-central' && d.left === 0 && d.unheard?.length === 0) === true,
    );
    expect(cloud.runningAt('film')).toEqual(['us-east/h1']);
  }, 120_000);

  it('leaves alone whose move an operator cancels, goes on after Ctrl-C, and is over when it is undrained', async () => {
    await run('undrain', 'us-central');
    // Both ends are slow now: nobody gets anywhere.
    for (const host of Object.values(hosts)) host.faults.add('disk never ends');
    const drain = following('drain', 'us-east');
    await drain.untilPrinted('moving film', 60_000);
    await plane.client.workflow.getHandle(migrateId(DesktopId.parse('film'))).signal(MOVE.cancelMove);
    const seen = await until(
      (s) =>
        s.draining?.some((d) => d.residents.some((r) => r.desktop === 'film' && r.is === 'held')) === true,
    );
    expect(seen.moves.map((m) => m.desktop)).not.toContain('film');
    const why = seen.draining?.[1]?.residents.find((r) => r.desktop === 'film')?.why;
    expect(why).toMatch(/its move was cancelled: it is tried again at/);
    const { exit, err } = await drain.interrupt();
    expect(exit).toBe(130);
    expect(err).toMatch(/The drain goes on\. `vmshadow undrain us-east` ends it\./);
    const ended = await run('undrain', 'us-east', '--json');
    expect(JSON.parse(ended.out)).toEqual({ place: 'us-east', was: true, still: null });
    expect((await status()).draining?.map((d) => d.place)).toEqual(['us-west/h1']);
  }, 120_000);
});
