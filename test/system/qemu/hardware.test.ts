// Desktops with more than one virtio disk, on real QEMU: several disks that move side by side and count together, UEFI with its variables, and
// the other devices. Each is moved there and back under load, with the guest's own check of all that it has written.
import { HostCpu } from '../../../domain/model/cpu.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { smallGuest } from '../../../lab/images/locate.js';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { NEVER } from '../../compliance/move-steps.js';
import { expectIntact, moveThereAndBack } from './there-and-back.js';
import { copyDisk, copyMemory, crash, smallDesktop, TAP, TwoHosts } from './two-hosts.js';

/** Emulated guests, moved two or three times, whose two processors and two disks share the machine's cores with another file's guests. */
const MOVES_MS = 300_000;

const LOAD = { 'vms.disk': '1000:16', 'vms.dirty': '1000:8' };
/** Beside the image's own disk; as many MiB as its half of what the guest writes needs, and some. */
const SECOND_MIB = 24;

let world: TwoHosts;
beforeAll(async () => {
  world = await TwoHosts.make();
});
afterAll(() => world.remove());

// A test that does not hold must not take the next ones with it.
afterEach(async () => {
  for (const { driver } of [world.a, world.b])
    for (const { definition } of await driver.list()) {
      await driver.stop(definition.id, 0).catch(() => undefined);
      await driver.remove(definition.id).catch(() => undefined);
    }
});

/** The small guest with more than it has by itself. */
function desktopWith(
  id: string,
  keys: Record<string, string | number>,
  more: Partial<DesktopDefinition>,
): DesktopDefinition {
  const small = smallDesktop(id, { ...LOAD, ...keys });
  const diskMiB = more.disks?.reduce((sum, d) => sum + d.sizeMiB, 0) ?? small.diskMiB;
  return DesktopDefinition.parse({ ...small, diskMiB, ...more });
}

const twoDisks = (bus: 'virtio' | 'scsi' | 'sata') => [
  { sizeMiB: smallGuest().diskMiB, bus: 'virtio' as const },
  { sizeMiB: SECOND_MIB, bus },
];

async function make(definition: DesktopDefinition): Promise<void> {
  await world.a.driver.create(definition, TAP, smallGuest().disk);
  await world.a.driver.start(definition.id);
  await world.guest(world.a, 'status', 90_000);
}

async function remove({ id }: DesktopDefinition): Promise<void> {
  await world.a.driver.stop(id, 0);
  await world.a.driver.remove(id);
  expect(await world.kept('a')).toEqual([]);
}

it('says what it can give of its processor, and no model that it has not whole', async () => {
  const { cpu } = await world.a.driver.info();
  expect(HostCpu.parse(cpu)).toEqual(cpu);
  expect(cpu!.flags).toEqual(expect.arrayContaining(['aes', 'sse4-2']));
  expect(cpu!.models['Westmere']).toBeGreaterThan(cpu!.models['qemu64']!);
  expect(Object.keys(cpu!.models)).not.toContain('Icelake-Server');
  // Each host says it each cycle.
  expect(JSON.stringify(cpu).length).toBeLessThan(4_096);
});

describe('a desktop with two disks', () => {
  const definition = desktopWith(
    'two',
    { 'vms.spread': '/dev/sda', 'vms.scsi': 1 },
    { vcpus: 2, disks: twoDisks('scsi') },
  );

  it(
    'keeps both where the target dies in the pause, and moves there and back with both',
    async () => {
      await make(definition);
      const move: MoveKey = { desktop: definition.id, moveId: 'dies' };
      await copyDisk(world.a, world.b, move, definition);
      const { state, totalBytes } = await world.a.driver.diskProgress(move);
      expect(state).toBe('synchronous');
      // What the guest rewrites meanwhile counts too.
      expect(totalBytes).toBeGreaterThanOrEqual(definition.diskMiB * 2 ** 20);
      await copyMemory(world.a, world.b, move, definition);
      const servers = await world.processes('qemu-storage-daemon');
      const stopped = () => void crash(servers);
      await expect(world.a.driver.switchover(move, 2_000, stopped, NEVER)).rejects.toThrow();
      await world.a.driver.cancelMemoryCopy(move);
      await world.a.driver.cancelDiskCopy(move);
      await world.b.driver.discardTarget(move);
      expect(await world.kept('b')).toEqual([]);
      await expectIntact(world, world.a);
      await moveThereAndBack(world, definition);
      await remove(definition);
    },
    MOVES_MS,
  );
});

describe('a desktop with UEFI', () => {
  const definition = desktopWith(
    'uefi',
    { 'vms.variable': 100 },
    { firmware: 'uefi', memoryMiB: 256, disks: twoDisks('sata'), usbTablet: true, display: 'std' },
  );

  it(
    'moves there and back with its variables, of which the guest has lost none',
    async () => {
      await make(definition);
      const before = await world.guest(world.a);
      await moveThereAndBack(world, definition);
      const { variable } = await world.guest(world.a);
      expect(variable.writes).toBeGreaterThan(before.variable.writes);
      expect(variable.errors).toBe(0);
      await remove(definition);
    },
    MOVES_MS,
  );
});
