// A desktop with a TPM on real QEMU and swtpm: a guest counts in its NV memory and in a PCR, and checks both before each step against what its own
// memory says. A TPM that was older, newer or another than the memory would be an error of the guest's.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { smallGuest } from '../../../lab/images/locate.js';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { moveDesktop, NEVER } from '../../compliance/move-steps.js';
import { copyDisk, copyMemory, crash, ends, QEMU_USER, smallDesktop, TAP, TwoHosts } from './two-hosts.js';
import type { RemoteHost } from './remote-host.js';

const definition = DesktopDefinition.parse({ ...smallDesktop('sealed', { 'vms.tpm': 50 }), tpm: true });
const { id } = definition;
const BUDGET_MS = 2_000;
/** Emulated guests that boot and move several times beside another file's. */
const MOVES_MS = 600_000;
/** On a machine that is shared by many. */
const BOOT_MS = 600_000;

let world: TwoHosts;
let tries = 0;
const newMove = (): MoveKey => ({ desktop: id, moveId: `try-${String(++tries)}` });

beforeAll(async () => {
  world = await TwoHosts.make();
  await world.a.driver.create(definition, TAP, smallGuest().disk);
  await world.a.driver.start(id);
  await counting(world.a);
}, BOOT_MS);
afterAll(() => world.remove());

/** Wait until the guest has counted on, without an error; gives how far it is. */
async function counting(host: RemoteHost): Promise<number> {
  const before = (await world.guest(host, 'status', BOOT_MS)).tpm;
  let now = before;
  while (now.writes <= before.writes + 2 && now.errors === 0) now = (await world.guest(host)).tpm;
  expect(now).toMatchObject({ errors: 0, fault: 0 });
  return now.counter;
}

const tpmsOf = (site: 'a' | 'b') => world.processes('swtpm', join(world.folder, site));

async function giveUp(move: MoveKey): Promise<void> {
  await world.a.driver.cancelMemoryCopy(move);
  await world.a.driver.cancelDiskCopy(move);
  await world.b.driver.discardTarget(move);
  expect(await world.kept('b')).toEqual([]);
}

it('is a process of QEMU’s user that keeps its state for itself', async () => {
  const [pid] = await tpmsOf('a');
  const { uid } = await stat(`/proc/${String(pid)}`);
  expect(uid).toBe(QEMU_USER.uid);
  const folder = join(world.folder, 'a', 'tpm', `${id}.home`);
  for (const path of [folder, ...(await readdir(folder)).map((name) => join(folder, name))]) {
    const { uid, mode } = await stat(path);
    expect([uid, mode & 0o077]).toEqual([QEMU_USER.uid, 0]);
  }
});

it(
  'goes there and back with the guest, and on from where it was after a stop',
  async () => {
    const both = { a: world.a, b: world.b };
    let counter = await counting(world.a);
    for (const [from, to] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const move = newMove();
      await moveDesktop(ends(both[from], both[to], definition), move);
      const now = await counting(both[to]);
      expect(now).toBeGreaterThan(counter);
      counter = now;
      expect(await tpmsOf(from)).toEqual([]);
      await both[from].driver.removeRetired(move);
      expect(await world.kept(from)).toEqual([]);
    }
    await world.a.driver.stop(id, 0);
    expect(await tpmsOf('a')).toEqual([]);
    await world.a.driver.start(id);
    expect(await counting(world.a)).toBeGreaterThan(counter);
  },
  MOVES_MS,
);

it(
  'stays the source’s where the target’s dies before the memory is taken, and after it',
  async () => {
    const move = newMove();
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    const first = crash(await tpmsOf('b'));
    await first;
    await expect(
      world.a.driver
        .switchover(move, BUDGET_MS, () => undefined, NEVER)
        .then(() => world.b.driver.confirmComplete(move)),
    ).rejects.toMatchObject({ code: 'MEMORY_COPY' });
    await giveUp(move);
    await counting(world.a);
    const again = newMove();
    await copyDisk(world.a, world.b, again, definition);
    await copyMemory(world.a, world.b, again, definition);
    await world.a.driver.switchover(again, BUDGET_MS, () => undefined, NEVER);
    await world.b.driver.confirmComplete(again);
    await crash(await tpmsOf('b'));
    await expect(world.b.driver.activate(again, true)).rejects.toMatchObject({
      code: 'MEMORY_COPY',
      details: { ran: false },
    });
    await giveUp(again);
    await counting(world.a);
  },
  MOVES_MS,
);

it(
  'is said to be lost where it dies, in the pause too, and is there again after a stop and a start',
  async () => {
    const counter = await counting(world.a);
    const move = newMove();
    await copyDisk(world.a, world.b, move, definition);
    await copyMemory(world.a, world.b, move, definition);
    const tpms = await tpmsOf('a');
    const dies = () => tpms.forEach((pid) => process.kill(pid, 'SIGKILL'));
    await expect(world.a.driver.switchover(move, BUDGET_MS, dies, NEVER)).rejects.toThrow();
    await giveUp(move);
    expect(await world.a.driver.get(id)).toMatchObject({ state: 'running', tpmLost: true });
    const refused = newMove();
    await copyDisk(world.a, world.b, refused, definition);
    await expect(copyMemory(world.a, world.b, refused, definition)).rejects.toMatchObject({
      code: 'MEMORY_COPY',
    });
    await giveUp(refused);
    await world.a.driver.stop(id, 0);
    await world.a.driver.start(id);
    expect(await counting(world.a)).toBeGreaterThan(counter);
    expect(await world.a.driver.get(id)).not.toHaveProperty('tpmLost');
  },
  MOVES_MS,
);
