// What the kernel holds of a host's devices, in two listings whatever the number of desktops.
import { z } from 'zod';
import type { InternalNetwork } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { runCommand } from '../../os/run-command.js';
import { tapName } from './tap.js';

const Links = z.array(
  z.object({
    ifname: z.string(),
    flags: z.array(z.string()).default([]),
    addr_info: z.array(z.object({ family: z.string(), local: z.string().optional() })).default([]),
  }),
);
const Neighbours = z.array(z.object({ dst: z.string(), dev: z.string(), lladdr: z.string().optional() }));

export interface KernelLook {
  /** Tell whether an address is on a device. */
  has(device: string, address: string): boolean;
  /** What a desktop's tap lacks of what it should be; null where it lacks nothing. */
  lackOf(desktop: DesktopId, network: InternalNetwork): string | null;
}

/** Look once. Throws COMMAND where `ip` fails. */
export async function lookAtKernel(): Promise<KernelLook> {
  const [links, neighbours] = await Promise.all([
    runCommand(['ip', '-j', '-4', 'addr', 'show']),
    runCommand(['ip', '-j', '-4', 'neigh', 'show', 'nud', 'permanent']),
  ]);
  const devices = new Map(
    parseInput(Links, JSON.parse(links.trim() || '[]'), 'ip addr').map((l) => [l.ifname, l]),
  );
  const known = parseInput(Neighbours, JSON.parse(neighbours.trim() || '[]'), 'ip neigh');
  const has = (device: string, address: string) =>
    devices.get(device)?.addr_info.some((a) => a.family === 'inet' && a.local === address) === true;
  return {
    has,
    lackOf(desktop, { address, gateway, mac }) {
      const tap = tapName(desktop);
      const device = devices.get(tap);
      if (device === undefined) return 'the device';
      if (!device.flags.includes('UP')) return 'being up';
      if (!has(tap, gateway)) return 'its gateway address';
      const neighbour = known.find((n) => n.dev === tap && n.dst === address);
      return neighbour?.lladdr?.toLowerCase() === mac.toLowerCase() ? null : 'its neighbour entry';
    },
  };
}
