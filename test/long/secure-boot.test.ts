// A desktop of Windows 11's shape as far as a Linux drives it, on real QEMU: secure boot, TPM, agent, a disk on scsi. Its firmware is asked
// before and after each move whether it is on; the variables are written and read back all the time.
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { smallGuest } from '../../lab/images/locate.js';
import { expectIntact, moveThereAndBack } from '../system/qemu/there-and-back.js';
import { smallDesktopWithAgent, TAP, TwoHosts } from '../system/qemu/two-hosts.js';

const keys = {
  'vms.variable': 200,
  'vms.tpm': 200,
  'vms.disk': '1000:16',
  'vms.spread': '/dev/sda',
  'vms.scsi': 1,
};
const small = smallDesktopWithAgent('secure', keys);
const SECOND_MIB = 24;
const definition = DesktopDefinition.parse({
  ...small,
  memoryMiB: 256,
  machine: 'pc-q35-10.0',
  firmware: 'uefi',
  secureBoot: true,
  tpm: true,
  diskMiB: small.diskMiB + SECOND_MIB,
  disks: [
    { sizeMiB: small.diskMiB, bus: 'virtio' },
    { sizeMiB: SECOND_MIB, bus: 'scsi' },
  ],
});
const { id } = definition;
/** The firmware checks and unpacks a kernel under emulation, on a machine that others use. */
const BOOT_MS = 600_000;

let world: TwoHosts;
beforeAll(async () => {
  world = await TwoHosts.make();
});
afterAll(() => world.remove());

/** Secure boot is on by the firmware's own word, no variable was lost, and the TPM counts on. */
async function expectSecure(): Promise<number> {
  const { variable, tpm } = await world.guest(world.a, 'status', BOOT_MS);
  expect(variable).toMatchObject({ secureBoot: true, errors: 0 });
  expect(tpm).toMatchObject({ errors: 0, fault: 0 });
  return variable.writes;
}

it(
  'moves there and back with secure boot on and every variable, and boots so again',
  async () => {
    await world.a.driver.create(definition, TAP, smallGuest().disk);
    await world.a.driver.start(id);
    const before = await expectSecure();
    await moveThereAndBack(world, definition);
    expect(await expectSecure()).toBeGreaterThan(before);
    await world.a.driver.stop(id, 0);
    await world.a.driver.start(id);
    await expectSecure();
    await expectIntact(world, world.a);
    await world.a.driver.stop(id, 0);
    await world.a.driver.remove(id);
    expect(await world.kept('a')).toEqual([]);
  },
  3 * BOOT_MS,
);
