// Finds the packet within a tunnel: what the payload of an IP packet is, if it is no TCP or UDP of its own. Numbers are IP protocols and
// UDP ports (IANA). What is not unwrapped is named. Never reads past the end.
import { byte, u16, u32 } from './bytes.js';
import {
  behindMacs,
  behindMpls,
  behindNsh,
  behindPpp,
  behindType,
  byNibble,
  type Found,
  type NotIp,
} from './ether-types.js';

const IP_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  50: 'IPsec ESP (encrypted)',
  58: 'ICMPv6',
  59: 'IPv6 without anything in it',
  88: 'EIGRP',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  115: 'L2TPv3',
  132: 'SCTP',
  135: 'Mobile IPv6',
};
/** A bound against crafted chains. */
const MAX_CHAIN = 32;

/**
 * What the payload at `at` of an IP packet is: a tunnel with another IP packet in it, or what is not unwrapped. Null: TCP, or UDP that is
 * no tunnel.
 */
export function ipPayload(b: Uint8Array, protocol: number, at: number): Found | null {
  switch (protocol) {
    case 6:
      return null;
    case 17:
      return behindUdp(b, at);
    case 4:
      return { offset: at, version: 4 };
    case 41:
      return { offset: at, version: 6 };
    case 47:
      return behindGre(b, at);
    case 97: // EtherIP
      return behindMacs(b, at + 2);
    case 137:
      return behindMpls(b, at, 0);
    default:
      return notTransport(protocol);
  }
}

/** Name an IP protocol that is neither TCP nor UDP. */
export function notTransport(protocol: number): NotIp {
  return { what: IP_NAMES[protocol] ?? `IP protocol ${protocol}` };
}

/** GRE (RFC 2784, 2890), PPTP's version 1 (RFC 2637), and what is mirrored in it: Ethernet, ERSPAN I to III. */
function behindGre(b: Uint8Array, at: number): Found {
  if (at + 4 > b.length) return 'short';
  const flags = u16(b, at);
  const type = u16(b, at + 2);
  const [checksum, routing, key, sequence] = [0x8000, 0x4000, 0x2000, 0x1000].map(
    (bit) => (flags & bit) !== 0,
  );
  if ((flags & 7) === 1) return behindPpp(b, at + 8 + (sequence ? 4 : 0) + ((flags & 0x80) !== 0 ? 4 : 0));
  if ((flags & 7) !== 0 || routing) return { what: 'GRE of another version' };
  const next = at + 4 + (checksum ? 4 : 0) + (key ? 4 : 0) + (sequence ? 4 : 0);
  // ERSPAN I has neither sequence number nor header of its own.
  if (type === 0x88be) return behindMacs(b, next + (sequence ? 8 : 0));
  if (type === 0x22eb) {
    if (next + 12 > b.length) return 'short';
    return behindMacs(b, next + 12 + ((byte(b, next + 11) & 1) !== 0 ? 8 : 0));
  }
  if (type === 0x880b) return behindPpp(b, next);
  // WCCP's second version has a header of its own.
  if (type === 0x883e) return byNibble(b, byte(b, next) >> 4 === 4 ? next : next + 4);
  return behindType(b, type, next, 0);
}

/** Tunnels in UDP, known by port and by what their headers must hold; anything else is plain UDP. */
function behindUdp(b: Uint8Array, at: number): Found | null {
  const [from, to] = [u16(b, at), u16(b, at + 2)];
  const data = at + 8;
  const has = (bytes: number) => data + bytes <= b.length;
  const on = (...ports: readonly number[]) => ports.includes(to);
  // A NAT on the way leaves the well-known port to one direction as source.
  const between = (port: number) => from === port || to === port;
  if (on(4789, 8472, 48_879) && has(8) && isVxlan(b, data)) return behindMacs(b, data + 8);
  if (on(4790) && has(8) && (byte(b, data) & 0x0c) === 0x0c) return behindGpe(b, data);
  if (on(4790) && has(8) && isVxlan(b, data)) return behindMacs(b, data + 8);
  if (on(6081) && has(8) && byte(b, data) >> 6 === 0)
    return behindType(b, u16(b, data + 2), data + 8 + 4 * (byte(b, data) & 0x3f), 0);
  if (on(2152) && has(8) && byte(b, data) >> 4 === 3 && byte(b, data + 1) === 0xff) return behindGtp(b, data);
  if (on(4754) && has(4)) return behindGre(b, data);
  if (on(6635) && has(5)) return behindMpls(b, data, 0);
  if (on(4341) && has(9) && [4, 6].includes(byte(b, data + 8) >> 4)) return byNibble(b, data + 8);
  if (on(37_008) && has(5) && byte(b, data) === 1) return behindTzsp(b, data);
  if (between(1701) && has(6)) return behindL2tp(b, data);
  if (between(3544) && has(48)) return behindTeredo(b, data);
  if (between(5247) && has(8)) return behindCapwap(b, data);
  if (between(4500) && has(4)) return { what: u32(b, data) === 0 ? 'IKE' : 'IPsec ESP over UDP (encrypted)' };
  if (between(51_820) && has(4) && isWireGuard(b, data)) return { what: 'WireGuard (encrypted)' };
  return null;
}

