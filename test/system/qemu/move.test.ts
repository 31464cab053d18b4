import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { TAP, TwoHosts, copyDisk, moveDesktop, smallDesktop } from './two-hosts.js';
import { smallGuest } from '../../../lab/images/locate.js';

describe('a move between two QEMU hosts', () => {
  const definition = smallDesktop('mover', { 'vms.disk': '1000:16', 'vms.dirty': '2000:16' });
  const there: MoveKey = { desktop: definition.id, moveId: 'move-there' };
  const back: MoveKey = { desktop: definition.id, moveId: 'move-back' };
  const never = new AbortController().signal;
  let world: TwoHosts;
  beforeAll(async () => {
    world = await TwoHosts.make();
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(definition.id);
    await world.guest(world.a);
  }, 60_000);
  afterAll(() => world.remove(), 30_000);

  it('lets the desktop run on at the target with its memory, and stops it for ever at the source', async () => {
    const before = await world.guest(world.a);
    const { result, pauseMs } = await moveDesktop(world.a, world.b, there, definition);
    const after = await world.guest(world.b);
    expect(after.uptimeMs).toBeGreaterThan(before.uptimeMs);
    expect(after.memory.errors + after.disk.errors).toBe(0);
    expect(result.wireBytes.memory).toBeGreaterThan(1e6);
    expect(pauseMs).toBeGreaterThan(0);
    expect(await world.a.driver.list()).toEqual([]);
    expect(await world.b.driver.list()).toMatchObject([{ state: 'running', definition: { id: 'mover' } }]);
    expect(await world.processes('qemu-system-x86_64')).toHaveLength(1);
    expect(await world.processes('qemu-storage-daemon')).toHaveLength(0);
  }, 60_000);

  it('brings a disk that is byte for byte the source’s at the switchover, although the guest has written since', async () => {
    const [atTarget, atSource] = await Promise.all([
      world.b.driver.hashSnapshot(there, never),
      world.a.driver.hashRetired(there, never),
    ]);
    expect(atTarget).toBe(atSource);
    expect(await world.b.driver.hashSnapshot(there, never)).toBe(atTarget);
    expect((await world.guest(world.b)).disk.blocksWritten).toBeGreaterThan(0);
  }, 60_000);

  it('tells a disk with one other byte apart', async () => {
    const hash = await world.a.driver.hashRetired(there, never);
    const retired = join(world.folder, 'a', 'retired');
    const disk = (await readdir(retired)).find((name) => name.endsWith('.raw'))!;
    const file = await open(join(retired, disk), 'r+');
    await file.write(Buffer.from([1]), 0, 1, 63 * 2 ** 20 + 4097);
    await file.close();
    expect(await world.a.driver.hashRetired(there, never)).not.toBe(hash);
  }, 60_000);

  it('leaves only the desktop at the target when the retired disk is removed', async () => {
    await world.a.driver.removeRetired(there);
    for (const folder of ['desktops', 'incoming', 'retired', 'disks', 'logs', 'views'])
      expect(await readdir(join(world.folder, 'a', folder))).toEqual([]);
    expect(await readdir(join(world.folder, 'ra'))).toEqual([]);
    expect(await readdir(join(world.folder, 'b', 'views'))).toEqual([]);
    expect(await readdir(join(world.folder, 'b', 'incoming'))).toEqual([]);
  });

  it('moves the desktop back again, and every block that the guest ever wrote is there', async () => {
    await moveDesktop(world.b, world.a, back, definition);
    let status = await world.guest(world.a, 'verify');
    while (!status.verify.done) status = await world.guest(world.a, 'verify');
    expect(status.verify.blocks).toBeGreaterThan(0);
    expect(status.verify.bad).toBe(0);
    expect(status.memory.errors).toBe(0);
  }, 90_000);

  it('can be moved again although nobody has read the view of its disk', async () => {
    const again: MoveKey = { desktop: definition.id, moveId: 'move-again' };
    await expect(world.b.driver.hashSnapshot(back, never)).rejects.toMatchObject({ code: 'UNKNOWN_DESKTOP' });
    await copyDisk(world.a, world.b, again, definition);
    await expect(world.a.driver.hashSnapshot(back, never)).rejects.toMatchObject({ code: 'DISK_COPY' });
    await world.a.driver.cancelDiskCopy(again);
    await world.b.driver.discardTarget(again);
    expect(await world.b.driver.list()).toEqual([]);
  }, 60_000);
});
