// Managers of two releases at once under Temporal's worker versioning, on a real server with fake hosts: a move in the middle stays with
// the one that began it, the loop goes over, and an operator says when.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef } from '../../domain/model/ids.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { MigrateDesktop } from '../../temporal/contract/move.js';
import { migrateId, shadowLoopId } from '../../temporal/contract/names.js';
import { makeCurrent, managerVersions } from '../../temporal/manager-versions.js';
import { WORKFLOW_BUNDLE } from '../../workers/manager.js';
import { buildIdOf, untilCurrent } from '../../workers/manager-version.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';
import { pino } from 'pino';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { oneHostSites } from '../support/one-host-sites.js';
import { vmshadow, Vmshadow } from '../support/vmshadow.js';

const SITES = ['us-west', 'us-east'];
const config = CloudConfig.parse({
  sites: oneHostSites(SITES),
  policy: { cycleMs: 300, act: false, migration: { graceMs: 0 } },
});
const quiet = pino({ level: 'silent' });
const never = new AbortController().signal;
const VERSION_TIMEOUT_MS = 60_000;
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;
let east: FakeHost;
let second: { stop(): Promise<void> };
let dir: string;

beforeAll(async () => {
  plane = await ControlPlane.start();
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-versions-'));
  cloud = new FakeCloud();
  const hosts = await Promise.all(
    SITES.map((site, i) =>
      cloud.add(
        HostRef.parse({ site, host: 'h1' }),
        { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 10_000 },
        `198.18.${String(i)}.1`,
      ),
    ),
  );
  [west, east] = hosts as [FakeHost, FakeHost];
  for (const host of hosts) await plane.startHost(host.context);
  for (const [n, id] of ['early', 'late'].entries()) {
    const net = `10.77.${String(n + 1)}`;
    const network = { address: `${net}.2`, gateway: `${net}.1`, mac: `52:54:0a:4d:0${String(n + 1)}:02` };
    await west.give({ ...fakeDesktop(id), network });
  }
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
  await rm(dir, { recursive: true, force: true });
});

const loop = () => plane.client.workflow.getHandle(shadowLoopId(config.pool));
const moveOf = (desktop: string) =>
  plane.client.workflow.getHandle<MigrateDesktop>(migrateId(DesktopId.parse(desktop)));
const versions = () => managerVersions(plane.client);
const stateOf = async (buildId: string) => (await versions()).find((v) => v.buildId === buildId)?.state;

/** The versions whose managers have done steps of a workflow, in order; `none` for managers without one. */
async function ranUnder(workflowId: string): Promise<string[]> {
  const { events } = await plane.client.workflow.getHandle(workflowId).fetchHistory();
  const builds = (events ?? []).flatMap(({ workflowTaskCompletedEventAttributes: done }) =>
    done == null ? [] : (done.deploymentVersion?.buildId ?? 'none'),
  );
  return builds.filter((b, i) => b !== builds[i - 1]);
}

