// What a balloon spares, on real QEMU: a guest that has used memory and freed it again, with a balloon and without.
import { setTimeout as sleep } from 'node:timers/promises';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { smallGuest } from '../../lab/images/locate.js';
import type { MoveKey } from '../../ports/hypervisor.js';
import { moveDesktop } from '../compliance/move-steps.js';
import { expectIntact } from '../system/qemu/there-and-back.js';
import { ends, smallDesktop, TAP, TwoHosts } from '../system/qemu/two-hosts.js';

const FREED_MIB = 200;
const TEST_MS = 600_000;

let world: TwoHosts;
beforeAll(async () => {
  world = await TwoHosts.make();
});
afterAll(() => world.remove());

interface Costs {
  readonly residentMiB: number;
  readonly wireMiB: number;
}

/**
 * Memory that a desktop's process takes when its guest has used and freed some, and what a move of it puts on the wire for memory. A guest
 * reports some seconds after it has freed: it is waited for until the process takes so much.
 */
async function costs(balloon: boolean, untilMiB: number): Promise<Costs> {
  const id = balloon ? 'spares' : 'keeps';
  const definition = DesktopDefinition.parse({
    ...smallDesktop(id, {
      'vms.disk': '1000:16',
      'vms.dirty': '1000:8',
      'vms.freed': FREED_MIB,
      'vms.balloon': 1,
    }),
    memoryMiB: 512,
    balloon,
  });
  await world.a.driver.create(definition, TAP, smallGuest().disk);
  await world.a.driver.start(definition.id);
  await world.guest(world.a, 'status', TEST_MS);
  const resident = async () => ((await world.a.driver.get(definition.id))?.memoryUsedBytes ?? 0) / 2 ** 20;
  while ((await resident()) > untilMiB) await sleep(100);
  const residentMiB = await resident();
  const move: MoveKey = { desktop: definition.id, moveId: id };
  const { result } = await moveDesktop(ends(world.a, world.b, definition), move);
  await expectIntact(world, world.b);
  await world.a.driver.removeRetired(move);
  await world.b.driver.stop(definition.id, 0);
  await world.b.driver.remove(definition.id);
  return { residentMiB, wireMiB: (result.wireBytes.memory ?? 0) / 2 ** 20 };
}

it(
  'is the memory that the guest has freed, at the host and on the wire, and none that it uses',
  async () => {
    const without = await costs(false, Number.POSITIVE_INFINITY);
    const balloon = await costs(true, without.residentMiB - FREED_MIB / 2);
    process.stderr.write(`${JSON.stringify({ without, balloon })}\n`);
    expect(without.residentMiB).toBeGreaterThan(FREED_MIB);
    expect(balloon.wireMiB).toBeLessThan(without.wireMiB - FREED_MIB / 2);
  },
  TEST_MS,
);
