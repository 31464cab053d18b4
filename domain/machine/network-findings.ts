// Judges a host's network by its configuration: uplink, routes, addresses, traffic control, ranges that overlap. Pure.
import { cidrBounds, ipv4ToNumber } from '../model/address.js';
import { DEFAULT_INTERNAL_RANGE, type CloudConfig } from '../model/cloud.js';
import type { Dom0Config } from '../model/dom0.js';
import { bareAddress, type HostFacts } from './facts.js';
import { finding, type Finding } from './finding.js';

/** Names of taps begin so (guest-proxy/host/tap.ts). */
const TAP = /^v[sh]-/;

/** What a root qdisc of somebody else at the uplink means, in words. */
export const foreignQdiscWords = (uplink: string, kind: string): string =>
  `somebody else has set up the traffic control of ${uplink} (${kind}): moves cannot be capped there, and are refused`;

export const removeQdisc = (uplink: string): string => `tc qdisc del dev ${uplink} root`;

/** What does not fit between the configuration and the machine's network. */
export function networkFindings(facts: HostFacts, config: Dom0Config): Finding[] {
  const { uplink, peer, probe, externalPool, shapeUplink } = config;
  const device = facts.devices.find((d) => d.name === uplink);
  const others = facts.devices.filter((d) => d.name !== uplink && !TAP.test(d.name));
  const own = facts.devices.flatMap((d) => d.addresses.map(bareAddress));
  const found: Finding[] = [];
  if (device === undefined)
    found.push(
      finding(
        'problem',
        'uplink',
        `there is no network device ${uplink}; there are ${facts.devices.map((d) => d.name).join(', ')}`,
        'set `uplink` in dom0.yaml to the one towards the users and the other sites',
      ),
    );
  else if (!device.up)
    found.push(finding('problem', 'uplink', `the uplink ${uplink} is down`, `ip link set ${uplink} up`));
  const [route] = facts.defaultRoutes;
  if (route === undefined)
    found.push(
      finding(
        'warning',
        'route',
        'there is no default route: desktops reach only networks that have a route of their own',
        `ip route add default via GATEWAY dev ${uplink}`,
      ),
    );
  else if (device !== undefined && route.device !== uplink)
    found.push(
      finding(
        'warning',
        'route',
        `the default route leads over ${route.device}, the uplink is ${uplink}: what desktops send outside leaves by the other device`,
        `ip route replace default via GATEWAY dev ${uplink}, or set \`uplink: ${route.device}\` in dom0.yaml`,
      ),
    );
  for (const [setting, { address }] of Object.entries({ peer, probe }))
    if (!own.includes(address))
      found.push(
        finding(
          'problem',
          'address',
          `${setting} has the address ${address}, which this machine does not have; it has ${own.filter((a) => !a.startsWith('127.')).join(', ') || 'none'}`,
          `set \`${setting}\` in dom0.yaml (and in vmshadow.yaml) to an address of ${uplink}`,
        ),
      );
  const clash = externalPool.filter(
    (a) =>
      a === peer.address ||
      a === probe.address ||
      others.some((d) => d.addresses.map(bareAddress).includes(a)),
  );
  if (clash.length > 0)
    found.push(
      finding(
        'problem',
        'external-pool',
        `${clash.join(', ')} of externalPool ${clash.length === 1 ? 'is' : 'are'} this machine's own`,
        'give desktops addresses that are routed to this host and used by nobody else',
      ),
    );
  const qdisc = facts.foreignQdiscs[uplink];
  if (shapeUplink && qdisc !== undefined)
    found.push(
      finding(
        'problem',
        'qdisc',
        foreignQdiscWords(uplink, qdisc),
        'set `shapeUplink: false` in dom0.yaml (QEMU then holds the cap, less exactly)',
        `or take it away: ${removeQdisc(uplink)}`,
      ),
    );
  return found;
}

/** Desktops' inner addresses must not be those of a network that the host is in. */
export function rangeFindings({ devices }: HostFacts, cloud: CloudConfig | null): Finding[] {
  const range = cloud?.internalRange ?? DEFAULT_INTERNAL_RANGE;
  const { first, last } = cidrBounds(range);
  return devices
    .filter((d) => !TAP.test(d.name))
    .flatMap((d) => d.addresses.map((address) => ({ name: d.name, address })))
    .filter(({ address }) => {
      const net = cidrBounds(address.includes('/') ? address : `${address}/32`);
      return net.first <= last && net.last >= first && ipv4ToNumber(bareAddress(address)) !== 0;
    })
    .map(({ name, address }) =>
      finding(
        'problem',
        'internal-range',
        `${name} is in ${address}, which overlaps with desktops' inner addresses (${range})`,
        'set `internalRange` in vmshadow.yaml to a range that no host, and nobody that desktops talk to, uses',
      ),
    );
}
