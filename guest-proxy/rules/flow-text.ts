// Flows and their packets as nftables writes them. A flow: `address . protocol . port . peer's address . peer's port`, the first and third a desktop's.
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

/**
 * Of packets that carry `bytes` bytes which begin with a magic of eight: behind a TCP header without options, which a segment of a connection
 * seldom has, or in a datagram.
 */
export function carrying(magic: Buffer, bytes: number): Readonly<Record<RelayedFlow['protocol'], string>> {
  const value = `0x${magic.toString('hex')}`;
  return {
    tcp: `tcp doff 5 ip length ${String(40 + bytes)} @th,160,64 ${value}`,
    udp: `udp length ${String(8 + bytes)} @th,64,64 ${value}`,
  };
}
