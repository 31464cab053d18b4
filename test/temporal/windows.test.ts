// Maintenance windows on a real Temporal server with fake hosts and the real command: who leaves before, what is refused and what is stopped, that
// they outlive the loop's runs, and that all is as before afterwards.
import { setTimeout as sleep } from 'node:timers/promises';
import { CloudConfig } from '../../domain/model/cloud.js';
import { HostRef } from '../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { oneHostSites } from '../support/one-host-sites.js';
import { vmshadow } from '../support/vmshadow.js';

/** Some ten seconds of cycles. */
const EVENTS_A_RUN = 300;
const capacity = { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 10_000 };
const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const cloudConfig = CloudConfig.parse({
  sites: oneHostSites(['us-west', 'us-east']),
  policy: { cycleMs: 500, act: false, placement: { hysteresisMs: 0 }, migration: { graceMs: 0 } },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;
let east: FakeHost;

const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));
const run = (...argv: string[]) => vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });
const until = (good: (s: LoopStatus) => boolean) => eventually(() => loop().query(LOOP.status), good);
const add = (from: string, to: string, ...more: string[]) =>
  run('window', 'add', 'us-west/h1', '--from', from, '--to', to, ...more);

beforeAll(async () => {
  plane = await ControlPlane.start({
    dynamicConfig: [`limit.historyCount.suggestContinueAsNew=${String(EVENTS_A_RUN)}`],
  });
  cloud = new FakeCloud();
  west = await cloud.add(ref('us-west'), capacity, '198.18.0.1');
  east = await cloud.add(ref('us-east'), capacity, '198.18.1.1');
  for (const host of [west, east]) await plane.startHost(host.context);
  await plane.startManager();
  await west.give(fakeDesktop('film'));
  await ensureShadowLoop(plane.client, cloudConfig);
  await until((s) => s.desktopCount === 1);
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

describe('vmshadow window', () => {
  it('refuses times that are none, end before they begin, or overlap', async () => {
    for (const [from, to] of [
      ['soon', '+1h'],
      ['2030-13-01T00:00Z', '+1h'],
      ['+2h', '2001-01-01T00:00Z'],
    ] as const)
      expect([from, (await add(from, to)).exit]).toEqual([from, 64]);
    expect((await run('window', 'add', 'nowhere', '--from', '+1h', '--to', '+1h')).exit).toBe(1);
    expect((await run('window', 'add', 'us-west', '--from', '+1h')).exit).toBe(64);
    const first = await add('2100-01-01T00:00Z', '+2h', '--drain');
    expect([first.exit, first.out]).toEqual([
      0,
      'us-west/h1: maintenance from 2100-01-01 00:00Z to 2100-01-01 02:00Z (planned; emptied from 2099-12-31 23:00Z)\n',
    ]);
    const second = await add('2100-01-01T01:00Z', '+2h');
    expect([second.exit, second.err]).toEqual([
      1,
      expect.stringMatching(/overlap another window of us-west\/h1/),
    ]);
    expect((await run('status')).out).toMatch(/MAINTENANCE[\s\S]*us-west\/h1 +2100-01-01 00:00Z/);
    const removed = await run('window', 'remove', 'us-west/h1', '--json');
    expect(JSON.parse(removed.out)).toMatchObject({
      place: 'us-west/h1',
      removed: [{ drain: true, desktops: 1 }],
    });
    expect((await run('window', 'list')).out).toBe('No maintenance is planned.\n');
  });

  it('keeps desktops from a host before and while it is worked on, stops what is on its way, and then lets all come again', async () => {
    west.faults.add('disk never ends');
    expect((await run('move', 'film', 'us-east', '--no-follow')).exit).toBe(0);
    expect((await add('+1s', '+25s', '--lead', '1s')).exit).toBe(0);
    await until((s) => s.windows?.[0]?.phase === 'open');
    // Out of the host, too: it may be switched off any moment.
    const { recent } = await until((s) => s.recent.length === 1);
    expect(recent[0]?.error).toMatch(/us-west\/h1 is in maintenance until/);
    west.faults.clear();
    expect(cloud.runningAt('film')).toEqual(['us-west/h1']);
    const refused = await run('move', 'film', 'us-east', '--force');
    expect([refused.exit, refused.err]).toEqual([
      1,
      expect.stringMatching(/us-west\/h1 is in maintenance until/),
    ]);
    await until((s) => s.windows === undefined);
    expect((await run('move', 'film', 'us-east')).exit).toBe(0);
    expect(cloud.runningAt('film')).toEqual(['us-east/h1']);
    await plane.movesOver(cloudConfig.pool);
    expect((await run('move', 'film', 'us-west')).exit).toBe(0);
    await plane.movesOver(cloudConfig.pool);
  }, 120_000);

  it('with --drain has everybody leave before, over runs of the loop, and undrains by itself', async () => {
    const { runId } = (await loop().describe()) as { runId: string };
    expect((await add('+1h', '+1h', '--lead', '1h', '--drain')).exit).toBe(0);
    await until((s) => s.draining?.[0]?.place === 'us-west/h1');
    await eventually(
      async () => cloud.runningAt('film'),
      (at) => at.join() === 'us-east/h1',
    );
    await plane.movesOver(cloudConfig.pool);
    const back = await run('move', 'film', 'us-west', '--force');
    expect([back.exit, back.err]).toEqual([1, expect.stringMatching(/maintenance of us-west\/h1 begins at/)]);
    expect((await run('undrain', 'us-west/h1')).out).toMatch(
      /nobody comes there yet: maintenance of us-west\/h1/,
    );
    await eventually(
      async () => ((await loop().describe()) as { runId: string }).runId,
      (now) => now !== runId,
    );
    await sleep(1_000);
    expect((await until((s) => s.desktopCount === 1)).windows).toMatchObject([
      { phase: 'closing', drain: true },
    ]);
    expect((await run('window', 'remove', 'us-west/h1')).exit).toBe(0);
    await until((s) => s.windows === undefined && s.draining?.length === 0);
    expect((await run('move', 'film', 'us-west')).exit).toBe(0);
  }, 180_000);
});
