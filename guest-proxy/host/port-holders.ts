// Which other programs listen on the ports that a tap's DHCP and DNS server needs, in words with what to do (h16).
import { type Listener, listListeners } from '../../os/listeners.js';

/** DNS and DHCP. */
const PORTS: readonly number[] = [53, 67];
/** Listens also at each tap's address. */
const EVERYWHERE = '0.0.0.0';

interface Holder {
  readonly port: number;
  readonly program: string;
  readonly pid: number;
}

/** Who listens at all addresses on a port that we need. */
export function holdersOf(listeners: readonly Listener[]): Holder[] {
  const found = listeners.flatMap(({ address, port, program, pids: [pid] }): Holder[] =>
    address === EVERYWHERE && PORTS.includes(port) && program !== null && pid !== undefined
      ? [{ port, program, pid }]
      : [],
  );
  // Over UDP and TCP it is the same program.
  return [...new Map(found.map((h) => [`${String(h.port)} ${String(h.pid)}`, h])).values()];
}

/** Say who is in the way and what to do; an empty text where nobody is. */
export function inTheWay(holders: readonly Holder[]): string {
  const words = holders.map(
    ({ port, program, pid }) =>
      `${program} (process ${String(pid)}) listens on port ${String(port)} of every address: have it listen on its own addresses only (${remedyFor(program)})`,
  );
  return words.join('; ');
}

function remedyFor(program: string): string {
  if (program === 'dnsmasq') return 'bind-dynamic and listen-address in dnsmasq.conf';
  if (program === 'named') return 'listen-on in named.conf';
  if (program === 'unbound') return 'interface in unbound.conf';
  if (program.startsWith('dhcpd') || program.startsWith('kea'))
    return 'the interfaces that it is started for';
  return 'its listen address';
}

/** Who is in the way on this host now; an empty text where nobody is, or nobody can tell. */
export async function portsInTheWay(): Promise<string> {
  return inTheWay(holdersOf(await listListeners().catch(() => [])));
}
