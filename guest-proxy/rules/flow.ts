// A flow: one socket of the client, named by the 4-tuple that the socket itself sees. Rewriting happens below the socket, so this never changes.
import { z } from 'zod';
import { Endpoint, Ipv4 } from '../../domain/model/address.js';

export const ProxiedFlow = z.object({
  protocol: z.enum(['tcp', 'udp']),
  local: Endpoint,
  remote: Endpoint,
  /** The address of the desktop that its packets leave for, at a site which the desktop has left; absent: the present one. */
  via: Ipv4.optional(),
});
export type ProxiedFlow = z.infer<typeof ProxiedFlow>;

/** A text that is the same for the same socket. */
export function flowKey(flow: ProxiedFlow): string {
  const { protocol, local, remote } = flow;
  return `${protocol} ${local.address}:${String(local.port)} ${remote.address}:${String(remote.port)}`;
}
