// What an operator asks of moves that are over, and of many desktops: history, deadlines, filters, completion; the real command against a
// real Temporal server and the real loop, with fake hosts.
import { CloudConfig } from '../../../domain/model/cloud.js';
import { HostRef } from '../../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../lab/fakes/fake-host.js';
import { runCommand } from '../../../os/run-command.js';
import { ensureShadowLoop } from '../../../temporal/bootstrap.js';
import { migrateId, shadowLoopId } from '../../../temporal/contract/names.js';
import type { LoopStatus } from '../../../temporal/contract/status.js';
import { ControlPlane } from '../../support/control-plane.js';
import { eventually } from '../../support/eventually.js';
import { oneHostSites } from '../../support/one-host-sites.js';
import { vmshadow, VMSHADOW_BIN } from '../../support/vmshadow.js';

const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const capacity = { slots: 4, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const cloudConfig = CloudConfig.parse({
  sites: oneHostSites(['us-west', 'us-east']),
  policy: { cycleMs: 500, act: false, placement: { hysteresisMs: 0 }, migration: { graceMs: 0 } },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;
let east: FakeHost;

const run = (...argv: string[]) => vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });

beforeAll(async () => {
  plane = await ControlPlane.start();
  cloud = new FakeCloud();
  west = await cloud.add(ref('us-west'), capacity, '198.18.0.1');
  east = await cloud.add(ref('us-east'), capacity, '198.18.1.1');
  for (const host of [west, east]) await plane.startHost(host.context);
  await plane.startManager();
  await west.give(fakeDesktop('video'));
  await east.give({
    ...fakeDesktop('text'),
    network: { address: '10.77.3.2', gateway: '10.77.3.1', mac: '52:54:0a:4d:03:02' },
  });
  await ensureShadowLoop(plane.client, cloudConfig);
  const handle = plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));
  await eventually(
    () => handle.query<LoopStatus>('status'),
    (s) => s.desktopCount === 2,
  );
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

describe('a move with a deadline', () => {
  it('is cancelled by itself when that has passed before the commit, and says why', async () => {
    west.faults.add('disk never ends');
    const { exit, err } = await run('move', 'video', 'us-east', '--deadline', '2s');
    expect(err).toMatch(/not made \(cancelled\): cancelled in phase async-disk \(its deadline has passed\)/);
    expect(exit).toBe(1);
    expect(cloud.runningAt('video')).toEqual(['us-west/h1']);
    expect(await west.leftovers()).toEqual([]);
    expect(await east.leftovers()).toEqual([]);
    west.faults.clear();
  }, 60_000);

  it('that ends in time is as any other', async () => {
    const { exit } = await run('move', 'video', 'us-east', '--deadline', '10min');
    expect(exit).toBe(0);
    expect(cloud.runningAt('video')).toEqual(['us-east/h1']);
  }, 60_000);

  it('is refused where its time is none', async () => {
    const { exit, err } = await run('move', 'video', 'us-west', '--deadline', 'soon');
    expect([exit, err]).toEqual([
      64,
      expect.stringMatching(/--deadline: expected a length of time such as 90s/),
    ]);
  });
});

describe('vmshadow history', () => {
  it('shows moves that moved, were cancelled, failed and were terminated, the newest first', async () => {
    east.faults.add('disk breaks');
    await plane.movesOver(cloudConfig.pool);
    expect((await run('move', 'video', 'us-west')).exit).toBe(1);
    await plane.movesOver(cloudConfig.pool);
    east.faults.clear();
    east.faults.add('disk never ends');
    expect((await run('move', 'video', 'us-west', '--no-follow', '--force')).exit).toBe(0);
    await plane.client.workflow.getHandle(migrateId(fakeDesktop('video').id)).terminate('a test');
    interface Answer {
      moves: { execution: string; status: { outcome: string; phases: unknown[] } | null }[];
    }
    // What is listed may be a moment behind.
    const { moves } = await eventually(
      async () => JSON.parse((await run('history', 'video', '--json')).out) as Answer,
      (a) => a.moves.length === 4 && a.moves.every((m) => m.execution !== 'RUNNING'),
    );
    expect(moves.map((m) => [m.execution, m.status?.outcome ?? null])).toEqual([
      ['TERMINATED', null],
      ['FAILED', 'failed'],
      ['COMPLETED', 'moved'],
      ['COMPLETED', 'cancelled'],
    ]);
    expect(moves[2]?.status?.phases).toHaveLength(6);
    const { out } = await run('history', 'video');
    expect(out).toMatch(/^video: 4 moves, the newest first\n/);
    expect(out).toMatch(/terminated, took .*; it left no account of itself/);
    expect(out).toMatch(/us-east\/h1 -> us-west\/h1 {2}failed \(operator\)[\s\S]* ended {5}[A-Z_]+: /);
    expect(out).toMatch(/phases {4}preflight .*, cleanup/);
    expect(out).toMatch(/CANCELLED: .*its deadline has passed/);
    expect((await run('history', 'video', '--limit', '1')).out).toMatch(/^video: 1 move,/);
    east.faults.clear();
  }, 120_000);

  it('says that there is none', async () => {
    const { exit, out } = await run('history', 'text');
    expect([exit, out]).toEqual([0, expect.stringMatching(/^text: Temporal keeps no move of it/)]);
    const unknown = await run('history', 'nosuch');
    expect([unknown.exit, unknown.err]).toEqual([1, expect.stringMatching(/there is no desktop nosuch/)]);
  });
});

describe('filters', () => {
  it('choose desktops of status and of desktop list, and are refused where the field is not known', async () => {
    const listed = JSON.parse((await run('desktop', 'list', 'desktop:te*', '--json')).out) as {
      desktop: string;
    }[];
    expect(listed.map((d) => d.desktop)).toEqual(['text']);
    const { out } = await run('status', 'desktop:te*', 'state:running');
    expect(out).toMatch(/ text +us-east\/h1 +running/);
    expect(out).not.toMatch(/ video +us-east\/h1 +running/);
    const { exit, err } = await run('status', 'colour:red');
    expect([exit, err]).toEqual([
      64,
      expect.stringMatching(/no field colour\nfields are desktop, site, host/),
    ]);
  });
});

describe('completion in a real shell', () => {
  it('offers commands, and names of the cloud', async () => {
    const script = (await run('completion', 'bash')).out;
    const complete = async (line: string) => {
      const asked = `vmshadow() { ${process.execPath} ${VMSHADOW_BIN} "$@"; }
${script}
COMP_WORDS=(${line} "$LAST"); COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 )); _vmshadow; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const said = await runCommand(['bash', '-c', asked], {
        env: { TEMPORAL_ADDRESS: plane.address, NODE_OPTIONS: '', LAST: '' },
      });
      return said.trim().split('\n');
    };
    expect(await complete('vmshadow move')).toEqual(['text', 'video']);
    expect(await complete('vmshadow move video')).toEqual(['us-east', 'us-west']);
    expect(await complete('vmshadow undrain')).toEqual(['us-east', 'us-east/h1', 'us-west', 'us-west/h1']);
  }, 60_000);

  it.each(['zsh', 'fish'])('has a script for %s', async (shell) => {
    expect((await run('completion', shell)).out).toContain('vmshadow __complete');
  });
});
