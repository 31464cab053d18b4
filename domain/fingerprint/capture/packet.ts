// Decodes the headers of one captured packet, of any length, from untrusted bytes. Never throws and never reads past the end:
// what cannot be read is counted by its verdict. Layout: link header, VLAN tags, IPv4 or IPv6 with extensions, TCP or UDP.
import ipaddr from 'ipaddr.js';
import { linkPayload } from './link-layer.js';

export interface TcpFields {
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly push: boolean;
  /** TCP timestamps option (RFC 7323), when present and captured. */
  readonly timestamp: { readonly value: number; readonly echo: number } | undefined;
}

export interface PacketHeader {
  readonly timeMs: number;
  readonly protocol: 'tcp' | 'udp';
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** The whole IP packet as it was on the wire, not as much as was captured. */
  readonly ipBytes: number;
  readonly payloadBytes: number;
  readonly tcp: TcpFields | undefined;
}

export type Decoded =
  | { readonly kind: 'packet'; readonly header: PacketHeader; readonly firstFragment: boolean }
  /** A later fragment, ports unknown; a packet that is not TCP or UDP over IP; one that contradicts itself; one cut before its ports. */
  | { readonly kind: 'fragment' | 'other' | 'malformed' | 'truncated' };

export interface RawPacket {
  readonly timeMs: number;
  /** pcap link type (LINKTYPE_ numbers). */
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire; more than `bytes` when the capture was cut. */
  readonly wireBytes: number;
}

const malformed: Decoded = { kind: 'malformed' };
const other: Decoded = { kind: 'other' };
const TCP = 6;
const UDP = 17;
/** Hop-by-hop, routing, destination options: next header and length in units of 8 bytes. */
const IPV6_EXTENSIONS = new Set([0, 43, 60]);
const IPV6_FRAGMENT = 44;
/** More extension headers than any real stack sends: a bound against crafted chains. */
const MAX_IPV6_EXTENSIONS = 8;

/** Decode the headers of `raw`. */
export function decodeRawPacket(raw: RawPacket): Decoded {
  if (!Number.isFinite(raw.timeMs)) return malformed;
  const link = linkPayload(raw.bytes, raw.linkType);
  if (link === 'short') return cutOrBad(raw);
  if (link === 'other') return other;
  const bytes = raw.bytes.subarray(link.offset);
  const wireBytes = Math.max(0, raw.wireBytes - link.offset);
  return link.version === 4 ? decodeIpv4(raw, bytes, wireBytes) : decodeIpv6(raw, bytes, wireBytes);
}

function cutOrBad(raw: RawPacket): Decoded {
  return raw.wireBytes > raw.bytes.length ? { kind: 'truncated' } : malformed;
}

function decodeIpv4(raw: RawPacket, b: Uint8Array, wireBytes: number): Decoded {
  if (b.length < 20) return cutOrBad(raw);
  const headerBytes = (byte(b, 0) & 15) * 4;
  if (byte(b, 0) >> 4 !== 4 || headerBytes < 20) return malformed;
  // Segmentation offload may leave the length empty: the wire length stands in.
  const total = u16(b, 2) === 0 ? wireBytes : u16(b, 2);
  if (total < headerBytes || total > wireBytes) return malformed;
  const fragment = u16(b, 6);
  const firstFragment = (fragment & 0x2000) !== 0;
  if ((fragment & 0x1fff) !== 0) return { kind: 'fragment' };
  const addresses = [b.subarray(12, 16).join('.'), b.subarray(16, 20).join('.')] as const;
  return decodeTransport(
    raw,
    b.subarray(headerBytes),
    byte(b, 9),
    total - headerBytes,
    total,
    addresses,
    firstFragment,
  );
}

