// Which other programs listen on the ports that a tap's DHCP and DNS server needs, in words with what to do (h16).
import { runCommand } from '../../os/run-command.js';

/** DNS and DHCP. */
const PORTS = [53, 67] as const;
/** Listens at all addresses, and so also at each tap's. */
const EVERYWHERE = ['0.0.0.0', '*', '[::]'];

interface Holder {
  readonly port: number;
  readonly address: string;
  readonly program: string;
  readonly pid: number;
}

/** Read what `ss -Hlntup` prints: who listens at all addresses on a port that we need. */
export function holdersIn(text: string): Holder[] {
  const found = text.split('\n').flatMap((line): Holder[] => {
    const local = line.trim().split(/\s+/)[4] ?? '';
    const [, address = '', port = ''] = /^(.*):(\d+)$/.exec(local) ?? [];
    const [, program = '', pid = ''] = /users:\(\("([^"]*)",pid=(\d+)/.exec(line) ?? [];
    // One that is bound to a device (`0.0.0.0%eth0`) is in nobody's way.
    if (!EVERYWHERE.includes(address) || !PORTS.some((p) => p === Number(port)) || pid === '') return [];
    return [{ port: Number(port), address, program, pid: Number(pid) }];
  });
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
  const text = await runCommand(['ss', '-Hlntup']).catch(() => '');
  return inTheWay(holdersIn(text));
}
