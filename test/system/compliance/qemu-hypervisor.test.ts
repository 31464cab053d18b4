// The QEMU driver on two hosts of this machine, with a guest that writes to its disk and its memory. Needs root, QEMU and the lab's images.
import { join } from 'node:path';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { smallGuest } from '../../../lab/images/locate.js';
import { describeHypervisor, type HypervisorWorld, type Side } from '../../compliance/hypervisor.js';
import { MBPS, TAP, TwoHosts, crash, smallDesktopWithAgent } from '../qemu/two-hosts.js';

/** A guest that has just been started, on a machine that others use. */
const BOOT_MS = 75_000;

async function make(): Promise<HypervisorWorld> {
  const world = await TwoHosts.make();
  const hosts = { source: world.a, target: world.b };
  return {
    source: world.a.driver,
    target: world.b.driver,
    definition: DesktopDefinition.parse({
      ...smallDesktopWithAgent('desk', { 'vms.disk': '1000:16', 'vms.dirty': '2000:16', 'vms.tpm': 200 }),
      tpm: true,
    }),
    from: world.a.self,
    to: world.b.self,
    image: smallGuest().disk,
    tap: TAP,
    mbps: MBPS,
    writes: async (side) => (await world.guest(hosts[side], 'status', BOOT_MS)).disk.blocksWritten,
    intact: async (side) => {
      let { verify, memory, tpm } = await world.guest(hosts[side], 'verify');
      while (!verify.done) ({ verify, memory, tpm } = await world.guest(hosts[side], 'verify'));
      return verify.blocks > 0 && verify.bad === 0 && memory.errors === 0 && tpm.errors === 0;
    },
    restart: async (side: Side) => {
      await hosts[side].kill();
      hosts[side].start();
    },
    crash: async (side) => {
      const pids = (await hosts[side].driver.list()).map(({ pid }) => pid);
      await crash(pids.filter((pid) => pid !== null));
    },
    loseTpm: async (side) =>
      crash(await world.processes('swtpm', join(world.folder, side === 'source' ? 'a' : 'b'))),
    kept: (side) => world.kept(side === 'source' ? 'a' : 'b'),
    remove: () => world.remove(),
  };
}

describeHypervisor('the QEMU driver', make);
