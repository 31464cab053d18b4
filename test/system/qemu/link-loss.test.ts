import { setTimeout as sleep } from 'node:timers/promises';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { TAP, TwoHosts, copyDisk, copyMemory, smallDesktop } from './two-hosts.js';

describe('a link that is lost during a move', () => {
  const definition = smallDesktop('writer', { 'vms.disk': '1000:16' });
  const peer = { address: '10.201.0.2', port: 9 };
  let world: TwoHosts;
  beforeAll(async () => {
    world = await TwoHosts.make();
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(definition.id);
    await world.guest(world.a);
  });
  afterAll(() => world.remove());
  afterEach(() => world.mend());

  const written = async (): Promise<number> => (await world.guest(world.a)).disk.blocksWritten;

  it('stops the guest’s writes in the synchronous phase until the watchdog has cut it off, and QEMU survives', async () => {
    const move: MoveKey = { desktop: definition.id, moveId: 'cut-sync' };
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    await world.cut();
    await sleep(1_000);
    const stalled = await written();
    await sleep(1_000);
    // This is what makes the watchdog needed.
    expect(await written()).toBe(stalled);
    const cutAtMs = await world.a.driver.watch(move, peer);
    while ((await written()) <= stalled);
    // QEMU itself would have tried to connect again for longer (RECONNECT_DELAY_S).
    expect(Date.now() - cutAtMs).toBeLessThan(10_000);
    expect((await world.guest(world.a)).disk.errors).toBe(0);
    expect(await world.a.driver.list()).toMatchObject([{ state: 'running' }]);
    expect(await world.a.driver.diskProgress(move)).toMatchObject({ state: 'none' });
    await world.mend();
    await world.b.driver.discardTarget(move);
  });

  it('does not disturb a move while the peer answers', async () => {
    const move: MoveKey = { desktop: definition.id, moveId: 'healthy' };
    await copyDisk(world.a, world.b, move, definition);
    const lost = world.a.driver.watch(move, peer).then(() => 'lost');
    expect(await Promise.race([lost, sleep(2_000).then(() => 'watching')])).toBe('watching');
    expect(await world.a.driver.diskProgress(move)).toMatchObject({ state: 'synchronous' });
    // The watchdog of this test goes with its worker.
    await world.a.kill();
    await lost.catch(() => undefined);
    world.a.start();
    await world.a.driver.cancelDiskCopy(move);
    await world.b.driver.discardTarget(move);
  });

  it('lets the guest run on at the source when the link goes in the pause', async () => {
    const move: MoveKey = { desktop: definition.id, moveId: 'cut-pause' };
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    await world.cut();
    const before = await world.guest(world.a);
    await expect(
      world.a.driver.switchover(move, 500, () => undefined, new AbortController().signal),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^(LINK_LOST|DISK_COPY|MEMORY_COPY|QMP)$/) as string,
    });
    await world.a.driver.cancelMemoryCopy(move);
    await world.a.driver.cancelDiskCopy(move);
    let after = await world.guest(world.a);
    while (after.disk.blocksWritten <= before.disk.blocksWritten) after = await world.guest(world.a);
    expect(after.disk.errors).toBe(0);
    expect(await world.a.driver.list()).toMatchObject([{ state: 'running' }]);
    await world.mend();
    await world.b.driver.discardTarget(move);
    expect(await world.b.driver.list()).toEqual([]);
  });
});