describe('managers as versions', () => {
  it('are none as long as nobody starts one', async () => {
    expect(await versions()).toEqual([]);
  });

  it(
    'the first becomes the current one by itself, and takes over a loop that began without',
    async () => {
      await plane.startManager();
      await ensureShadowLoop(plane.client, config);
      await plane.startManager('first');
      await untilCurrent(plane.client, 'first', quiet, never);
      await eventually(
        () => ranUnder(shadowLoopId(config.pool)),
        (builds) => builds.includes('first'),
      );
      expect(await stateOf('first')).toBe('current');
    },
    VERSION_TIMEOUT_MS,
  );

  it(
    'a move in the middle stays with the version that began it; the loop and what it begins go over',
    async () => {
      west.faults.add('disk never ends');
      await loop().executeUpdate(LOOP.requestMove, { args: [{ desktop: 'early', site: 'us-east' }] });
      await eventually(
        () => moveOf('early').describe(),
        ({ raw }) => raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId === 'first',
      );
      second = await plane.startManager('second');
      await eventually(
        () => stateOf('second'),
        (state) => state === 'waiting',
      );
      await makeCurrent(plane.client, 'second');
      await eventually(
        () => ranUnder(shadowLoopId(config.pool)),
        (builds) => builds.at(-1) === 'second',
      );
      expect(await stateOf('first')).toBe('draining');
      // The loop has gone: what is left is the move.
      await eventually(versions, (all) => all.some((v) => v.buildId === 'first' && v.open === 1));
      west.faults.clear();
      expect(await moveOf('early').result()).toMatchObject({ outcome: 'moved' });
      expect(await ranUnder(migrateId(DesktopId.parse('early')))).toEqual(['first']);
      expect(cloud.runningAt('early')).toEqual(['us-east/h1']);

      await loop().executeUpdate(LOOP.requestMove, { args: [{ desktop: 'late', site: 'us-east' }] });
      expect(await moveOf('late').result()).toMatchObject({ outcome: 'moved' });
      expect(await ranUnder(migrateId(DesktopId.parse('late')))).toEqual(['second']);
      await eventually(versions, (all) => all.some((v) => v.buildId === 'first' && v.open === 0));
    },
    VERSION_TIMEOUT_MS,
  );

  it(
    'a move whose managers are gone stands still until an operator lets the current version take it up',
    async () => {
      const id = migrateId(DesktopId.parse('late'));
      east.faults.add('disk never ends');
      await loop().executeUpdate(LOOP.requestMove, {
        args: [{ desktop: 'late', site: 'us-west', force: true }],
      });
      await eventually(
        () => ranUnder(id),
        (builds) => builds.at(-1) === 'second',
      );
      await plane.startManager('third');
      await eventually(
        () => stateOf('third'),
        (state) => state === 'waiting',
      );
      await makeCurrent(plane.client, 'third');
      await second.stop();
      east.faults.clear();
      // As `temporal workflow update-options --versioning-override-behavior auto_upgrade` does.
      await plane.client.workflowService.updateWorkflowExecutionOptions({
        namespace: plane.client.options.namespace,
        workflowExecution: { workflowId: id },
        workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } },
        updateMask: { paths: ['versioning_override'] },
      });
      expect(await moveOf('late').result()).toMatchObject({ outcome: 'moved' });
      expect(await ranUnder(id)).toEqual(['second', 'third']);
      expect(cloud.runningAt('late')).toEqual(['us-west/h1']);
    },
    VERSION_TIMEOUT_MS,
  );

  it(
    'a manager of another version waits until an operator gives it the work',
    async () => {
      const env = { TEMPORAL_ADDRESS: plane.address };
      const buildId = await buildIdOf(WORKFLOW_BUNDLE);
      await writeFile(join(dir, 'cloud.yaml'), JSON.stringify({ ...config, pool: 'other' }));
      const manager = new Vmshadow(['manager', '--config', join(dir, 'cloud.yaml'), '--versioned'], { env });
      try {
        await manager.untilPrinted(`vmshadow versions use ${buildId}`, VERSION_TIMEOUT_MS);
        const listed = await vmshadow(['versions'], { env });
        expect(listed.out).toMatch(/third +current/);
        expect(listed.out).toMatch(new RegExp(`${buildId} +waits to be used`));
        expect(manager.err).not.toContain('manager ready');
        const wrong = await vmshadow(['versions', 'use', 'nobodys'], { env });
        expect([wrong.exit, wrong.err]).toEqual([
          69,
          expect.stringContaining('no manager runs as version nobodys'),
        ]);
        expect(await stateOf('third')).toBe('current');

        const used = await vmshadow(['versions', 'use', buildId], { env });
        expect([used.exit, used.out]).toEqual([0, expect.stringContaining(`go to ${buildId}`)]);
        await manager.untilPrinted('manager ready', VERSION_TIMEOUT_MS);
        const back = await vmshadow(['versions', 'use', '--unversioned', '--json'], { env });
        expect(JSON.parse(back.out)).toContainEqual(expect.objectContaining({ buildId: 'third', open: 0 }));
        await eventually(
          () => ranUnder(shadowLoopId(config.pool)),
          (builds) => builds.at(-1) === 'none',
        );
      } finally {
        await manager.interrupt();
      }
      // What an operator has said stands, also when a manager comes again.
      const again = new Vmshadow(['manager', '--config', join(dir, 'cloud.yaml'), '--versioned'], { env });
      try {
        await again.untilPrinted(`vmshadow versions use ${buildId}`, VERSION_TIMEOUT_MS);
        expect(again.err).not.toContain('manager ready');
      } finally {
        await again.interrupt();
      }
    },
    2 * VERSION_TIMEOUT_MS,
  );

  it.each([[[]], [['a', '--unversioned']], [["a' OR 1=1"]]])(
    'refuses `versions use` with %j',
    async (argv) => {
      const { exit, err } = await vmshadow(['versions', 'use', ...argv], {
        env: { TEMPORAL_ADDRESS: plane.address },
      });
      expect([exit, err]).toEqual([64, expect.stringContaining('versions use')]);
    },
  );
});
