// Moves that cannot work, on a real Temporal server with fake hosts: held back, said, tried again less and less, and at once when an
// operator says so or the situation has changed.
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef, SiteId } from '../../domain/model/ids.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import { busyWindow } from '../support/busy-window.js';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { oneHostSites } from '../support/one-host-sites.js';
import { FAKE_KEY, FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';

/** Some ten seconds of cycles. */
const EVENTS_A_RUN = 500;
const SITES = ['us-west', 'us-east', 'us-central'];
const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const capacity = { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 10_000 };
const cloudConfig = CloudConfig.parse({
  sites: oneHostSites(SITES),
  policy: {
    cycleMs: 300,
    act: true,
    fingerprint: { mode: 'paper', alpha: 1 },
    placement: { algorithm: 'exact', hysteresisMs: 0 },
    migration: { graceMs: 0, retryAfterMs: 3_600_000 },
  },
  limits: { movesPerHost: 4 },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;
let east: FakeHost;
let central: FakeHost;

const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));
const status = () => loop().query(LOOP.status);

const until = (good: (s: LoopStatus) => boolean) => eventually(status, good);

/** Some more cycles, so that what the loop would do again it has done. */
async function cycles(n: number): Promise<LoopStatus> {
  const { cycle } = await status();
  return until((s) => s.cycle >= cycle + n);
}

/** A desktop in the west that plays a video to a user near the east. */
async function watch(...ids: string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    const net = `10.77.${String(n + 1)}`;
    const network = { address: `${net}.2`, gateway: `${net}.1`, mac: `52:54:0a:4d:0${String(n + 1)}:02` };
    if (cloud.runningAt(id).length === 0) await west.give({ ...fakeDesktop(id), network });
  }
  const rtts = [100, 20, 60].map((rttMs, i) => ({ site: SiteId.parse(SITES[i]), rttMs, ageMs: 0 }));
  for (const host of [west, east, central]) {
    host.users = ids.map((id) => ({
      desktop: DesktopId.parse(id),
      client: FAKE_KEY,
      seenAs: { address: '203.0.113.2', port: 40_000 },
      rtts,
    }));
    host.windows = ids.map(busyWindow);
  }
}

async function refusal(input: { desktop: string; site: string }) {
  const error: unknown = await loop()
    .executeUpdate(LOOP.requestMove, { args: [input] })
    .then(
      () => null,
      (e: unknown) => e,
    );
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  return failureInfo(error);
}

const failures = (s: LoopStatus, desktop: string) =>
  s.recent.filter((r) => r.desktop === desktop && r.outcome === 'failed').length;

beforeAll(async () => {
  plane = await ControlPlane.start({
    dynamicConfig: [`limit.historyCount.suggestContinueAsNew=${String(EVENTS_A_RUN)}`],
  });
  cloud = new FakeCloud();
  west = await cloud.add(ref('us-west'), capacity, '198.18.0.1');
  east = await cloud.add(ref('us-east'), capacity, '198.18.1.1');
  central = await cloud.add(ref('us-central'), capacity, '198.18.2.1');
  for (const host of [west, east, central]) await plane.startHost(host.context);
  await plane.startManager();
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

describe('moves that cannot work', () => {
  it('between hosts that do not go together are tried once, and the next best place is taken', async () => {
    east.machine.cpuModel = 'another';
    await watch('film');
    await ensureShadowLoop(plane.client, cloudConfig);
    const seen = await until(() => cloud.runningAt('film').includes('us-central/h1'));
    await until((s) => s.moves.length === 0);
    expect(seen.held).toEqual([
      expect.objectContaining({
        what: 'moves from us-west/h1 to us-east/h1',
        blame: 'hosts',
        desktop: null,
        code: 'PEER_REFUSED',
        failures: 1,
        reason: expect.stringContaining('its CPU model is another'),
      }),
    ]);
  });

  it('are not tried by other desktops of the same hosts, and the plan says why', async () => {
    // From the place that it took instead, the east is better still, and refuses again.
    await until((s) => s.heldCount === 2);
    await watch('film', 'show');
    await until(() => cloud.runningAt('show').includes('us-central/h1'));
    const seen = await cycles(3);
    expect([failures(seen, 'film'), failures(seen, 'show')]).toEqual([2, 0]);
    for (const id of ['film', 'show'])
      expect(seen.plan?.notMoved.find((n) => n.desktop === id)?.reason).toMatch(
        /; moves from us-central\/h1 to us-east\/h1 is held back until 20.*it failed, PEER_REFUSED: .*CPU model/,
      );
  });

  it('are refused to an operator who does not force them, and tried when he does', async () => {
    expect(await refusal({ desktop: 'film', site: 'us-east' })).toMatchObject({
      code: 'HELD_BACK',
      message: expect.stringMatching(/held back until .*CPU model.*use --force/),
    });
    await loop().executeUpdate(LOOP.requestMove, {
      args: [{ desktop: 'film', site: 'us-east', force: true }],
    });
    const seen = await until((s) => failures(s, 'film') === 3);
    expect(seen.held.find((h) => h.from?.site === 'us-central')).toMatchObject({ failures: 2 });
  });

  it('are still held back in the next run of the loop', async () => {
    const before = await status();
    const runOf = async () => (await loop().describe()).runId;
    const run = await runOf();
    while ((await runOf()) === run) await cycles(1);
    const seen = await cycles(2);
    expect(seen.held).toEqual(before.held);
    expect(failures(seen, 'film')).toBe(3);
  });

  it('are tried again when an operator says so, and forgotten when they work', async () => {
    east.machine.cpuModel = 'max';
    expect(
      await loop().executeUpdate(LOOP.retryMoves, { args: [{ desktop: DesktopId.parse('film') }] }),
    ).toEqual({
      forgotten: 0,
    });
    await cycles(2);
    expect(cloud.runningAt('film')).toEqual(['us-central/h1']);
    expect(await loop().executeUpdate(LOOP.retryMoves, { args: [{ host: ref('us-central') }] })).toEqual({
      forgotten: 1,
    });
    await until(() => ['film', 'show'].every((id) => cloud.runningAt(id).includes('us-east/h1')));
    const seen = await until((s) => s.moves.length === 0);
    expect(seen.held.map((h) => h.what)).toEqual(['moves from us-west/h1 to us-east/h1']);
  });

  it('are held back longer each time, for the desktop alone where only it is to blame', async () => {
    await loop().executeUpdate(LOOP.retryMoves, { args: [{}] });
    await loop().executeUpdate(LOOP.setPolicy, { args: [{ migration: { retryAfterMs: 1_000 } }] });
    east.windows = [];
    west.faults.add('disk breaks');
    await watch('other');
    for (const failures of [1, 2, 3]) {
      const { held } = await until((s) => s.held[0]?.failures === failures);
      expect(held[0]).toMatchObject({ blame: 'move', desktop: 'other', code: 'DISK_COPY' });
      expect(held[0]!.untilMs - held[0]!.failedAtMs).toBe(1_000 * 2 ** (failures - 1));
    }
    west.faults.clear();
    await until(() => cloud.runningAt('other').includes('us-east/h1'));
    expect((await until((s) => s.moves.length === 0)).held).toEqual([]);
    expect(await west.leftovers()).toEqual([]);
  });
});
