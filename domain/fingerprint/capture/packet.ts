// Decodes the headers of one captured packet, of any length, from untrusted bytes. Never throws and never reads past the end:
// what cannot be read is counted by its verdict. Layout: what layers.ts peels off, IPv4 or IPv6 with extensions, TCP or UDP.
import ipaddr from 'ipaddr.js';
import { byte, u16, u32 } from './bytes.js';
import { linkPayload } from './layers.js';
import { ipPayload, notTransport } from './tunnels.js';

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
  /** Identification of IPv4, 0 of IPv6; checksum of TCP or UDP. */
  readonly ipId: number;
  readonly checksum: number;
  /** Its first bytes, as far as they were captured; they share memory with what was read. */
  readonly payload?: Uint8Array;
  readonly tcp: TcpFields | undefined;
}

export type Decoded =
  | { readonly kind: 'packet'; readonly header: PacketHeader; readonly firstFragment: boolean }
  /** A later fragment, ports unknown; one that contradicts itself; one cut before its ports. */
  | { readonly kind: 'fragment' | 'malformed' | 'truncated' }
  /** Not TCP or UDP over IP: what it is, for people. */
  | { readonly kind: 'other'; readonly what: string };

/** libpcap's own limit; a longer record means that the reader is lost. */
export const MAX_RECORD_BYTES = 262_144;

export interface RawPacket {
  readonly timeMs: number;
  /** pcap link type (LINKTYPE_ numbers). */
  readonly linkType: number;
  readonly bytes: Uint8Array;
  /** Bytes on the wire; more than `bytes` when the capture was cut. */
  readonly wireBytes: number;
}

const malformed: Decoded = { kind: 'malformed' };
const TCP = 6;
const UDP = 17;
/** Authentication header (RFC 4302): next header and length in units of 4 bytes, less 2. */
const AUTHENTICATION = 51;
/** Enough of a payload to tell a protocol's greeting. */
const PAYLOAD_BYTES = 16;
/** Tunnels within tunnels. */
const MAX_TUNNELS = 8;
/** Hop-by-hop, routing, destination options: next header and length in units of 8 bytes. */
const IPV6_EXTENSIONS = new Set([0, 43, 60]);
/** No IP packet is longer. */
const MAX_IP_BYTES = 65_575;
const IPV6_FRAGMENT = 44;
/** More extension headers than any real stack sends: a bound against crafted chains. */
const MAX_IPV6_EXTENSIONS = 8;

/** What all functions below read of a packet; a tunnel's inner packet is read at a later offset of the same bytes. */
interface Reading {
  readonly raw: RawPacket;
  /** Look into tunnels; false: the outermost IP packet is what counts. */
  readonly tunnels: boolean;
  depth: number;
}

/** Decode the headers of `raw`; with `tunnels` those of the innermost packet (a tap's own packets are what its guest sends). */
export function decodeRawPacket(raw: RawPacket, tunnels = false): Decoded {
  if (!Number.isFinite(raw.timeMs)) return malformed;
  const link = linkPayload(raw.bytes, raw.linkType);
  if (link === 'short') return cutOrBad(raw);
  if ('what' in link) return { kind: 'other', what: link.what };
  return decodeIp({ raw, tunnels, depth: 0 }, link.offset, link.version, raw.wireBytes);
}

function cutOrBad(raw: RawPacket): Decoded {
  return raw.wireBytes > raw.bytes.length ? { kind: 'truncated' } : malformed;
}

/** The IP packet at `offset`, whose bytes end at `wireEnd` at the latest. */
function decodeIp(r: Reading, offset: number, version: 4 | 6, wireEnd: number): Decoded {
  const wireBytes = Math.max(0, wireEnd - offset);
  return version === 4 ? decodeIpv4(r, offset, wireBytes) : decodeIpv6(r, offset, wireBytes);
}

function decodeIpv4(r: Reading, offset: number, wireBytes: number): Decoded {
  const b = r.raw.bytes.subarray(offset);
  if (b.length < 20) return cutOrBad(r.raw);
  const headerBytes = (byte(b, 0) & 15) * 4;
  if (byte(b, 0) >> 4 !== 4 || headerBytes < 20) return malformed;
  // Segmentation offload may leave the length empty: the wire length stands in.
  const total = u16(b, 2) === 0 ? wireBytes : u16(b, 2);
  if (total < headerBytes || total > wireBytes) return malformed;
  const fragment = u16(b, 6);
  if ((fragment & 0x1fff) !== 0) return { kind: 'fragment' };
  return decodePayload(r, byte(b, 9), offset + headerBytes, {
    end: offset + total,
    ipBytes: total,
    id: u16(b, 4),
    addresses: () => [b.subarray(12, 16).join('.'), b.subarray(16, 20).join('.')],
    firstFragment: (fragment & 0x2000) !== 0,
  });
}

