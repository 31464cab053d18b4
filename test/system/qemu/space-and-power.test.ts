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
import { crash, smallDesktop, TAP, TwoHosts } from './two-hosts.js';

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

beforeAll(async () => {
  world = await TwoHosts.make();
  disks = join(world.folder, 'a');
  await mkdir(disks);
  const image = join(world.folder, 'file-system');
  await runCommand(['truncate', '-s', `${String(definition.diskMiB + 96)}M`, image]);
  await runCommand(['mke2fs', '-q', '-F', '-t', 'ext4', '-m', '0', image]);
  await runCommand(['mount', '-o', 'loop', image, disks]);
  // A namespace keeps the mounts that it began with.
  await world.a.kill();
  world.a.start();
  cloud = new FakeCloud();
  const fake = await cloud.add(self, capacity, '198.51.100.10');
  const hypervisor = world.a.driver;
  const { ownership, reservations } = fake.context;
  const capacityGate = new CapacityGate({ self, capacity, growth, hypervisor, ownership, reservations });
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
  await runCommand(['umount', disks]);
  await world.remove();
});

const stateOf = async () => (await world.a.driver.get(id))?.state;
const report = () => desktopActivities(ctx).reportHost({ traffic: false });
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
  const filler = join(disks, 'filler');
  await runCommand(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=64k', 'conv=fsync']).catch(() => undefined);
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
