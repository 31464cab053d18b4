// An IPv4 packet as the relay sees it: whose flow it is, and the change of one of its addresses with the checksums that cover it. Pure.
import { numberToIpv4, ipv4ToNumber } from '../../domain/model/address.js';
import type { RelayedFlow } from './flow.js';

const MIN_IP_HEADER = 20;
const PROTOCOLS = new Map<number, RelayedFlow['protocol']>([
  [6, 'tcp'],
  [17, 'udp'],
]);
/** Offset of the transport's checksum, and bytes that its header has at least. */
const TRANSPORT = { tcp: { checksum: 16, bytes: 20 }, udp: { checksum: 6, bytes: 8 } } as const;
const FLAGS = 13;
const FRAGMENT = 0x3fff;
const ADDRESS = { source: 12, destination: 16 } as const;

/** What a packet is to its flow, seen from the desktop. */
export interface SeenPacket {
  readonly flow: RelayedFlow;
  readonly source: string;
  readonly destination: string;
  readonly fin: boolean;
  readonly rst: boolean;
  /** A SYN without ACK: it begins a connection, and no connection that is open sends one. */
  readonly opens: boolean;
}

/** Read a packet that goes to (`in`) or comes from (`out`) the desktop; null for what no flow can be told of: fragments, other protocols, rubbish. */
export function readPacket(packet: Buffer, direction: 'in' | 'out'): SeenPacket | null {
  if (packet.length < MIN_IP_HEADER || packet.readUInt8(0) >> 4 !== 4) return null;
  const header = (packet.readUInt8(0) & 0xf) * 4;
  const protocol = PROTOCOLS.get(packet.readUInt8(9));
  if (header < MIN_IP_HEADER || protocol === undefined) return null;
  if (packet.readUInt16BE(2) !== packet.length || (packet.readUInt16BE(6) & FRAGMENT) !== 0) return null;
  if (packet.length < header + TRANSPORT[protocol].bytes) return null;
  const source = numberToIpv4(packet.readUInt32BE(ADDRESS.source));
  const destination = numberToIpv4(packet.readUInt32BE(ADDRESS.destination));
  const [from, to] = [packet.readUInt16BE(header), packet.readUInt16BE(header + 2)];
  const flags = protocol === 'tcp' ? packet.readUInt8(header + FLAGS) : 0;
  return {
    flow:
      direction === 'in'
        ? { protocol, port: to, peer: { address: source, port: from } }
        : { protocol, port: from, peer: { address: destination, port: to } },
    source,
    destination,
    fin: (flags & 0x01) !== 0,
    rst: (flags & 0x04) !== 0,
    opens: (flags & 0x12) === 0x02,
  };
}

/** RFC 1624: the checksum after a 32-bit word that it covers has changed. */
function adjust(checksum: number, before: number, after: number): number {
  let sum = ~checksum & 0xffff;
  for (const word of [before >>> 16, before & 0xffff]) sum += ~word & 0xffff;
  for (const word of [after >>> 16, after & 0xffff]) sum += word;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** A copy of a packet that `readPacket` has read, with another source or destination; checksums follow, a UDP packet without one stays so. */
export function readdress(packet: Buffer, which: keyof typeof ADDRESS, address: string): Buffer {
  const changed = Buffer.from(packet);
  const before = packet.readUInt32BE(ADDRESS[which]);
  const after = ipv4ToNumber(address);
  changed.writeUInt32BE(after, ADDRESS[which]);
  changed.writeUInt16BE(adjust(packet.readUInt16BE(10), before, after), 10);
  const protocol = PROTOCOLS.get(packet.readUInt8(9));
  if (protocol === undefined) return changed;
  const at = (packet.readUInt8(0) & 0xf) * 4 + TRANSPORT[protocol].checksum;
  const stood = packet.readUInt16BE(at);
  if (protocol === 'udp' && stood === 0) return changed;
  const sum = adjust(stood, before, after);
  // RFC 768: a computed 0 is sent as all ones.
  changed.writeUInt16BE(protocol === 'udp' && sum === 0 ? 0xffff : sum, at);
  return changed;
}

/** What a packet that `readPacket` has read carries. */
export function payloadOf(packet: Buffer): Buffer {
  const header = (packet.readUInt8(0) & 0xf) * 4;
  const tcp = PROTOCOLS.get(packet.readUInt8(9)) === 'tcp';
  const own = tcp ? (packet.readUInt8(header + 12) >> 4) * 4 : TRANSPORT.udp.bytes;
  return packet.subarray(header + own);
}
