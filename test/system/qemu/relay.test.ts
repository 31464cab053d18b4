// Moves through relays on real QEMU: what crosses the wire, to a cold site and to a warm one; and what a relay that is killed leaves.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../../../os/run-command.js';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { NEVER } from '../../compliance/move-steps.js';
import { MBPS, TAP, TwoHosts, copyDisk, copyMemory, crash, smallDesktop } from './two-hosts.js';

describe('a move through relays', () => {
  const definition = smallDesktop('relayed', { 'vms.disk': '200:4', 'vms.dirty': '500:4' });
  const moveOf = (moveId: string): MoveKey => ({ desktop: definition.id, moveId });
  let world: TwoHosts;
  beforeAll(async () => {
    world = await TwoHosts.make('relay');
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(definition.id);
    await world.guest(world.a);
  });
  afterAll(() => world.remove());

  /** Bytes that have left a host towards the other so far, by the interface's own count: IP, without Ethernet's heads. */
  async function sent(namespace: string): Promise<number> {
    const text = await runCommand(['ip', '-n', namespace, '-j', '-s', 'link', 'show', 'wan']);
    const [link] = JSON.parse(text) as { stats64: { tx: { bytes: number; packets: number } } }[];
    return link!.stats64.tx.bytes - link!.stats64.tx.packets * 14;
  }

  async function move(from: TwoHosts['a'], to: TwoHosts['a'], key: MoveKey): Promise<number> {
    const before = await sent(from.namespace);
    await copyDisk(from, to, key, definition);
    await copyMemory(from, to, key, definition);
    const result = await from.driver.switchover(key, 2_000, () => undefined, NEVER);
    const bytes = (await sent(from.namespace)) - before;
    expect((result.wireBytes.disk! + result.wireBytes.memory!) / bytes).toBeGreaterThan(0.95);
    expect((result.wireBytes.disk! + result.wireBytes.memory!) / bytes).toBeLessThan(1.05);
    await to.driver.confirmComplete(key);
    await to.driver.activate(key, true);
    await from.driver.retireSource(key);
    expect(await to.driver.hashSnapshot(key, NEVER)).toBe(await from.driver.hashRetired(key, NEVER));
    await from.driver.removeRetired(key);
    return bytes;
  }

  it('brings disk and memory over as they are, and back for less than a third of the bytes', async () => {
    const there = await move(world.a, world.b, moveOf('there'));
    const back = await move(world.b, world.a, moveOf('back'));
    const { verify, memory } = await world.guest(world.a, 'verify');
    expect([verify.bad, memory.errors]).toEqual([0, 0]);
    expect(back).toBeLessThan(there / 3);
  });

  it('goes on with the disk where its connection was torn, and begins torn memory again with what had arrived', async () => {
    // The target knows nothing.
    await rm(join(world.folder, 'b', 'cache'), { recursive: true, force: true });
    const key = moveOf('torn');
    const source = world.a.driver;
    const disk = await world.b.driver.prepareDisk(key, definition, world.a.self);
    await source.startDiskCopy(key, disk, 4);
    let progress = await source.diskProgress(key);
    while (progress.doneBytes === 0) progress = await source.diskProgress(key);
    expect(progress.state).toBe('copying');
    await tear(disk.endpoint.port);
    await source.startDiskCopy(key, disk, MBPS);
    for (let done = progress.doneBytes; progress.state === 'copying'; done = progress.doneBytes) {
      progress = await source.diskProgress(key);
      expect(progress.doneBytes).toBeGreaterThanOrEqual(done);
    }
    await source.makeSynchronous(key, NEVER);
    const bytes: number[] = [];
    for (const isTorn of [true, false]) {
      const before = await sent(world.a.namespace);
      const { port } = await copyMemory(world.a, world.b, key, definition);
      bytes.push((await sent(world.a.namespace)) - before);
      if (!isTorn) break;
      await tear(port);
      while ((await source.memoryProgress(key)).state === 'active') await sleep(20);
      expect((await source.memoryProgress(key)).state).toBe('failed');
      await source.cancelMemoryCopy(key);
      expect((await source.diskProgress(key)).state).toBe('synchronous');
    }
    expect(bytes[1]).toBeLessThan(bytes[0]! / 3);
    await source.cancelMemoryCopy(key);
    await source.cancelDiskCopy(key);
    await world.b.driver.discardTarget(key);
    expect(await world.relays('a')).toEqual([]);
  });

  /** End the connections to a port of the target as a middlebox would that has forgotten them. */
  async function tear(port: number): Promise<void> {
    const kill = ['ss', '-K', 'dst', '10.201.0.2', 'dport', '=', `:${port}`];
    await runCommand(['ip', 'netns', 'exec', world.a.namespace, ...kill]);
  }

  it.each(['a', 'b'] as const)(
    'fails where the relay of host %s is killed while memory is copied: the guest runs on, and nothing is left',
    async (site) => {
      const key = moveOf(`killed-${site}`);
      await copyDisk(world.a, world.b, key, definition);
      await copyMemory(world.a, world.b, key, definition);
      await crash(await world.relays(site));
      let progress = await world.a.driver.memoryProgress(key);
      while (progress.state === 'active') {
        await sleep(20);
        progress = await world.a.driver.memoryProgress(key);
      }
      expect(progress.state).toBe('failed');
      await world.a.driver.cancelMemoryCopy(key);
      await world.a.driver.cancelDiskCopy(key);
      await world.b.driver.discardTarget(key);
      const before = (await world.guest(world.a)).disk.blocksWritten;
      while ((await world.guest(world.a)).disk.blocksWritten <= before) await sleep(20);
      expect(await world.kept('b')).toEqual([]);
      expect(await world.relays('a')).toEqual([]);
    },
  );
});