/** With or without a group policy; what is reserved is empty. */
function isVxlan(b: Uint8Array, at: number): boolean {
  return (byte(b, at) & 0x7f) === 8 && byte(b, at + 7) === 0;
}

function isWireGuard(b: Uint8Array, at: number): boolean {
  const type = byte(b, at);
  return type >= 1 && type <= 4 && byte(b, at + 1) === 0 && byte(b, at + 2) === 0 && byte(b, at + 3) === 0;
}

function behindGpe(b: Uint8Array, at: number): Found {
  switch (byte(b, at + 3)) {
    case 1:
      return { offset: at + 8, version: 4 };
    case 2:
      return { offset: at + 8, version: 6 };
    case 3:
      return behindMacs(b, at + 8);
    case 4:
      return behindNsh(b, at + 8, 0);
    case 5:
      return behindMpls(b, at + 8, 0);
    default:
      return { what: 'VXLAN-GPE of another kind' };
  }
}

/** GTP-U (3GPP TS 29.281): optional fields, then chained extension headers, then the user's packet. */
function behindGtp(b: Uint8Array, at: number): Found {
  let next = at + 8;
  if ((byte(b, at) & 7) !== 0) {
    let extension = byte(b, next + 3);
    next += 4;
    for (let n = 0; extension !== 0 && n < MAX_CHAIN; n++) {
      const size = 4 * byte(b, next);
      if (size === 0 || next + size > b.length) return 'short';
      extension = byte(b, next + size - 1);
      next += size;
    }
  }
  return byNibble(b, next);
}

/** TaZmen: tags until the end tag, then what was sniffed. */
function behindTzsp(b: Uint8Array, at: number): Found {
  if (u16(b, at + 2) !== 1) return { what: 'TZSP of another kind' };
  for (let next = at + 4; next < b.length;) {
    const tag = byte(b, next);
    if (tag === 1) return behindMacs(b, next + 1);
    next += tag === 0 ? 1 : 2 + byte(b, next + 1);
  }
  return 'short';
}

/** L2TP version 2 (RFC 2661): data messages carry PPP. */
function behindL2tp(b: Uint8Array, at: number): Found {
  const flags = u16(b, at);
  if ((flags & 0x0f) !== 2) return { what: 'L2TP of another version' };
  if ((flags & 0x8000) !== 0) return { what: 'L2TP control' };
  let next = at + 2 + ((flags & 0x4000) !== 0 ? 2 : 0) + 4 + ((flags & 0x0800) !== 0 ? 4 : 0);
  if ((flags & 0x0200) !== 0) next += 2 + u16(b, next);
  return behindPpp(b, next);
}

/** Teredo (RFC 4380): IPv6 as it is, or behind an authentication and an origin. */
function behindTeredo(b: Uint8Array, at: number): Found | null {
  let next = at;
  if (u16(b, next) === 1) next += 13 + byte(b, next + 2) + byte(b, next + 3);
  if (u16(b, next) === 0) next += 8;
  return byte(b, next) >> 4 === 6 ? { offset: next, version: 6 } : null;
}

/** CAPWAP's data channel (RFC 5415): a frame of Ethernet or 802.11. */
function behindCapwap(b: Uint8Array, at: number): Found | null {
  if (byte(b, at) === 1) return { what: 'CAPWAP (encrypted)' };
  if (byte(b, at) !== 0) return null;
  if ((byte(b, at + 3) & 0x80) !== 0) return { what: 'fragments of CAPWAP' };
  if ((byte(b, at + 2) & 1) !== 0) return { what: '802.11 in CAPWAP' };
  return behindMacs(b, at + 4 * (byte(b, at + 1) >> 3));
}
