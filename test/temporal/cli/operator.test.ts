// The real command against a real Temporal server and the real loop, with fake hosts: what an operator types, sees and gets as exit code.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { HostRef } from '../../../domain/model/ids.js';
import { ensureShadowLoop } from '../../../temporal/bootstrap.js';
import type { LoopStatus } from '../../../temporal/contract/status.js';
import { CONTROL_QUEUE, shadowLoopId, WORKFLOW } from '../../../temporal/contract/names.js';
import { ControlPlane } from '../../support/control-plane.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../../lab/fakes/fake-host.js';
import { startCommand } from '../../../os/start-command.js';
import { vmshadow, Vmshadow, VMSHADOW_BIN } from '../../support/vmshadow.js';

const ref = (site: string) => HostRef.parse({ site, host: 'h1' });
const capacity = { slots: 2, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const SITES = ['us-west', 'us-east'];
const cloudConfig = CloudConfig.parse({
  sites: SITES.map((id, i) => ({
    id,
    kind: 'regional',
    hosts: [
      {
        id: 'h1',
        peer: { address: `192.0.2.${String(i + 1)}`, port: 7443 },
        probe: { address: `192.0.2.${String(i + 1)}`, port: 7946 },
      },
    ],
  })),
  policy: { cycleMs: 500, act: false, placement: { hysteresisMs: 60_000 }, migration: { graceMs: 0 } },
});

/** Two questions of five seconds, and the start of a process on a busy machine. */
const PATIENCE_MS = 30_000;
let plane: ControlPlane;
let cloud: FakeCloud;
let west: FakeHost;

const run = (...argv: string[]) => vmshadow(argv, { env: { TEMPORAL_ADDRESS: plane.address } });
/** Run with --json and give the data with the exit code. */
async function data(...argv: string[]): Promise<{ exit: number | null; data: unknown }> {
  const { exit, out } = await run(...argv, '--json');
  return { exit, data: JSON.parse(out) as unknown };
}
interface Refused {
  error: { code: string; message: string };
}

/** Run at a terminal of its own, at which `answer` is typed when it asks. */
async function atTerminal(argv: string[], answer: string): Promise<{ exit: number | null; out: string }> {
  const command = [process.execPath, VMSHADOW_BIN, ...argv].join(' ');
  const child = startCommand(['script', '-qec', command, '/dev/null'], {
    stdin: 'pipe',
    env: { NODE_OPTIONS: '', TEMPORAL_ADDRESS: plane.address },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (!out.includes('[y/N]') && (out + text).includes('[y/N]')) child.stdin.write(`${answer}\n`);
    out += text;
  });
  const { exitCode } = await child.ended;
  return { exit: exitCode, out };
}

beforeAll(async () => {
  plane = await ControlPlane.start();
  cloud = new FakeCloud();
  west = await cloud.add(ref('us-west'), capacity, '198.18.0.1');
  const east = await cloud.add(ref('us-east'), capacity, '198.18.1.1');
  for (const host of [west, east]) await plane.startHost(host.context);
  await plane.startManager();
  await west.give(fakeDesktop('video'));
  await ensureShadowLoop(plane.client, cloudConfig);
  await untilCycle();
});

afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

async function untilCycle(): Promise<void> {
  for (let i = 0; i < 60; i++) {
    const { exit, data: status } = await data('status');
    if (exit === 0 && (status as LoopStatus).desktops.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('the loop shows no desktop');
}

describe('vmshadow status', () => {
  it('shows hosts and desktops', async () => {
    const { exit, out, err } = await run('status');
    expect(exit).toBe(0);
    expect(err).toBe('');
    expect(out).toMatch(/us-west\/h1 +up +1\/2/);
    expect(out).toMatch(/video +us-west\/h1 +running/);
    expect(out).toContain('plans only (policy act=false)');
  });

  it('--watch prints lines where there is no terminal, and ends with 0 on Ctrl-C', async () => {
    const watching = new Vmshadow(['status', '--watch', '--interval', '0.3'], {
      env: { TEMPORAL_ADDRESS: plane.address },
    });
    await watching.untilPrinted('1 desktop | no move', 20_000);
    const { exit, out } = await watching.interrupt();
    expect(exit).toBe(0);
    expect(out).not.toContain('\u001b');
  });

  it('--watch --json prints one document a line', async () => {
    const watching = new Vmshadow(['status', '--watch', '--json', '--interval', '0.2'], {
      env: { TEMPORAL_ADDRESS: plane.address },
    });
    await watching.untilPrinted('}\n{', 20_000);
    const { out } = await watching.interrupt();
    for (const line of out.trimEnd().split('\n'))
      expect((JSON.parse(line) as LoopStatus).desktops).toHaveLength(1);
  });
});

describe('what cannot be done is refused with one clear error and exit code 1', () => {
  it.each<[string, string[], string, RegExp]>([
    ['an unknown desktop', ['move', 'nobody', 'us-east'], 'UNKNOWN_DESKTOP', /nobody.*video/],
    ['an unknown site', ['move', 'video', 'mars'], 'UNKNOWN_SITE', /mars.*us-west, us-east/],
    ['a move to where it is', ['move', 'video', 'us-west'], 'ALREADY_THERE', /us-west/],
    ['a cancel without a move', ['cancel', 'video'], 'NO_MOVE', /in no move/],
    ['a force without a move', ['force', 'video'], 'NO_MOVE', /in no move/],
    [
      'a desktop larger than any host',
      'desktop create big --site us-east --memory 900000 --disk 100'.split(' '),
      'NO_CAPACITY',
      /no room/,
    ],
    ['an explanation of nobody', ['explain', 'nobody'], 'UNKNOWN_DESKTOP', /nobody/],
    ['power for nobody', ['desktop', 'stop', 'nobody'], 'UNKNOWN_DESKTOP', /nobody/],
  ])('%s', async (_case, argv, code, said) => {
    const { exit, out, err } = await run(...argv, '--json');
    const { error } = JSON.parse(out) as Refused;
    expect(error.code).toBe(code);
    expect(error.message).toMatch(said);
    expect(exit).toBe(1);
    expect(err).not.toMatch(/\n +at /);
    expect(west.desktops.get('video')?.state).toBe('running');
  });

  it('a pool that nobody manages is not there (69)', async () => {
    const { exit, data: answer } = await data('status', '--pool', 'other');
    expect(exit).toBe(69);
    expect((answer as Refused).error.message).toContain('no shadow loop for the pool other');
  });
});

describe('vmshadow policy', () => {
  it('changes what was named, shows the whole, and the loop follows', async () => {
    const set = await data(...['policy', 'set', 'msPerGB=5', 'highThreshold=0.4']);
    expect(set.exit).toBe(0);
    expect(set.data).toMatchObject({
      act: false,
      placement: { msPerGB: 5, highThreshold: 0.4, hysteresisMs: 60_000 },
    });
    const { out } = await run('policy');
    expect(out).toMatch(/placement\.msPerGB +5/);
    expect(out).toMatch(/placement\.highThreshold +0\.4/);
  });
});

describe('vmshadow plan', () => {
  it('shows the plan of the live pool without acting', async () => {
    const { exit, data: plan } = await data('plan', '--algorithm', 'cost-aware');
    expect(exit).toBe(0);
    expect(plan).toMatchObject({
      algorithm: 'cost-aware',
      moves: [],
      notMoved: expect.any(Array) as unknown[],
    });
    expect((await run('plan')).out).toContain('PLAN by exact');
  });
});

describe('vmshadow move', () => {
  it('that cannot reach its end cancels, leaves the desktop at home, and ends with 1', async () => {
    west.faults.add('disk never ends');
    const moving = new Vmshadow(['move', 'video', 'us-east'], { env: { TEMPORAL_ADDRESS: plane.address } });
    await moving.untilPrinted('async-disk', 30_000);
    expect((await data('move', 'video', 'us-east')).data).toMatchObject({
      error: { code: 'MOVE_IN_PROGRESS' },
    });
    expect((await run('status')).out).toMatch(/MOVES\n +video -> us-east\/h1 \(operator/);
    const cancel = await run('cancel', 'video');
    expect(cancel).toMatchObject({
      exit: 0,
      out: expect.stringMatching(/cancelled in phase async-disk.*runs at us-west\/h1 as before/) as string,
    });
    const { exit, err } = await moving.ended;
    expect(exit).toBe(1);
    expect(err).toContain('(cancelled)');
    expect(err).toContain('The desktop runs at us-west/h1.');
    west.faults.clear();
    expect(cloud.runningAt('video')).toEqual(['us-west/h1']);
  });

  it('follows the move to its end and prints what it did', async () => {
    const { exit, out, err } = await run('move', 'video', 'us-east', '--force', '--json');
    expect(err).toMatch(/video {2}us-west\/h1 -> us-east\/h1/);
    expect(exit).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ outcome: 'moved', downtimeMs: 7, diskHashes: { equal: true } });
    expect(cloud.runningAt('video')).toEqual(['us-east/h1']);
  });

  it('is refused again within the hysteresis time, unless forced', async () => {
    await plane.movesOver(cloudConfig.pool);
    const { exit, data: answer } = await data('move', 'video', 'us-west');
    expect(exit).toBe(1);
    expect((answer as Refused).error.code).toBe('HYSTERESIS');
    expect((answer as Refused).error.message).toContain('--force');
  });

  it('--no-follow returns at once with the workflow', async () => {
    const { exit, data: accepted } = await data('move', 'video', 'us-west', '--force', '--no-follow');
    expect(exit).toBe(0);
    expect(accepted).toMatchObject({ workflowId: 'migrate/video' });
    for (let i = 0; i < 60 && cloud.runningAt('video')[0] !== 'us-west/h1'; i++)
      await new Promise((resolve) => setTimeout(resolve, 250));
    expect(cloud.runningAt('video')).toEqual(['us-west/h1']);
  });
});

describe('vmshadow desktop', () => {
  it('creates, lists, stops and starts', async () => {
    const created = await data(...'desktop create second --site us-east --memory 64 --disk 64'.split(' '));
    expect(created.exit).toBe(0);
    expect(created.data).toMatchObject({
      host: { site: 'us-east' },
      external: expect.stringMatching(/^198\.18\.1\.\d+$/),
    });
    const list = await data('desktop', 'list');
    expect((list.data as { desktop: string }[]).map((d) => d.desktop).sort()).toEqual(['second', 'video']);
    expect((await run('desktop', 'stop', 'second')).exit).toBe(0);
    expect(cloud.runningAt('second')).toEqual([]);
    expect((await run('desktop', 'start', 'second')).exit).toBe(0);
    expect(cloud.runningAt('second')).toEqual(['us-east/h1']);
  });

  it('makes one as a file defines it, and shows it as the file that makes it again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vms-file-'));
    const file = join(folder, 'desk.yaml');
    const create = async (id: string) =>
      data('desktop', 'create', id, '-f', file, '--site', 'us-west', '--host', 'h1', '--no-start');
    const text =
      'vcpus: 2\nmemoryMiB: 256\nfirmware: uefi\nguestAgent: true\ndisks:\n  - { sizeMiB: 60, bus: sata, image: a.qcow2 }\n  - { sizeMiB: 4 }\n';
    await writeFile(file, text);
    expect(await create('third')).toMatchObject({ exit: 0, data: { desktop: 'third' } });
    const { exit, out } = await run('desktop', 'show', 'third', '--yaml');
    expect(exit).toBe(0);
    expect(west.machine.desktops.get('third')?.definition).toMatchObject({ diskMiB: 64, vcpus: 2 });
    await run('desktop', 'remove', 'third', '--yes');
    await writeFile(file, out);
    expect((await create('third')).exit).toBe(0);
    const again = await data('desktop', 'show', 'third');
    expect(again.data).toEqual({
      id: 'third',
      vcpus: 2,
      memoryMiB: 256,
      firmware: 'uefi',
      guestAgent: true,
      machine: 'pc-i440fx-10.0',
      remoteDesktopPort: 5901,
      disks: [
        { sizeMiB: 60, bus: 'sata', image: 'a.qcow2' },
        { sizeMiB: 4, bus: 'virtio' },
      ],
    });
    await run('desktop', 'remove', 'third', '--yes');
    expect(await data('desktop', 'show', 'third')).toMatchObject({
      exit: 1,
      data: { error: { code: 'UNKNOWN_DESKTOP' } },
    });
    await rm(folder, { recursive: true });
  });

  it('explains one of which nothing has been seen', async () => {
    const { exit, out } = await run('explain', 'second');
    expect(exit).toBe(0);
    expect(out).toContain('second: rank');
  });

  it('removes nothing unasked: not without --yes where there is no terminal (64), nor one that runs (1)', async () => {
    const unasked = await run('desktop', 'remove', 'second');
    expect(unasked.exit).toBe(64);
    expect(unasked.err).toContain('add --yes');
    const running = await data('desktop', 'remove', 'second', '--yes');
    expect(running).toMatchObject({ exit: 1, data: { error: { code: 'DESKTOP_RUNNING' } } });
    expect((running.data as Refused).error.message).toContain('`vmshadow desktop stop second`');
    expect(cloud.runningAt('second')).toEqual(['us-east/h1']);
  });

  it('asks at a terminal before it removes one, and takes only a yes for one', async () => {
    expect((await run('desktop', 'stop', 'second')).exit).toBe(0);
    for (const answer of ['n', '', 'second']) {
      const { exit, out } = await atTerminal(['desktop', 'remove', 'second'], answer);
      expect(out).toMatch(
        /Remove second \(stopped at us-east\/h1\) and its disk of 64 MiB for ever\? \[y\/N\]/,
      );
      expect(out).toContain('Nothing was removed.');
      expect(exit).toBe(1);
    }
    const { exit, out } = await atTerminal(['desktop', 'remove', 'second'], 'y');
    expect(out).toContain('second is removed from us-east/h1, its disk too.');
    expect(exit).toBe(0);
    expect(await data('desktop', 'list')).toMatchObject({ exit: 0, data: [{ desktop: 'video' }] });
  });

  it('gives the id of one that was removed to a new one, and removes that with --yes', async () => {
    const create = 'desktop create second --site us-west --memory 64 --disk 64 --no-start'.split(' ');
    expect(await data(...create)).toMatchObject({ exit: 0, data: { host: { site: 'us-west' } } });
    expect(await data('desktop', 'remove', 'second', '--yes')).toEqual({
      exit: 0,
      data: { desktop: 'second', host: ref('us-west') },
    });
    expect(await data('desktop', 'remove', 'second', '--yes')).toMatchObject({
      exit: 1,
      data: { error: { code: 'UNKNOWN_DESKTOP' } },
    });
  });
});

describe('without a manager', () => {
  it('every command says so within seconds (69)', async () => {
    const lone = await ControlPlane.start();
    try {
      await ensureLoopWithoutManager(lone);
      const begun = Date.now();
      const { exit, err } = await vmshadow(['move', 'video', 'us-east'], {
        env: { TEMPORAL_ADDRESS: lone.address },
      });
      expect(exit).toBe(69);
      expect(err).toContain('is `vmshadow manager` running?');
      expect(Date.now() - begun).toBeLessThan(PATIENCE_MS);
    } finally {
      await lone.stop();
    }
  });
});

/** Start the loop's workflow without anybody to run it. */
async function ensureLoopWithoutManager(lone: ControlPlane): Promise<void> {
  await lone.client.workflow.start(WORKFLOW.shadowLoop, {
    workflowId: shadowLoopId(cloudConfig.pool),
    taskQueue: CONTROL_QUEUE,
    args: [{ cloud: cloudConfig }],
  });
}
