// What befalls a desktop with two disks in each phase of its move, on real QEMU: the link is cut, or everything of the target dies. Both disks are
// the source's then, whole, and the guest goes on with them; or both are the target's, where its word had been given.
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { smallGuest } from '../../lab/images/locate.js';
import type { MoveKey } from '../../ports/hypervisor.js';
import { NEVER } from '../compliance/move-steps.js';
import { expectIntact } from '../system/qemu/there-and-back.js';
import { copyDisk, copyMemory, crash, smallDesktop, TAP, TwoHosts } from '../system/qemu/two-hosts.js';

const keys = { 'vms.disk': '1000:16', 'vms.dirty': '1000:8', 'vms.spread': '/dev/sda', 'vms.scsi': 1 };
const small = smallDesktop('two', keys);
const SECOND_MIB = 24;
const definition = DesktopDefinition.parse({
  ...small,
  diskMiB: small.diskMiB + SECOND_MIB,
  disks: [
    { sizeMiB: small.diskMiB, bus: 'virtio' },
    { sizeMiB: SECOND_MIB, bus: 'scsi' },
  ],
});
const { id } = definition;
const PEER = { address: '10.201.0.2', port: 9 };
const BUDGET_MS = 2_000;
/** Some moves of an emulated guest, on a machine that others use. */
const TEST_MS = 600_000;
/** Slow enough to be hit in the middle. */
const SLOW_MBPS = 20;

let world: TwoHosts;
let move: MoveKey;
let count = 0;
beforeAll(async () => {
  world = await TwoHosts.make();
  await world.a.driver.create(definition, TAP, smallGuest().disk);
  await world.a.driver.start(id);
  await world.guest(world.a, 'status', TEST_MS);
}, TEST_MS);
afterAll(() => world.remove());
beforeEach(() => {
  move = { desktop: id, moveId: `try-${String(++count)}` };
});

/** Bring the move so far that it is in a phase. */
const phases: Readonly<Record<string, () => Promise<void>>> = {
  'while the disks are copied': async () => {
    const target = await world.b.driver.prepareDisk(move, definition, world.a.self);
    await world.a.driver.startDiskCopy(move, target, SLOW_MBPS);
    while ((await world.a.driver.diskProgress(move)).doneBytes === 0);
  },
  'while the disks are kept in sync': () => copyDisk(world.a, world.b, move, definition),
  'while the memory is copied': async () => {
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
  },
};

/** Everything of the target's that has to do with moves. */
async function killTarget(): Promise<void> {
  const qemus = (await world.b.driver.list()).flatMap(({ pid }) => (pid === null ? [] : [pid]));
  await crash([...(await world.processes('qemu-storage-daemon')), ...qemus]);
}

/** Undone as the saga does it: the guest goes on at the source with both disks, and nothing is left at the target. */
async function expectAtSource(): Promise<void> {
  await world.a.driver.cancelMemoryCopy(move);
  await world.a.driver.cancelDiskCopy(move);
  expect(await world.a.driver.list()).toMatchObject([{ state: 'running' }]);
  expect((await world.a.driver.moves()).outgoing).toEqual([]);
  await world.mend();
  await world.b.driver.discardTarget(move);
  expect(await world.kept('b')).toEqual([]);
  const before = (await world.guest(world.a)).disk.blocksWritten;
  while ((await world.guest(world.a)).disk.blocksWritten <= before);
  await expectIntact(world, world.a);
}

it.each(Object.entries(phases))(
  'keeps both at the source where the link is lost %s',
  async (_, bring) => {
    await bring();
    await world.cut();
    await world.a.driver.watch(move, PEER);
    await expectAtSource();
  },
  TEST_MS,
);

it.each(Object.entries(phases))(
  'keeps both at the source where the target dies %s',
  async (_, bring) => {
    await bring();
    await killTarget();
    await world.a.driver.cutLink(move);
    await expectAtSource();
  },
  TEST_MS,
);

it.each([
  ['the link is lost', () => void world.cut()],
  ['the target dies', () => void killTarget()],
])(
  'keeps both at the source, or has both complete at the target, where %s in the pause',
  async (_, strike) => {
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    // Who was quicker is the machine's affair; before a word was given either way the source goes on.
    const watch = world.a.driver.watch(move, PEER).catch(() => undefined);
    await world.a.driver.switchover(move, BUDGET_MS, strike, NEVER).catch(() => undefined);
    // A watch without an end would cancel the next move.
    await world.a.kill();
    await watch;
    world.a.start();
    await expectAtSource();
  },
  TEST_MS,
);

it(
  'has both at the target where its source dies after the target was complete',
  async () => {
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    await world.a.driver.switchover(move, BUDGET_MS, () => undefined, NEVER);
    await world.b.driver.confirmComplete(move);
    await crash((await world.a.driver.list()).flatMap(({ pid }) => (pid === null ? [] : [pid])));
    await world.cut();
    await world.b.driver.activate(move, true);
    await expectIntact(world, world.b);
    const hash = await world.b.driver.hashSnapshot(move, NEVER);
    await world.mend();
    await world.a.driver.retireSource(move);
    expect(await world.a.driver.hashRetired(move, NEVER)).toBe(hash);
    await world.a.driver.removeRetired(move);
    expect(await world.kept('a')).toEqual([]);
  },
  TEST_MS,
);
