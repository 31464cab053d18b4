// The packets that open a client's NAT towards a desktop's new address (MMSys'14 section 6.2.1), and close the old path. Pure: bytes only.
// Open, TCP: a bare ACK with sequence number 1. Linux's NAT takes it as a connection under way (nf_conntrack_tcp_loose, the default) and lets
// any sequence numbers follow; a SYN (scapy's default) makes it refuse the connection's real packets. It carries no data and cannot change
// a TCP that it reaches; the target's host drops it as long as the desktop does not run there. UDP: an empty datagram.
// Close, TCP: a SYN on the old path, which the old host refuses with RST: the NAT, which cannot know that this connection lives on
// elsewhere, then forgets it. Else it would find the stream out of its window when the desktop comes back to the same address.
import { ipv4Bytes } from '../../domain/model/address.js';
import type { ProxiedFlow } from '../rules/flow.js';

const IP_HEADER = 20;
const TCP_HEADER = 20;
const UDP_HEADER = 8;
const PROTOCOL = { tcp: 6, udp: 17 } as const;
const FLAGS = { open: 0x10, close: 0x02 } as const; // ACK, SYN
const DONT_FRAGMENT = 0x4000;
const TTL = 64;
const SEQUENCE = 1;
const WINDOW = 512;

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes.readUInt8(i) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function ipHeader(flow: ProxiedFlow, destination: string, payloadLength: number): Buffer {
  const header = Buffer.alloc(IP_HEADER);
  header.writeUInt8(0x45, 0);
  header.writeUInt16BE(IP_HEADER + payloadLength, 2);
  header.writeUInt16BE(DONT_FRAGMENT, 6);
  header.writeUInt8(TTL, 8);
  header.writeUInt8(PROTOCOL[flow.protocol], 9);
  header.set(ipv4Bytes(flow.local.address), 12);
  header.set(ipv4Bytes(destination), 16);
  header.writeUInt16BE(checksum(header), 10);
  return header;
}

/**
 * The IP packet that opens the NAT for `flow` towards `destination`, or (TCP only) closes that path. One that opens may carry something: a
 * proof of the path (protocol/path-proof.ts), which ends at the other proxy.
 */
export function punchPacket(
  flow: ProxiedFlow,
  destination: string,
  purpose: 'open' | 'close',
  content: Buffer = Buffer.alloc(0),
): Buffer {
  const header = flow.protocol === 'tcp' ? TCP_HEADER : UDP_HEADER;
  const segment = Buffer.concat([Buffer.alloc(header), content]);
  segment.writeUInt16BE(flow.local.port, 0);
  segment.writeUInt16BE(flow.remote.port, 2);
  if (flow.protocol === 'tcp') {
    segment.writeUInt32BE(SEQUENCE, 4);
    if (purpose === 'open') segment.writeUInt32BE(SEQUENCE, 8);
    segment.writeUInt8((TCP_HEADER / 4) << 4, 12);
    segment.writeUInt8(FLAGS[purpose], 13);
    segment.writeUInt16BE(WINDOW, 14);
  } else {
    segment.writeUInt16BE(segment.length, 4);
  }
  const pseudo = Buffer.from([
    ...ipv4Bytes(flow.local.address),
    ...ipv4Bytes(destination),
    0,
    PROTOCOL[flow.protocol],
    0,
    segment.length,
  ]);
  const sum = checksum(Buffer.concat([pseudo, segment]));
  // RFC 768: a computed 0 is sent as all ones.
  segment.writeUInt16BE(
    sum === 0 && flow.protocol === 'udp' ? 0xffff : sum,
    flow.protocol === 'tcp' ? 16 : 6,
  );
  return Buffer.concat([ipHeader(flow, destination, segment.length), segment]);
}
