// Making a desktop on a real Temporal server with fake hosts: as long as it takes, with progress, cancelled, cut off by a dead dom0.
import { CloudConfig } from '../../domain/model/cloud.js';
import { DesktopId, HostRef } from '../../domain/model/ids.js';
import { ensureShadowLoop } from '../../temporal/bootstrap.js';
import { CREATE } from '../../temporal/contract/create.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { createId, shadowLoopId } from '../../temporal/contract/names.js';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { Vmshadow, vmshadow } from '../support/vmshadow.js';
import { FakeCloud, type FakeHost } from '../../lab/fakes/fake-host.js';

const west = HostRef.parse({ site: 'us-west', host: 'h1' });
const cloudConfig = CloudConfig.parse({
  sites: [
    {
      id: 'us-west',
      kind: 'regional',
      hosts: [
        { id: 'h1', peer: { address: '192.0.2.1', port: 1 }, probe: { address: '192.0.2.1', port: 2 } },
      ],
    },
  ],
  policy: { cycleMs: 500, act: false },
});
let plane: ControlPlane;
let cloud: FakeCloud;
let host: FakeHost;
let worker: { stop(): Promise<void> };

beforeAll(async () => {
  plane = await ControlPlane.start();
  cloud = new FakeCloud();
  host = await cloud.add(west, { slots: 9, vcpus: 9, memoryMiB: 4096, diskMiB: 9_999 }, '198.18.0.1');
  worker = await plane.startHost(host.context);
  await plane.startManager();
  await ensureShadowLoop(plane.client, cloudConfig);
});
afterEach(() => host.faults.clear());
afterAll(async () => {
  await plane.stop();
  await cloud.remove();
});

const loop = () => plane.client.workflow.getHandle(shadowLoopId(cloudConfig.pool));
const creationOf = (id: string) => plane.client.workflow.getHandle(createId(DesktopId.parse(id)));
const statusOf = (id: string) => creationOf(id).query(CREATE.status);
const ask = (id: string, wait: boolean) =>
  loop().executeUpdate(LOOP.createDesktop, {
    args: [{ id, site: 'us-west', image: 'image.qcow2', memoryMiB: 64, diskMiB: 64, wait }],
  });
const command = (...argv: string[]) => ({ argv, options: { env: { TEMPORAL_ADDRESS: plane.address } } });
const create = (id: string) =>
  command('desktop', 'create', id, '--site', 'us-west', '--memory', '64', '--disk', '64', '--image', 'i.raw');

describe('a creation', () => {
  it('begins at once, holds address and room while it lasts, and lets the loop go on', async () => {
    host.faults.add('image never ends');
    const begun = await ask('slow', false);
    expect(begun).toMatchObject({ workflowId: 'create/slow', internal: '10.77.0.2', external: '' });
    const { cycle } = await loop().query(LOOP.status);
    const status = await eventually(
      () => loop().query(LOOP.status),
      (s) => s.cycle > cycle + 1,
    );
    expect(status.creating).toMatchObject([{ desktop: 'slow', workflowId: 'create/slow' }]);
    await eventually(
      () => statusOf('slow'),
      (s) => s.progress.doneBytes > 0,
    );
    await expect(ask('slow', false)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('is being created right now') },
    });
    host.faults.clear();
    // Not the address of the one that is still made, whose host does not report it yet.
    expect(await ask('quick', true)).toMatchObject({
      internal: '10.77.0.6',
      external: expect.stringMatching(/^198/),
    });
    expect(await creationOf('slow').result()).toMatchObject({ outcome: 'made' });
    expect(cloud.runningAt('slow')).toEqual(['us-west/h1']);
    await eventually(
      () => loop().query(LOOP.status),
      (s) => s.creating.length === 0 && s.desktopCount === 2,
    );
    expect(await host.leftovers()).toEqual([]);
  });

  it('leaves nothing when it is cancelled, whose command says so', async () => {
    host.faults.add('image never ends');
    await ask('unwanted', false);
    await eventually(
      () => statusOf('unwanted'),
      (s) => s.progress.doneBytes > 0,
    );
    const { argv, options } = command('cancel', 'unwanted');
    const { exit, out } = await vmshadow(argv, options);
    expect([exit, out]).toEqual([
      0,
      expect.stringMatching(/unwanted: not made, nothing is left of it at us-west\/h1/),
    ]);
    expect(host.desktops.has('unwanted')).toBe(false);
    expect(await host.leftovers()).toEqual([]);
    expect((await loop().query(LOOP.status)).creating).toEqual([]);
  });

  it('is begun anew by the next dom0 when the one that copied is gone', async () => {
    host.faults.add('image never ends');
    await ask('cut', false);
    await eventually(
      () => statusOf('cut'),
      (s) => s.progress.doneBytes > 0,
    );
    await worker.stop();
    expect((await statusOf('cut')).outcome).toBe('running');
    host.faults.clear();
    worker = await plane.startHost(host.context);
    expect(await creationOf('cut').result()).toMatchObject({ outcome: 'made' });
    expect(cloud.runningAt('cut')).toEqual(['us-west/h1']);
    expect(await host.leftovers()).toEqual([]);
  });

  it('is shown by the command, which says on Ctrl-C that it goes on', async () => {
    host.faults.add('image never ends');
    const { argv, options } = create('shown');
    const running = new Vmshadow(argv, options);
    await running.untilPrinted('copying i.raw', 60_000);
    const { exit, err } = await running.interrupt();
    expect(exit).toBe(130);
    expect(err).toMatch(/The creation of shown goes on at its host.*vmshadow cancel shown/);
    host.faults.clear();
    expect(await creationOf('shown').result()).toMatchObject({ outcome: 'made' });
  });

  it('is followed by the command to the end, and listed then', async () => {
    const { argv, options } = create('whole');
    const { exit, out } = await vmshadow(argv, options);
    expect([exit, out]).toEqual([
      0,
      expect.stringMatching(/whole runs at us-west\/h1, address 198\.18\.0\./),
    ]);
    const { desktops } = await loop().query(LOOP.status);
    expect(desktops.map((d) => d.desktop)).toContain('whole');
  });

  it('of a terminated workflow frees its id, and the next one removes what it left', async () => {
    host.faults.add('image never ends');
    await ask('ended', false);
    await eventually(
      () => statusOf('ended'),
      (s) => s.progress.doneBytes > 0,
    );
    await creationOf('ended').terminate('a test');
    // The attempt hears of it by its next heartbeat.
    await eventually(
      async () => host.machine.unfinished.size,
      (n) => n === 0,
    );
    expect(await host.leftovers()).toEqual(['creation of ended']);
    await eventually(
      () => loop().query(LOOP.status),
      (s) => s.creating.length === 0,
    );
    host.faults.clear();
    expect(await ask('ended', true)).toMatchObject({ desktop: 'ended' });
    expect(cloud.runningAt('ended')).toEqual(['us-west/h1']);
    expect(await host.leftovers()).toEqual([]);
  });
});
