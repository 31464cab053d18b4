// A flow as nftables writes it: `address . protocol . port . peer's address . peer's port`, the first and third a desktop's.
import type { RelayedFlow } from '../relay/flow.js';

export const FLOW_TYPE = 'type ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service;';
/** Of a packet that a desktop sends. */
export const SENT = 'ip saddr . meta l4proto . th sport . ip daddr . th dport';
/** Of a packet for a desktop. */
export const RECEIVED = 'ip daddr . meta l4proto . th dport . ip saddr . th sport';

/** Render an element: a flow of the desktop that has the address `own`. */
export function flowTuple(own: string, { protocol, port, peer }: RelayedFlow): string {
  return [own, protocol, String(port), peer.address, String(peer.port)].join(' . ');
}
