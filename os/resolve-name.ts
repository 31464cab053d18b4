// Names as this host's DNS servers tell them. Not by the system's lookup: its blocking calls would take, for seconds each when DNS is
// down, the few threads that dom0's files need. /etc/hosts is therefore not read.
import { Resolver } from 'node:dns/promises';

/** A resolver on the same site answers in milliseconds; a lost packet is asked for once more. */
const TIMEOUT_MS = 2_000;
const TRIES = 2;

/** Give the IPv4 addresses of a host name, aliases followed; throws when there are none. `servers` are this host's unless given. */
export async function resolveName(name: string, servers?: readonly string[]): Promise<string[]> {
  // A new one for each question hears of a changed /etc/resolv.conf.
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  return resolver.resolve4(name);
}
