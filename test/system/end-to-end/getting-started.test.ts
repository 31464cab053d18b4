// docs/getting-started.md, typed in as it stands: two machines, a laptop behind a NAT, and a desktop whose connection stays open while it
// is moved. Addresses are the lab's, the desktop's system is the small guest. Needs `npm run build`.
import { copyFile, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { addressAt } from '../../../domain/model/address.js';
import { checkoutFolder, smallGuest } from '../../../lab/images/locate.js';
import { bothWays } from '../../../lab/net/plan.js';
import { World } from '../../../lab/net/world.js';
import { eventually } from '../../support/eventually.js';
import { Machines } from './support/machines.js';

const DOCUMENT = join(checkoutFolder(), 'docs', 'getting-started.md');
let world: World;
let machines: Machines;

beforeAll(async () => {
  world = await World.create({
    prefix: 'vmsstart',
    sites: [{ id: 'us-west' }, { id: 'us-east' }],
    users: [{ id: 'laptop' }],
    links: [
      ...bothWays('us-west', 'us-east', 40, 100),
      ...bothWays('us-west', 'laptop', 60),
      ...bothWays('us-east', 'laptop', 10),
    ],
  });
  const dir = await mkdtemp('/var/tmp/vmshadow-start-');
  world.alsoRemove(dir);
  const host = (name: string, id: string) => {
    const { namespace, address } = world.host(id);
    return { name, namespace, address };
  };
  const { clientNamespace: namespace, clientAddress: address } = world.user('laptop');
  machines = await Machines.start(world, dir, [
    host('west', 'us-west/h1'),
    host('east', 'us-east/h1'),
    { name: 'laptop', namespace, address },
  ]);
  await bringOffice();
}, 60_000);
afterAll(() => world.destroy());

/** The image and the definition that a reader has: here a kernel beside its disk, which both hosts have. */
async function bringOffice(): Promise<void> {
  const image = smallGuest();
  for (const machine of ['west', 'east']) {
    const images = machines.path(machine, '/var/lib/vmshadow/images');
    await mkdir(images, { recursive: true });
    await copyFile(image.kernel, join(images, 'kernel'));
    await copyFile(image.initrd, join(images, 'initrd'));
  }
  await copyFile(image.disk, machines.path('west', '/srv/vmshadow/office.qcow2'));
  const services = 'vms.ip={address}/30 vms.gw={gateway} vms.disk=300:8 vms.dirty=800:8:fill';
  const definition = {
    memoryMiB: 96,
    disks: [{ sizeMiB: 96, image: 'office.qcow2' }],
    boot: { kind: 'kernel', kernel: 'kernel', initrd: 'initrd', append: `${image.append} ${services}` },
  };
  await writeFile(machines.path('west', '/srv/vmshadow/office.yaml'), stringify(definition));
}

interface Block {
  readonly machine: string;
  readonly script: string;
}

/** The blocks that name a machine, in their order, with this world's addresses. */
async function blocks(): Promise<Block[]> {
  const text = await readFile(DOCUMENT, 'utf8');
  const [west, east] = [world.host('us-west/h1'), world.host('us-east/h1')];
  const range = (pool: string) => `${addressAt(pool, 1)}-3`;
  const put = (script: string) =>
    script
      .replaceAll('198.51.100.101-103', range(east.externalPool))
      .replaceAll('192.0.2.101-103', range(west.externalPool))
      .replaceAll('198.51.100.11', east.address)
      .replaceAll('192.0.2.11', west.address);
  return [...text.matchAll(/^```sh (\w+)\n([^]*?)^```$/gm)].map(([, machine = '', script = '']) => ({
    machine,
    script: put(script),
  }));
}

const sizeOf = async (file: string) => (await stat(file).catch(() => null))?.size ?? 0;

it('leads to a desktop that is moved next to its user with its connection open', async () => {
  const all = await blocks();
  const move = all.findIndex((b) => b.script.includes('vmshadow move'));
  expect(all.length).toBeGreaterThan(6);
  expect(move).toBe(all.length - 1);
  let said = '';
  for (const { machine, script } of all.slice(0, move)) said += await machines.type(machine, script);
  const [, external] = /office runs at us-west\/h1, address ([\d.]+)\./.exec(said) ?? [];
  expect(external).toBeDefined();

  const log = machines.path('laptop', '/srv/vmshadow/stream.jsonl');
  const main = join(checkoutFolder(), 'dist', 'lab', 'stream', 'stream-main.js');
  const viewer = () =>
    world.spawn(
      world.user('laptop').clientNamespace,
      [process.execPath, main, '--host', external!, '--interval', '50', '--payload', '2048', '--log', log],
      { env: { NODE_OPTIONS: '' } },
    );
  let stream = viewer();
  await eventually(
    async () => {
      if (stream.end !== null) stream = viewer();
      return sizeOf(log);
    },
    (size) => size > 0,
  );

  said = await machines.type('west', all[move]!.script);
  expect(said).toMatch(/office moved us-west\/h1 -> us-east\/h1/);
  expect(said).toMatch(/disks +equal at the switchover/);
  const before = await sizeOf(log);
  await eventually(
    () => sizeOf(log),
    (size) => size > before,
  );
  expect(stream.end).toBeNull();
  stream.kill('SIGTERM');
  const [out] = (await Promise.all([once(stream.stdout, 'data'), stream.ended]))[0] as [Buffer];
  expect(JSON.parse(out.toString())).toMatchObject({ errors: 0, guestErrors: 0, lost: null });
}, 240_000);
