// Moves of a desktop between two hosts and back under load, with the guest's own check of all that it has written.
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { moveDesktop, NEVER } from '../../compliance/move-steps.js';
import type { RemoteHost } from './remote-host.js';
import { ends, type TwoHosts } from './two-hosts.js';

/** Every block that the guest has ever written is there, and it writes on. */
export async function expectIntact(world: TwoHosts, host: RemoteHost): Promise<void> {
  let status = await world.guest(host, 'verify');
  while (!status.verify.done) status = await world.guest(host, 'verify');
  expect(status.verify.blocks).toBeGreaterThan(0);
  expect([status.verify.bad, status.disk.errors, status.memory.errors]).toEqual([0, 0, 0]);
}

/** There, where both ends agree on the disks, and back. */
export async function moveThereAndBack(world: TwoHosts, definition: DesktopDefinition): Promise<void> {
  const both = { a: world.a, b: world.b };
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const move: MoveKey = { desktop: definition.id, moveId: `${definition.id}-to-${to}` };
    await moveDesktop(ends(both[from], both[to], definition), move);
    await expectIntact(world, both[to]);
    const hash = await both[to].driver.hashSnapshot(move, NEVER);
    expect(await both[from].driver.hashRetired(move, NEVER)).toBe(hash);
    await both[from].driver.removeRetired(move);
    expect(await world.kept(from)).toEqual([]);
  }
}
