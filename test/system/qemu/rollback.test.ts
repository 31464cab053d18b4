// What QEMU's own failures come to, beside what every driver promises (test/compliance/hypervisor.ts): the source runs on, and the target
// keeps nothing.
import { join } from 'node:path';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { isVmshadowError } from '../../../domain/errors.js';
import { createAuthority, issueHost } from '../../../drivers/peers/pki.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { MBPS, TAP, TwoHosts, crash, copyDisk, copyMemory, smallDesktop } from './two-hosts.js';

describe('a move that is given up', () => {
  const definition = smallDesktop('stayer', { 'vms.disk': '1000:16', 'vms.dirty': '1000:8' });
  const never = new AbortController().signal;
  const budgetMs = 2_000;
  let world: TwoHosts;
  let move: MoveKey;
  let count = 0;

  beforeAll(async () => {
    world = await TwoHosts.make();
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(definition.id);
    await world.guest(world.a);
  });
  afterAll(() => world.remove());
  beforeEach(() => {
    move = { desktop: definition.id, moveId: `try-${++count}` };
  });

  afterEach(async () => {
    await world.a.driver.cancelMemoryCopy(move).catch(() => undefined);
    await world.a.driver.cancelDiskCopy(move).catch(() => undefined);
    await world.b.driver.discardTarget(move).catch(() => undefined);
  });

  /** What the saga does, last step first; then the source must run and write, and nothing may be left of the move. */
  async function giveUp(): Promise<void> {
    await world.a.driver.cancelMemoryCopy(move);
    await world.a.driver.cancelDiskCopy(move);
    await world.b.driver.discardTarget(move);
    const before = await world.guest(world.a);
    let after = before;
    while (after.disk.blocksWritten <= before.disk.blocksWritten) after = await world.guest(world.a);
    expect(after.disk.errors + after.memory.errors).toBe(0);
    expect(await world.a.driver.list()).toMatchObject([{ state: 'running' }]);
    expect(await world.a.driver.diskProgress(move)).toMatchObject({ state: 'none' });
    expect(await world.a.driver.memoryProgress(move)).toMatchObject({ state: 'none' });
    expect(await world.b.driver.list()).toEqual([]);
    expect(await world.kept('b')).toEqual([]);
  }

  const killReplicaServer = async (): Promise<void> => crash(await world.processes('qemu-storage-daemon'));

  it('reports a lost replica as failed, and the guest has not lost a write', async () => {
    await copyDisk(world.a, world.b, move, definition);
    await killReplicaServer();
    await world.a.driver.cutLink(move);
    let progress = await world.a.driver.diskProgress(move);
    // First it is not in sync any more, then it gives up.
    while (['synchronous', 'ready'].includes(progress.state))
      progress = await world.a.driver.diskProgress(move);
    expect(progress.state).toBe('failed');
    expect(progress.error).not.toBeNull();
    await giveUp();
  });

  it('survives a restart of the replica’s server without copying again', async () => {
    await copyDisk(world.a, world.b, move, definition);
    await killReplicaServer();
    await world.b.driver.prepareDisk(move, definition, world.a.self);
    const before = await world.guest(world.a);
    let after = before;
    while (after.disk.blocksWritten <= before.disk.blocksWritten + 50) after = await world.guest(world.a);
    expect(await world.a.driver.diskProgress(move)).toMatchObject({ state: 'synchronous', error: null });
    await giveUp();
  });

  it('resumes the source when the target dies in the pause', async () => {
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    const [target] = await world.b.driver.list();
    let dying = Promise.resolve();
    // How far the source has come when the target dies is up to the machine: what matters is that nothing but the source runs then.
    const outcome = await world.a.driver
      .switchover(
        move,
        budgetMs,
        () => {
          dying = crash([target!.pid!]);
        },
        never,
      )
      .then(() => 'completed')
      .catch((e: unknown) => (isVmshadowError(e) ? e.code : String(e)));
    expect(['completed', 'MEMORY_COPY', 'DISK_COPY', 'QMP']).toContain(outcome);
    await dying;
    await expect(world.b.driver.confirmComplete(move)).rejects.toMatchObject({ code: 'MEMORY_COPY' });
    await giveUp();
  });

  it('goes on at the source when the worker dies in the pause and the next one cancels', async () => {
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    const died = new Promise<void>((resolve) => {
      world.a.driver
        .switchover(move, budgetMs, () => void world.a.kill().then(resolve), never)
        .catch(() => undefined);
    });
    await died;
    world.a.start();
    await giveUp();
  });

  /** Let the host `a` come with other certificates. */
  async function present(pki: string): Promise<void> {
    await world.a.kill();
    Object.assign(world.a.options.pki, { dir: pki });
    world.a.start();
  }

  it.each([
    ['a host of another cloud', 'foreign', 'a'],
    ['a host of this cloud that is not the move’s source', 'ca', 'c'],
  ])('refuses disk and memory to %s, and takes them from the source afterwards', async (_, ca, site) => {
    const authority = join(world.folder, ca);
    await createAuthority(authority);
    const mine = world.a.options.pki.dir;
    const other = join(world.folder, `pki-${ca}-${site}`);
    await issueHost(authority, { site, host: 'h1', addresses: ['10.201.0.1'] }, other);
    const disk = await world.b.driver.prepareDisk(move, definition, world.a.self);
    const memory = await world.b.driver.prepareMemory(move, definition, TAP, world.a.self);
    await present(other);
    await expect(world.a.driver.startDiskCopy(move, disk, MBPS)).rejects.toMatchObject({
      code: 'DISK_COPY',
    });
    await world.a.driver.startMemoryCopy(move, memory, MBPS).catch(() => undefined);
    let progress = await world.a.driver.memoryProgress(move);
    while (['setup', 'active'].includes(progress.state)) progress = await world.a.driver.memoryProgress(move);
    expect(progress.state).toBe('failed');
    expect(await world.kept('b')).not.toEqual([]);
    await present(mine);
    await world.a.driver.cancelMemoryCopy(move);
    // The same daemon and the same waiting copy: the refusals have cost the move nothing.
    await world.a.driver.startDiskCopy(move, disk, MBPS);
    await world.a.driver.makeSynchronous(move, never);
    await world.a.driver.startMemoryCopy(move, memory, MBPS);
    do progress = await world.a.driver.memoryProgress(move);
    while (progress.state === 'setup' || (progress.state === 'active' && progress.round < 2));
    expect(progress).toMatchObject({ state: 'active', error: null });
    await giveUp();
  });
});
