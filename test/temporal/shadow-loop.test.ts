// The shadow loop on a real Temporal server with fake hosts: what it decides by itself, and what it refuses operators.
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import type { z } from 'zod';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef } from '../../domain/model/ids.js';
import { SamplingPolicy } from '../../domain/model/policy.js';
import { convertSize } from '../../domain/model/units.js';
import { ensureRebalanceSchedule, ensureShadowLoop } from '../../temporal/bootstrap.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { Update } from '../../temporal/contract/message.js';
import { MOVE, type MigrateDesktop } from '../../temporal/contract/move.js';
import type { DesktopsAsk, LoopStatus } from '../../temporal/contract/status.js';
import { migrateId, rebalanceScheduleId, shadowLoopId } from '../../temporal/contract/names.js';
import { busyWindow } from '../support/busy-window.js';
import { ControlPlane } from '../support/control-plane.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';

const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const capacity = { slots: 2, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const cloudConfig = CloudConfig.parse({
  sites: ['us-west', 'us-east', 'us-central'].map((id, i) => ({
    id,
    kind: id === 'us-central' ? 'global' : 'regional',
    hosts: [
      {
        id: 'h1',
        peer: { address: `192.0.2.${String(i + 1)}`, port: 7443 },
        probe: { address: `192.0.2.${String(i + 1)}`, port: 7946 },
      },
    ],
  })),
  policy: {
    cycleMs: 500,
    act: false,
    fingerprint: { mode: 'paper', alpha: 1 },
    placement: { algorithm: 'cost-aware', hysteresisMs: 60_000 },
    migration: { graceMs: 0 },
  },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;
let east: FakeHost;

beforeAll(async () => {
  plane = await ControlPlane.start();
  cloud = new FakeCloud();
  west = await cloud.add(ref('us-west'), capacity, '198.18.0.1');
  east = await cloud.add(ref('us-east'), capacity, '198.18.1.1');
  const central = await cloud.add(ref('us-central'), capacity, '198.18.2.1');
  for (const host of [west, east, central]) await plane.startHost(host.context);
  await plane.startManager();
  await west.give(fakeDesktop('video'));
  await ensureShadowLoop(plane.client, cloudConfig);
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));
const status = () => loop().query(LOOP.status);
const ask = <S extends z.ZodType, R>(update: Update<S, R>, input: z.input<S>) =>
  loop().executeUpdate(update, { args: [input] });

/** What a refused update says; `input` may be anything. */
async function refusal(update: Update<z.ZodType, unknown>, input: unknown) {
  try {
    await loop().executeUpdate(update.name, { args: [input] });
  } catch (error) {
    expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
    return failureInfo(error);
  }
  throw new Error('was not refused');
}

async function until<T>(look: () => Promise<T>, good: (t: T) => boolean): Promise<T> {
  for (let i = 0; ; i++) {
    const now = await look();
    if (good(now)) return now;
    if (i > 150) throw new Error(`never came: ${JSON.stringify(now)}`);
    await sleep(100);
  }
}

describe('shadowLoop', () => {
  it.each([
    ['an unknown desktop', { desktop: 'nobody', site: 'us-east' }, 'UNKNOWN_DESKTOP', 'known are video'],
    [
      'an unknown site',
      { desktop: 'video', site: 'mars' },
      'UNKNOWN_SITE',
      'the sites are us-west, us-east, us-central',
    ],
    [
      'an unknown host',
      { desktop: 'video', site: 'us-east', host: 'h9' },
      'UNKNOWN_SITE',
      'its hosts are h1',
    ],
    ['the site where it is', { desktop: 'video', site: 'us-west' }, 'ALREADY_THERE', 'us-west/h1'],
    ['nonsense', { desktop: 'NO!', site: 5 }, 'INPUT_INVALID', '2 problems'],
  ])('refuses to move %s', async (_, arg, code, words) => {
    expect(await refusal(LOOP.requestMove, arg)).toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
    expect(cloud.runningAt('video')).toEqual(['us-west/h1']);
  });

  it('has every host sample by the policy in force, and by a changed one from the next cycle', async () => {
    // What the sampler is told of the fingerprint's policy.
    const sampled = async () => [west, east].map((h) => SamplingPolicy.optional().parse(h.sampling));
    await until(sampled, (all) => all.every((s) => s?.remoteDesktopPorts.includes(5901) === true));
    const fingerprint = {
      remoteDesktopPorts: [5901, 7777],
      sensitiveServers: ['cdn.example.com', '192.0.2.0/24'],
      assumedContentFps: 30,
    };
    const before = await ask(LOOP.setPolicy, { fingerprint });
    await until(sampled, (all) => all.every((s) => s?.assumedContentFps === 30));
    expect(await sampled()).toEqual(
      [west, east].map(() => ({ ...fingerprint, relayPorts: before.fingerprint.relayPorts })),
    );
    expect(
      await refusal(LOOP.setPolicy, { fingerprint: { sensitiveServers: ['*.example.com'] } }),
    ).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('a full host name such as cdn.example.com'),
    });
    await ask(LOOP.setPolicy, {
      fingerprint: { sensitiveServers: [], assumedContentFps: 27 },
    });
  });

  it('refuses a site without room and says what is missing', async () => {
    await east.give({ ...fakeDesktop('a1'), memoryMiB: 2048 });
    await east.give({ ...fakeDesktop('a2'), memoryMiB: 2048 });
    expect(await refusal(LOOP.requestMove, { desktop: 'video', site: 'us-east' })).toMatchObject({
      code: 'NO_CAPACITY',
      message: expect.stringMatching(/1 slots wanted, 0 of 2 free.*64 MiB of memory wanted, 0 of 4096 free/),
    });
    east.desktops.delete('a1');
    east.desktops.delete('a2');
  });

  it('creates a desktop with an internal address of its own, and refuses the same name twice', async () => {
    const made = await ask(LOOP.createDesktop, {
      id: 'text',
      site: 'us-west',
      memoryMiB: 64,
      diskMiB: 64,
    });
    expect(made).toMatchObject({ host: ref('us-west'), internal: '10.77.0.6', external: '198.18.0.2' });
    expect(cloud.runningAt('text')).toEqual(['us-west/h1']);
    expect(
      await refusal(LOOP.createDesktop, { id: 'text', site: 'us-east', memoryMiB: 64, diskMiB: 64 }),
    ).toMatchObject({ code: 'ALREADY_EXISTS' });
  });

  it('removes a desktop that is stopped, whose id and addresses are free again, and one that runs never', async () => {
    const make = () => ask(LOOP.createDesktop, { id: 'gone', site: 'us-west', memoryMiB: 64, diskMiB: 64 });
    await west.context.hypervisor.stop(DesktopId.parse('text'), 0);
    await ask(LOOP.removeDesktop, { desktop: 'text' });
    const made = await make();
    expect(await refusal(LOOP.removeDesktop, { desktop: 'nobody' })).toMatchObject({
      code: 'UNKNOWN_DESKTOP',
    });
    expect(await refusal(LOOP.removeDesktop, { desktop: 'gone' })).toMatchObject({
      code: 'DESKTOP_RUNNING',
      message: expect.stringMatching(
        /gone is running at us-west\/h1; stop it first: `vmshadow desktop stop gone`/,
      ),
    });
    expect(cloud.runningAt('gone')).toEqual(['us-west/h1']);
    await ask(LOOP.desktopPower, { desktop: 'gone', action: 'stop' });
    expect(await ask(LOOP.removeDesktop, { desktop: 'gone' })).toEqual({
      desktop: 'gone',
      host: ref('us-west'),
    });
    expect(west.desktops.has('gone')).toBe(false);
    expect(west.network.has('gone')).toBe(false);
    expect((await status()).desktops.map((d) => d.desktop)).not.toContain('gone');
    expect(await make()).toEqual(made);
    expect(cloud.runningAt('gone')).toEqual(['us-west/h1']);
    expect((await west.context.ownership.get(DesktopId.parse('gone')))?.epoch).toBe(3);
    await ask(LOOP.desktopPower, { desktop: 'gone', action: 'stop' });
    await ask(LOOP.removeDesktop, { desktop: 'gone' });
    await ask(LOOP.createDesktop, { id: 'text', site: 'us-west', memoryMiB: 64, diskMiB: 64 });
  });

  it('makes a stopped desktop another from its next start on, and touches none that runs', async () => {
    const document = { vcpus: 2, memoryMiB: 128, disks: [{ sizeMiB: 64 }] };
    const edit = { desktop: 'text', document };
    expect(await refusal(LOOP.editDesktop, edit)).toMatchObject({
      code: 'DESKTOP_RUNNING',
      message: expect.stringContaining('`vmshadow desktop stop text`'),
    });
    await ask(LOOP.desktopPower, { desktop: 'text', action: 'stop' });
    expect(await ask(LOOP.editDesktop, edit)).toEqual({
      desktop: 'text',
      host: ref('us-west'),
      changes: ['vcpus: 1 -> 2', 'memoryMiB: 64 -> 128'],
    });
    expect(await loop().query(LOOP.definition, { desktop: 'text' })).toMatchObject({
      vcpus: 2,
      memoryMiB: 128,
    });
    const grown = { ...edit, document: { ...document, disks: [{ sizeMiB: 65 }] } };
    expect(await refusal(LOOP.editDesktop, grown)).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining('disks: they are of 64 MiB'),
    });
    await ask(LOOP.editDesktop, { ...edit, document: { ...document, vcpus: 1, memoryMiB: 64 } });
    await ask(LOOP.desktopPower, { desktop: 'text', action: 'start' });
  });

  it('gives desktops that are made at the same time different addresses, and never more room than there is', async () => {
    const wanted = ['c1', 'c2', 'c3'].map((id) =>
      ask(LOOP.createDesktop, { id, site: 'us-central', memoryMiB: 64, diskMiB: 64 }),
    );
    const made = await Promise.allSettled(wanted);
    const addresses = made.flatMap((m) => (m.status === 'fulfilled' ? [m.value.internal] : []));
    expect(addresses).toHaveLength(2);
    expect(new Set(addresses).size).toBe(2);
  });

  it('gives its desktops by pages, one by name, and none when only the head is wanted', async () => {
    const all = await status();
    expect(all.desktopCount).toBe(all.desktops.length);
    expect(all.desktopCount).toBeGreaterThanOrEqual(4);
    const asked = (ask: z.input<typeof DesktopsAsk>) => loop().query(LOOP.status, ask);
    const ids = (s: LoopStatus) => s.desktops.map((d) => d.desktop);
    const pages = [await asked({ limit: 2 }), await asked({ from: 2, limit: 500 })];
    expect(pages.flatMap(ids)).toEqual(ids(all));
    expect(ids(await asked({ desktop: 'text' }))).toEqual(['text']);
    expect(ids(await asked({ desktop: 'nobody' }))).toEqual([]);
    expect(await asked({ limit: 0 })).toMatchObject({ desktops: [], desktopCount: all.desktopCount });
  });

  it('enrols a client only at a desktop that it knows', async () => {
    expect(await refusal(LOOP.enrollClients, { desktop: 'nobody', clients: [FAKE_KEY] })).toMatchObject({
      code: 'UNKNOWN_DESKTOP',
    });
    await ask(LOOP.enrollClients, { desktop: 'video', clients: [FAKE_KEY] });
    expect(west.log).toContain(`enroll ${FAKE_KEY}`);
  });

  it('plans without acting while the policy says so, with a reason for every move', async () => {
    west.windows = [busyWindow('video')];
    west.users = [
      {
        desktop: DesktopId.parse('video'),
        client: FAKE_KEY,
        seenAs: { address: '203.0.113.2', port: 40_000 },
        rtts: [
          { site: ref('us-west').site, rttMs: 100, ageMs: 0 },
          { site: ref('us-east').site, rttMs: 20, ageMs: 0 },
          { site: ref('us-central').site, rttMs: 60, ageMs: 0 },
        ],
      },
    ];
    const seen = await until(status, (s) => (s.plan?.moves.length ?? 0) > 0);
    expect(seen.plan?.moves).toEqual([
      expect.objectContaining({
        desktop: 'video',
        from: 'us-west',
        to: 'us-east',
        rttBeforeMs: 100,
        rttAfterMs: 20,
      }),
    ]);
    expect(seen.plan?.moves[0]?.reason).toMatch(/\S/);
    expect(seen.moves).toEqual([]);
    expect(cloud.runningAt('video')).toEqual(['us-west/h1']);
  });

  it('plans with the dirty rates that the host has measured', async () => {
    const cost = async () => (await status()).plan?.moves[0]?.cost ?? 0;
    const still = convertSize(fakeDesktop('video').memoryMiB, 'MiB', 'GB');
    expect(await cost()).toBeCloseTo(2 * still, 3);
    // Half of the 60 Mbit/s that a move may take: the memory is sent twice.
    west.dirty = { memoryMbps: 30, diskMbps: 0 };
    await until(cost, (now) => now > 2.9 * still);
    expect(await cost()).toBeCloseTo(3 * still, 2);
  });

  it('has the sites ping a user whose thin client is silent, and plans with that', async () => {
    const reported = west.users;
    west.users = [];
    await loop().signal(LOOP.runCycle, { act: false });
    west.pingMs = 90;
    east.pingMs = 15;
    // The client's own values count until they are stale; a desktop that never had any is probed at once.
    await west.give({
      ...fakeDesktop('quiet'),
      network: { address: '10.77.9.2', gateway: '10.77.9.1', mac: '52:54:0a:4d:09:02' },
    });
    west.windows = [
      busyWindow('video'),
      { ...busyWindow('quiet'), user: { address: '203.0.113.9', port: 40_001 } },
    ];
    const seen = await until(status, (s) => s.desktops.find((d) => d.desktop === 'quiet')?.rttMs === 90);
    expect(seen.desktops.find((d) => d.desktop === 'quiet')).toMatchObject({
      rtts: { 'us-west': 90, 'us-east': 15 },
      user: '203.0.113.9:40001',
    });
    west.users = reported;
    west.windows = [busyWindow('video')];
    west.desktops.delete('quiet');
  });

  it('keeps its policy when a change of it is wrong, and names every problem', async () => {
    expect(await refusal(LOOP.setPolicy, { cycleMs: 1, placement: { w1: -3 } })).toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringMatching(/cycleMs[\s\S]*placement\.w1/),
    });
    expect((await loop().query(LOOP.policy)).cycleMs).toBe(500);
  });

  it('moves the desktop by itself once it may act, then leaves it alone for the hysteresis time', async () => {
    await ask(LOOP.setPolicy, { act: true });
    const seen = await until(status, (s) => s.recent.length > 0);
    expect(seen.recent[0]).toMatchObject({
      desktop: 'video',
      outcome: 'moved',
      cause: 'loop',
      to: ref('us-east'),
    });
    expect(cloud.runningAt('video')).toEqual(['us-east/h1']);
    expect(await refusal(LOOP.requestMove, { desktop: 'video', site: 'us-west' })).toMatchObject({
      code: 'HYSTERESIS',
    });
    const move = await plane.client.workflow
      .getHandle<MigrateDesktop>(migrateId(DesktopId.parse('video')))
      .result();
    expect(move).toMatchObject({ cause: 'loop', rttBeforeMs: 100, rttAfterMs: 20 });
    await ask(LOOP.setPolicy, { act: false });
  });

  it('moves by force within the hysteresis time, and refuses a second move of the same desktop meanwhile', async () => {
    east.faults.add('disk never ends');
    await ask(LOOP.requestMove, { desktop: 'video', site: 'us-west', force: true });
    expect(
      await refusal(LOOP.requestMove, { desktop: 'video', site: 'us-central', force: true }),
    ).toMatchObject({ code: 'MOVE_IN_PROGRESS' });
    expect(await refusal(LOOP.removeDesktop, { desktop: 'video' })).toMatchObject({
      code: 'MOVE_IN_PROGRESS',
    });
    expect(await refusal(LOOP.desktopPower, { desktop: 'video', action: 'stop' })).toMatchObject({
      code: 'MOVE_IN_PROGRESS',
    });
    await plane.client.workflow.getHandle(migrateId(DesktopId.parse('video'))).signal(MOVE.cancelMove);
    const seen = await until(status, (s) => s.moves.length === 0);
    expect(seen.recent[0]).toMatchObject({ outcome: 'cancelled' });
    expect(cloud.runningAt('video')).toEqual(['us-east/h1']);
    east.faults.clear();
  });

  it('takes a move off its list when an operator terminates the workflow', async () => {
    east.faults.add('disk never ends');
    await ask(LOOP.requestMove, { desktop: 'video', site: 'us-west', force: true });
    await plane.client.workflow.getHandle(migrateId(DesktopId.parse('video'))).terminate('a test');
    const seen = await until(status, (s) => s.moves.length === 0);
    expect(seen.recent[0]?.error).toMatch(/terminated/);
    east.faults.clear();
  });

  it('says which host is silent, and goes on with the others', async () => {
    const changed = {
      ...cloudConfig,
      sites: [...cloudConfig.sites, { ...cloudConfig.sites[1]!, id: ref('us-north').site }],
    };
    await ask(LOOP.setCloud, changed);
    const seen = await until(status, (s) => s.problems.length > 0);
    expect(seen.problems[0]).toMatch(/us-north\/h1: the host did not take up its task/);
    expect(seen.hosts.find((h) => h.host.site === 'us-east')?.alive).toBe(true);
    expect(
      await refusal(LOOP.requestMove, { desktop: 'video', site: 'us-north', force: true }),
    ).toMatchObject({ code: 'HOST_UNREACHABLE' });
    await ask(LOOP.setCloud, cloudConfig);
  });

  it('has a schedule that can be triggered and paused, and whose run acts though the loop only watches', async () => {
    await ensureRebalanceSchedule(plane.client, cloudConfig);
    await ensureRebalanceSchedule(plane.client, cloudConfig);
    const schedule = plane.client.schedule.getHandle(rebalanceScheduleId(cloudConfig.pool));
    const [reported] = west.users;
    const watch = async (desktop: string, n: number) => {
      const network = {
        address: `10.77.8.${String(n + 1)}`,
        gateway: `10.77.8.${String(n)}`,
        mac: `52:54:0a:4d:08:0${String(n)}`,
      };
      await west.give({ ...fakeDesktop(desktop), network });
      west.users = [{ ...reported!, desktop: DesktopId.parse(desktop) }];
      west.windows = [busyWindow(desktop)];
      await until(status, (s) => s.plan?.moves.some((m) => m.desktop === desktop) === true);
      expect(cloud.runningAt(desktop)).toEqual(['us-west/h1']);
    };
    await watch('film', 1);
    await schedule.trigger();
    const seen = await until(status, (s) => s.recent[0]?.desktop === 'film');
    expect(seen.recent[0]).toMatchObject({ outcome: 'moved', cause: 'rebalance', to: ref('us-east') });
    // The cycles after that one only watch again.
    east.desktops.delete('video');
    await watch('later', 5);
    const { cycle } = await status();
    expect(await until(status, (s) => s.cycle > cycle + 2)).toMatchObject({ moves: [] });
    expect(cloud.runningAt('later')).toEqual(['us-west/h1']);
    await schedule.pause('maintenance');
    expect((await schedule.describe()).state.paused).toBe(true);
  });

  it('says of a desktop that has arrived where it runs and until when its old disk is in the way', async () => {
    await ask(LOOP.setPolicy, { migration: { graceMs: 600_000 } });
    await ask(LOOP.requestMove, { desktop: 'later', site: 'us-east', force: true });
    const move = plane.client.workflow.getHandle(migrateId(DesktopId.parse('later')));
    const moved = await until(
      () => move.query(MOVE.status),
      (s) => s.sourceKeptUntilMs !== undefined,
    );
    const refused = {
      code: 'MOVE_IN_PROGRESS',
      message: expect.stringMatching(
        `runs at us-east/h1 now.*at us-west/h1 is kept until ${new Date(moved.sourceKeptUntilMs ?? 0).toISOString()}`,
      ) as string,
    };
    expect(await refusal(LOOP.requestMove, { desktop: 'later', site: 'us-west', force: true })).toMatchObject(
      refused,
    );
    expect(await refusal(LOOP.desktopPower, { desktop: 'later', action: 'stop' })).toMatchObject(refused);
    expect(cloud.runningAt('later')).toEqual(['us-east/h1']);
    await move.terminate('a test');
  });
});