function decodeIpv6(r: Reading, start: number, wireBytes: number): Decoded {
  const b = r.raw.bytes.subarray(start);
  if (b.length < 40) return cutOrBad(r.raw);
  if (byte(b, 0) >> 4 !== 6) return malformed;
  const total = u16(b, 4) === 0 ? wireBytes : 40 + u16(b, 4);
  if (total > wireBytes) return malformed;
  let next = byte(b, 6);
  let offset = 40;
  let firstFragment = false;
  for (let i = 0; IPV6_EXTENSIONS.has(next) || next === IPV6_FRAGMENT || next === AUTHENTICATION; i++) {
    if (i === MAX_IPV6_EXTENSIONS) return malformed;
    if (offset + 8 > b.length) return cutOrBad(r.raw);
    if (next === IPV6_FRAGMENT) {
      const fragment = u16(b, offset + 2);
      if (fragment >> 3 !== 0) return { kind: 'fragment' };
      firstFragment = (fragment & 1) !== 0;
    }
    const units = byte(b, offset + 1);
    const size = next === IPV6_FRAGMENT ? 8 : next === AUTHENTICATION ? (units + 2) * 4 : 8 + units * 8;
    next = byte(b, offset);
    offset += size;
  }
  if (offset > total) return malformed;
  return decodePayload(r, next, start + offset, {
    end: start + total,
    ipBytes: total,
    id: 0,
    addresses: () => [ipv6Text(b, 8), ipv6Text(b, 24)],
    firstFragment,
  });
}

interface IpPacket {
  /** Where it ends on the wire, bytes from the start of the frame. */
  readonly end: number;
  readonly ipBytes: number;
  readonly id: number;
  readonly addresses: () => readonly [string, string];
  readonly firstFragment: boolean;
}

/** What is at `at` within an IP packet: a tunnel is followed, a transport read. */
function decodePayload(r: Reading, protocol: number, at: number, ip: IpPacket): Decoded {
  const b = r.raw.bytes;
  if (protocol === AUTHENTICATION) {
    if (at + 8 > b.length) return cutOrBad(r.raw);
    const next = at + (byte(b, at + 1) + 2) * 4;
    if (++r.depth > MAX_TUNNELS || next > ip.end) return malformed;
    return decodePayload(r, byte(b, at), next, ip);
  }
  if (r.tunnels) {
    const inner = ipPayload(b, protocol, at);
    if (inner === 'short') return cutOrBad(r.raw);
    if (inner !== null && 'what' in inner) return { kind: 'other', what: inner.what };
    if (inner !== null) {
      if (++r.depth > MAX_TUNNELS || inner.offset > ip.end) return malformed;
      // Of a tunnel's packet that the outer network cut in two the first piece has all headers; it ends in a later one.
      const end = ip.firstFragment ? inner.offset + MAX_IP_BYTES : ip.end;
      return decodeIp(r, inner.offset, inner.version, end);
    }
  }
  if (protocol !== TCP && protocol !== UDP) return { kind: 'other', what: notTransport(protocol).what };
  return decodeTransport(r.raw, protocol, at, ip);
}

function decodeTransport(raw: RawPacket, protocol: number, at: number, ip: IpPacket): Decoded {
  const b = raw.bytes.subarray(at);
  // A datagram's own length tells what its later fragments bring.
  const later = ip.firstFragment && protocol === UDP ? Math.max(0, u16(b, 4) - (ip.end - at)) : 0;
  const bytes = ip.end - at + later;
  const smallest = protocol === TCP ? 20 : 8;
  if (bytes < smallest) return malformed;
  if (b.length < smallest) return cutOrBad(raw);
  const headerBytes = protocol === TCP ? (byte(b, 12) >> 4) * 4 : 8;
  if (headerBytes < smallest || headerBytes > bytes) return malformed;
  const ports = { sourcePort: u16(b, 0), destinationPort: u16(b, 2) };
  if (ports.sourcePort === 0 || ports.destinationPort === 0) return malformed;
  const [source, destination] = ip.addresses();
  const header: PacketHeader = {
    timeMs: raw.timeMs,
    protocol: protocol === TCP ? 'tcp' : 'udp',
    source,
    destination,
    ...ports,
    ipBytes: ip.ipBytes + later,
    payloadBytes: bytes - headerBytes,
    // Enough to tell a packet that was captured twice from one that was sent twice.
    ipId: ip.id,
    checksum: u16(b, protocol === TCP ? 16 : 6),
    payload: b.subarray(headerBytes, Math.min(bytes, headerBytes + PAYLOAD_BYTES)),
    tcp: protocol === TCP ? tcpFields(b, headerBytes) : undefined,
  };
  return { kind: 'packet', header, firstFragment: ip.firstFragment };
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
