// Hosts that lose their power, and file systems that fill up: the real driver and dom0's keeper of power, with the small guest on a disk of
// its own that can be filled. About 20 seconds.
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CapacityGate } from '../../../activities/host/capacity-gate.js';
import { desktopActivities } from '../../../activities/host/desktops.js';
import type { HostContext } from '../../../activities/host/host-context.js';
import { PowerKeeper } from '../../../activities/host/power-keeper.js';
import { createdHere } from '../../../domain/migration/ownership.js';
import { HostRef } from '../../../domain/model/ids.js';
import { FakeCloud } from '../../../lab/fakes/fake-host.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { runCommand } from '../../../os/run-command.js';
import { NEVER } from '../../compliance/move-steps.js';
import { copyDisk, copyMemory, crash, smallDesktop, TAP, TwoHosts } from './two-hosts.js';

const self = HostRef.parse({ site: 'a', host: 'h1' });
const capacity = { slots: 9, vcpus: 9, memoryMiB: 1_000_000, diskMiB: 1_000_000 };
const growth = { disk: 1, memory: 1 };

/** Writes to ever new places of its sparse disk. */
const definition = smallDesktop('resident', { 'vms.disk': '1000:40' });
const { id } = definition;
let world: TwoHosts;
let cloud: FakeCloud;
let ctx: HostContext;
let keeper: PowerKeeper;
let disks: string;
/** Of the other host. */
let otherDisks: string;

beforeAll(async () => {
  world = await TwoHosts.make();
  disks = join(world.folder, 'a');
  otherDisks = join(world.folder, 'b');
  for (const folder of [disks, otherDisks]) {
    const image = `${folder}.file-system`;
    await mkdir(folder);
    await runCommand(['truncate', '-s', `${String(definition.diskMiB + 96)}M`, image]);
    await runCommand(['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-m', '0', image]);
    await runCommand(['mount', '-o', 'loop', image, folder]);
  }
  // A namespace keeps the mounts that it began with.
  for (const host of [world.a, world.b]) {
    await host.kill();
    host.start();
  }
  cloud = new FakeCloud();
  const fake = await cloud.add(self, capacity, '198.51.100.10');
  const hypervisor = world.a.driver;
  const { ownership, reservations, creations } = fake.context;
  const capacityGate = new CapacityGate({
    self,
    capacity,
    growth,
    hypervisor,
    ownership,
    reservations,
    creations,
  });
  ctx = { ...fake.context, hypervisor, capacityGate };
  keeper = new PowerKeeper(ctx);
  await ctx.network.attach(definition);
  await ctx.network.allocateExternal(id);
  await hypervisor.create(definition, TAP, smallGuest().disk);
  await ctx.ownership.change(id, (r) => createdHere(r, id, 0));
  await hypervisor.start(id);
  await world.guest(world.a);
});
afterAll(async () => {
  await cloud.remove();
  await crash(await world.processes('qemu-system-x86_64'));
  for (const folder of [disks, otherDisks]) await runCommand(['umount', folder]);
  await world.remove();
});

const stateOf = async () => (await world.a.driver.get(id))?.state;
const report = () => desktopActivities(ctx).reportHost({ traffic: false });
/** Fill a file system to the last block; gives the file whose removal makes room again. */
async function fill(folder: string): Promise<string> {
  const filler = join(folder, 'filler');
  for (const block of ['1M', '4k', '4k'])
    await runCommand([
      'dd',
      'if=/dev/zero',
      `of=${filler}`,
      `bs=${block}`,
      'oflag=append',
      'conv=notrunc,fsync',
    ]).catch(() => undefined);
  return filler;
}
async function until(state: string): Promise<void> {
  while ((await stateOf()) !== state) await sleep(50);
}

