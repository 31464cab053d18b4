// The ports that a host must be reached at, and who else has them.
import type { Dom0Config } from '../model/dom0.js';
import { finding, type Finding } from './finding.js';
import type { ListeningSocket } from './facts.js';

/** Ports that something listens at; `address` null: one of its own for each desktop. */
export interface HostPort {
  readonly protocol: 'tcp' | 'udp';
  readonly address: string | null;
  readonly first: number;
  readonly last: number;
  readonly what: string;
  /** The setting of dom0.yaml. */
  readonly setting: string;
}

type PortConfig = Pick<Dom0Config, 'peer' | 'probe' | 'controlPort' | 'relayPort' | 'migrationPorts'>;

/** All ports of a host. */
export function hostPorts({ peer, probe, controlPort, relayPort, migrationPorts }: PortConfig): HostPort[] {
  const one = (port: number) => ({ first: port, last: port });
  const udp = 'udp' as const;
  const tcp = 'tcp' as const;
  return [
    { protocol: tcp, address: peer.address, ...one(peer.port), what: 'other hosts (TLS)', setting: 'peer' },
    { protocol: udp, address: probe.address, ...one(probe.port), what: 'RTT probes', setting: 'probe' },
    {
      protocol: udp,
      address: probe.address,
      ...one(relayPort),
      what: 'connections that go on over an old site',
      setting: 'relayPort',
    },
    { protocol: tcp, address: peer.address, ...migrationPorts, what: 'moves', setting: 'migrationPorts' },
    { protocol: udp, address: null, ...one(controlPort), what: "users' proxies", setting: 'controlPort' },
  ];
}

const ANY = '0.0.0.0';
const DHCP_PORT = 67;

/** Ports of the host that another program has. A range is one finding, and a problem only where fewer than two ports are left. */
export function portConflicts(config: PortConfig, sockets: readonly ListeningSocket[]): Finding[] {
  const others = sockets.filter((s) => !s.ours);
  const found = hostPorts(config).flatMap((port) => {
    const taken = others.filter((s) => clashes(s, port));
    const ports = new Set(taken.map((s) => s.port));
    if (ports.size === 0) return [];
    const left = port.last - port.first + 1 - ports.size;
    const range = port.last > port.first;
    const numbers = [...ports].toSorted((a, b) => a - b).join(', ');
    return [
      finding(
        range && left >= 2 ? 'note' : 'problem',
        'port',
        `${port.protocol.toUpperCase()} ${numbers} (for ${port.what}) ${ports.size === 1 ? 'is' : 'are'} in use by ${programsOf(taken)}${range ? `, ${String(left)} ports of the range are left` : ''}`,
        ...(range && left >= 2
          ? []
          : [`end that program, or choose another \`${port.setting}\` in dom0.yaml`]),
      ),
    ];
  });
  const dhcp = others.filter((s) => s.protocol === 'udp' && s.port === DHCP_PORT && s.address === ANY);
  if (dhcp.length === 0) return found;
  return [
    ...found,
    finding(
      'problem',
      'port',
      `UDP ${String(DHCP_PORT)} of all addresses is in use by ${programsOf(dhcp)}: desktops get no address by DHCP`,
      'bind that DHCP server to its own interfaces (dnsmasq: `bind-dynamic` and `except-interface=vs-*`)',
    ),
  ];
}

const programsOf = (sockets: readonly ListeningSocket[]) =>
  [...new Set(sockets.map((s) => s.program ?? 'a program that is not known'))].join(', ');

function clashes(socket: ListeningSocket, port: HostPort): boolean {
  return (
    socket.protocol === port.protocol &&
    socket.port >= port.first &&
    socket.port <= port.last &&
    // An address of a desktop's own is in the way of a wildcard only.
    (socket.address === ANY || socket.address === port.address)
  );
}
