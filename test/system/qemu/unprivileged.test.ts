// What a guest finds that breaks out of its QEMU: another user than root, without rights, in a sandbox, who reaches his own files and no key.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { asUser, type RunAs } from '../../../os/run-as.js';
import { runCommand } from '../../../os/run-command.js';
import { moveDesktop } from '../../compliance/move-steps.js';
import { MBPS, QEMU_USER, TAP, TwoHosts, copyDisk, copyMemory, smallDesktop } from './two-hosts.js';

const STRANGER: RunAs = { uid: 2_000_000_002, gid: 2_000_000_002, name: null };

/** Fields of /proc/PID/status (proc(5)) that tell what a process may do. */
async function rightsOf(pid: number): Promise<Record<string, string>> {
  const lines = (await readFile(`/proc/${String(pid)}/status`, 'utf8')).split('\n');
  const wanted = ['Uid', 'Gid', 'Groups', 'NoNewPrivs', 'Seccomp', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd'];
  const fields = lines.map((line) => line.split(':').map((part) => part.trim().replaceAll('\t', ' ')));
  return Object.fromEntries(fields.filter(([name = '']) => wanted.includes(name))) as Record<string, string>;
}

const NONE = '0000000000000000';
const id = String(QEMU_USER.uid);
const UNPRIVILEGED = {
  ...{ Uid: `${id} ${id} ${id} ${id}`, Gid: `${id} ${id} ${id} ${id}`, Groups: '', NoNewPrivs: '1' },
  ...{ CapInh: NONE, CapPrm: NONE, CapEff: NONE, CapBnd: NONE },
};

describe('QEMU as a user of its own', () => {
  const definition = smallDesktop('prisoner', { 'vms.disk': '1000:16', 'vms.dirty': '1000:8' });
  const move: MoveKey = { desktop: definition.id, moveId: 'm1' };
  let world: TwoHosts;

  /** Tell whether a user can read a file, or look into a folder. */
  const reads = async (user: RunAs, path: string): Promise<boolean> => {
    const [program = '', ...args] = asUser(user, ['sh', '-c', '[ -r "$1" ]', 'sh', path]);
    return runCommand([program, ...args]).then(
      () => true,
      () => false,
    );
  };

  beforeAll(async () => {
    world = await TwoHosts.make();
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(definition.id);
    await world.guest(world.a);
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
  });
  afterAll(() => world.remove());

  it('runs both copies of a desktop under move without a right of root’s, sandboxed', async () => {
    const pids = await world.processes('qemu-system-x86_64');
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await rightsOf(pid)).toEqual({ ...UNPRIVILEGED, Seccomp: '2' });
  });

  it('runs the storage daemon of the replica without a right of root’s', async () => {
    const [pid] = await world.processes('qemu-storage-daemon');
    // It has no sandbox of its own.
    expect(await rightsOf(pid!)).toEqual({ ...UNPRIVILEGED, Seccomp: '0' });
  });

  it('keeps files and sockets for that user alone, and records and keys from him', async () => {
    for (const site of ['a', 'b'] as const) {
      const own = await world.kept(site);
      const files = own.filter((line) => line.startsWith('/'));
      expect(files.length).toBeGreaterThan(3);
      for (const path of files) {
        expect([path, await reads(STRANGER, path)]).toEqual([path, false]);
        const his = /\/(disks|views|ra|rb)\/|\.serial\.log$/.test(path);
        expect([path, await reads(QEMU_USER, path)]).toEqual([path, his]);
        if (his) expect([path, (await stat(path)).mode & 0o077]).toEqual([path, 0]);
      }
      const run = await stat(join(world.folder, `r${site}`));
      expect([run.mode & 0o777, run.uid]).toEqual([0o700, QEMU_USER.uid]);
      for (const folder of ['', 'desktops', 'incoming', 'disks', 'logs', 'views', 'tls'])
        expect([folder, await reads(QEMU_USER, join(world.folder, site, folder))]).toEqual([folder, false]);
      for (const key of ['server-key.pem', 'client-key.pem'])
        expect(await reads(QEMU_USER, join(world.folder, `pki-${site}`, key))).toBe(false);
      expect(await runCommand(['find', join(world.folder, site, 'tls'), '-type', 'f'])).toBe('');
    }
  });

  it('moves a desktop whole, and starts it again where it came to', async () => {
    await world.a.driver.cancelMemoryCopy(move);
    await world.a.driver.cancelDiskCopy(move);
    await world.b.driver.discardTarget(move);
    const ends = { source: world.a.driver, target: world.b.driver, from: world.a.self };
    const again = { ...move, moveId: 'm2' };
    await moveDesktop({ ...ends, definition, tap: TAP, mbps: MBPS }, again);
    const hash = await world.b.driver.hashSnapshot(again, new AbortController().signal);
    expect(await world.a.driver.hashRetired(again, new AbortController().signal)).toBe(hash);
    await world.b.driver.stop(definition.id, 0);
    await world.b.driver.start(definition.id);
    let { verify } = await world.guest(world.b, 'verify');
    while (!verify.done) ({ verify } = await world.guest(world.b, 'verify'));
    expect(verify).toMatchObject({ bad: 0 });
  });

  it('says which folder keeps it from its files, and does not start', async () => {
    await world.b.driver.stop(definition.id, 0);
    await world.b.kill();
    await runCommand(['chmod', '0700', world.folder]);
    world.b.start();
    try {
      await expect(world.b.driver.start(definition.id)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining(`${world.folder} is in the way`) as unknown,
      });
    } finally {
      await runCommand(['chmod', '0711', world.folder]);
    }
  });
});