it('a host that has less than it is configured for refuses a desktop, with both numbers', async () => {
  const { capacity: real } = await report();
  const { bavail, bsize } = await statfs(disks);
  expect(real.diskMiB).toBeLessThan(definition.diskMiB + 97);
  expect(real.diskMiB).toBeGreaterThanOrEqual(definition.diskMiB);
  const large = { ...definition, id: 'large' as typeof id, diskMiB: 1_000 };
  let made = false;
  await expect(
    ctx.capacityGate.claim(large, () => Promise.resolve(void (made = true))),
  ).rejects.toMatchObject({
    code: 'NO_CAPACITY',
    message: expect.stringMatching(new RegExp(`1000 MiB of disk wanted, \\d+ MiB really left at ${disks} `)),
  });
  expect(made).toBe(false);
  expect((bavail * bsize) / 2 ** 20).toBeLessThan(1_000);
});

it('a desktop whose host loses its power is started again with its disk, a stopped one is not', async () => {
  const cut = async () => {
    await crash(await world.processes('qemu-system-x86_64'));
    await world.a.kill();
    await rm(join(world.folder, 'ra'), { recursive: true, force: true });
    world.a.start();
  };
  await cut();
  expect(await stateOf()).toBe('crashed');
  await keeper.look();
  expect(await stateOf()).toBe('running');
  const { disk } = await world.guest(world.a);
  expect(disk.errors).toBe(0);
  await world.a.driver.stop(id, 0);
  await cut();
  await keeper.look();
  expect(await stateOf()).toBe('stopped');
  await desktopActivities(ctx).desktopPower({ desktop: id, action: 'start' });
  await world.guest(world.a);
});

it('a guest on a full disk is out of space, and goes on when there is room, with no error of its own', async () => {
  const filler = await fill(disks);
  await until('out-of-space');
  await keeper.look();
  const full = (await report()).desktops.find((d) => d.definition.id === id);
  expect(full).toMatchObject({
    state: 'out-of-space',
    problem: expect.stringMatching(new RegExp(`no space left at ${disks}: \\d+ of \\d+ MiB free, 16 needed`)),
  });
  await expect(desktopActivities(ctx).desktopPower({ desktop: id, action: 'start' })).rejects.toMatchObject({
    code: 'OUT_OF_SPACE',
  });
  await rm(filler);
  await keeper.look();
  expect(await stateOf()).toBe('running');
  const { disk } = await world.guest(world.a);
  expect(disk.errors).toBe(0);
  expect((await report()).desktops[0]?.problem).toBeNull();
});

it('a full disk keeps nothing of a desktop that cannot be made there, and lets another one be stopped', async () => {
  const filler = await fill(disks);
  const before = await world.kept('a');
  const other = { ...definition, id: 'other' as typeof id };
  await expect(world.a.driver.create(other, TAP, smallGuest().disk)).rejects.toThrow(/space/);
  expect(await world.kept('a')).toEqual(before);
  await world.a.driver.stop(id, 0);
  await keeper.look();
  expect(await stateOf()).toBe('stopped');
  await rm(filler);
  await desktopActivities(ctx).desktopPower({ desktop: id, action: 'start' });
  await world.guest(world.a);
});

it('a copy that cannot be marked as running on a full disk never runs, and the source goes on', async () => {
  const move = { desktop: id, moveId: 'resident-full' };
  await copyDisk(world.a, world.b, move, definition);
  await copyMemory(world.a, world.b, move, definition);
  await world.a.driver.switchover(move, 10_000, () => undefined, NEVER);
  await world.b.driver.confirmComplete(move);
  const filler = await fill(otherDisks);
  for (let i = 0; i < 2; i++)
    await expect(world.b.driver.activate(move, false)).rejects.toMatchObject({
      code: 'MEMORY_COPY',
      details: { ran: false },
    });
  expect(await world.b.driver.get(id)).toMatchObject({ state: 'paused' });
  await world.a.driver.cancelMemoryCopy(move);
  await world.a.driver.cancelDiskCopy(move);
  await world.b.driver.discardTarget(move);
  await rm(filler);
  expect(await world.kept('b')).toEqual([]);
  expect(await stateOf()).toBe('running');
  expect((await world.guest(world.a)).disk.errors).toBe(0);
});