function decodeIpv6(raw: RawPacket, b: Uint8Array, wireBytes: number): Decoded {
  if (b.length < 40) return cutOrBad(raw);
  if (byte(b, 0) >> 4 !== 6) return malformed;
  const total = u16(b, 4) === 0 ? wireBytes : 40 + u16(b, 4);
  if (total > wireBytes) return malformed;
  let next = byte(b, 6);
  let offset = 40;
  let firstFragment = false;
  for (let i = 0; IPV6_EXTENSIONS.has(next) || next === IPV6_FRAGMENT; i++) {
    if (i === MAX_IPV6_EXTENSIONS) return malformed;
    if (offset + 8 > b.length) return cutOrBad(raw);
    if (next === IPV6_FRAGMENT) {
      const fragment = u16(b, offset + 2);
      if (fragment >> 3 !== 0) return { kind: 'fragment' };
      firstFragment = (fragment & 1) !== 0;
    }
    const size = next === IPV6_FRAGMENT ? 8 : 8 + byte(b, offset + 1) * 8;
    next = byte(b, offset);
    offset += size;
  }
  if (offset > total) return malformed;
  const addresses = [ipv6Text(b, 8), ipv6Text(b, 24)] as const;
  return decodeTransport(raw, b.subarray(offset), next, total - offset, total, addresses, firstFragment);
}

function decodeTransport(
  raw: RawPacket,
  b: Uint8Array,
  protocol: number,
  bytes: number,
  ipBytes: number,
  [source, destination]: readonly [string, string],
  firstFragment: boolean,
): Decoded {
  if (protocol !== TCP && protocol !== UDP) return other;
  const smallest = protocol === TCP ? 20 : 8;
  if (bytes < smallest) return malformed;
  if (b.length < smallest) return cutOrBad(raw);
  const headerBytes = protocol === TCP ? (byte(b, 12) >> 4) * 4 : 8;
  if (headerBytes < smallest || headerBytes > bytes) return malformed;
  const ports = { sourcePort: u16(b, 0), destinationPort: u16(b, 2) };
  if (ports.sourcePort === 0 || ports.destinationPort === 0) return malformed;
  const header: PacketHeader = {
    timeMs: raw.timeMs,
    protocol: protocol === TCP ? 'tcp' : 'udp',
    source,
    destination,
    ...ports,
    ipBytes,
    payloadBytes: bytes - headerBytes,
    tcp: protocol === TCP ? tcpFields(b, headerBytes) : undefined,
  };
  return { kind: 'packet', header, firstFragment };
}

function tcpFields(b: Uint8Array, headerBytes: number): TcpFields {
  const flags = byte(b, 13);
  return {
    sequence: u32(b, 4),
    acknowledgement: u32(b, 8),
    fin: (flags & 1) !== 0,
    syn: (flags & 2) !== 0,
    rst: (flags & 4) !== 0,
    push: (flags & 8) !== 0,
    ack: (flags & 16) !== 0,
    timestamp: timestampOption(b.subarray(20, headerBytes)),
  };
}

function timestampOption(options: Uint8Array): TcpFields['timestamp'] {
  for (let i = 0; i < options.length;) {
    const kind = byte(options, i);
    if (kind === 0) return undefined;
    if (kind === 1) {
      i += 1;
      continue;
    }
    const size = i + 1 < options.length ? byte(options, i + 1) : 0;
    if (size < 2) return undefined;
    if (kind === 8 && size === 10 && i + 10 <= options.length)
      return { value: u32(options, i + 2), echo: u32(options, i + 6) };
    i += size;
  }
  return undefined;
}

function ipv6Text(b: Uint8Array, at: number): string {
  return ipaddr.fromByteArray([...b.subarray(at, at + 16)]).toString();
}

function byte(b: Uint8Array, at: number): number {
  return b[at] ?? 0;
}
function u16(b: Uint8Array, at: number): number {
  return byte(b, at) * 256 + byte(b, at + 1);
}
function u32(b: Uint8Array, at: number): number {
  return u16(b, at) * 65_536 + u16(b, at + 2);
}
