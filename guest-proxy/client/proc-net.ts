// The client's sockets as the kernel lists them in /proc/net/{tcp,tcp6,udp,udp6}: IPv4 ones and IPv4 in IPv6 (::ffff:a.b.c.d).
import { readFile } from 'node:fs/promises';
import type { Endpoint } from '../../domain/model/address.js';
import type { ProxiedFlow } from '../rules/flow.js';

/**
 * include/net/tcp_states.h: LISTEN has no peer. TIME_WAIT has nothing more to say, and its port may be in use again for another address.
 * Other closing states stay: their last packets need the rules.
 */
const WITHOUT_FLOW = new Set(['0A', '06']);
/** An IPv6 address that holds an IPv4 one, as words of /proc in host order (little-endian). */
const MAPPED_PREFIX = '0000000000000000FFFF0000';

function parseEndpoint(text: string): Endpoint | null {
  const [address = '', port = ''] = text.split(':');
  let hex = address;
  if (address.length === 32) {
    if (!address.startsWith(MAPPED_PREFIX)) return null;
    hex = address.slice(24);
  }
  if (!/^[0-9A-F]{8}$/.test(hex) || !/^[0-9A-F]{4}$/.test(port)) return null;
  const bytes = [...Buffer.from(hex, 'hex')].reverse();
  return { address: bytes.join('.'), port: parseInt(port, 16) };
}

/** Parse one such file: the sockets that have a peer. */
export function parseProcNet(protocol: 'tcp' | 'udp', text: string): ProxiedFlow[] {
  const flows: ProxiedFlow[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local = '', remote = '', state = ''] = line.trim().split(/\s+/);
    const from = parseEndpoint(local);
    const to = parseEndpoint(remote);
    if (from === null || to === null || to.port === 0 || (protocol === 'tcp' && WITHOUT_FLOW.has(state)))
      continue;
    flows.push({ protocol, local: from, remote: to });
  }
  return flows;
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    // A kernel without IPv6 has no tcp6 and udp6.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** List the sockets of this network namespace that have a peer. */
export async function listSockets(): Promise<ProxiedFlow[]> {
  const files = [
    ['tcp', 'tcp'],
    ['tcp', 'tcp6'],
    ['udp', 'udp'],
    ['udp', 'udp6'],
  ] as const;
  const lists = await Promise.all(
    files.map(async ([protocol, name]) =>
      parseProcNet(protocol, await readIfThere(`/proc/self/net/${name}`)),
    ),
  );
  return lists.flat();
}
