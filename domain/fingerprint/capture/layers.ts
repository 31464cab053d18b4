// Finds the IP packet behind the link header of a captured packet, and behind tunnels: what taps, tcpdump, mirrored cloud ports and
// common tools write. Numbers are LINKTYPE_ values (www.tcpdump.org/linktypes.html), EtherTypes and IP protocols (IANA). What is not
// unwrapped is named. Never reads past the end.

/** Where an IP packet starts. */
interface IpStart {
  readonly offset: number;
  readonly version: 4 | 6;
}

/** What stands where IP was looked for, for people. */
export interface NotIp {
  readonly what: string;
}

/** `short`: the bytes end before it can be told. */
export type Found = IpStart | 'short' | NotIp;

const ETHERNET = 1;
const LINUX_SLL2 = 276;

/** 802.1Q, 802.1ad and the older QinQ numbers. */
const VLAN_TYPES = new Set([0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]);
/** Headers within headers: far more than any network stacks, a bound against crafted chains. */
const MAX_HEADERS = 32;

const ETHER_NAMES: Readonly<Record<number, string>> = {
  0x0806: 'ARP',
  0x8035: 'RARP',
  0x8863: 'PPPoE discovery',
  0x888e: '802.1X',
  0x88cc: 'LLDP',
  0x88e5: 'MACsec (encrypted Ethernet)',
  0x8906: 'Fibre Channel over Ethernet',
  0x8892: 'PROFINET',
  0x88f7: 'PTP',
};
const IP_NAMES: Readonly<Record<number, string>> = {
  1: 'ICMP',
  2: 'IGMP',
  50: 'IPsec ESP (encrypted)',
  58: 'ICMPv6',
  88: 'EIGRP',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  115: 'L2TPv3',
  132: 'SCTP',
};
const LINK_NAMES: Readonly<Record<number, string>> = {
  147: 'a private link type',
  187: 'Bluetooth',
  189: 'USB',
  195: '802.15.4',
  201: 'Bluetooth',
  209: 'I2C',
  220: 'USB',
  227: 'CAN bus',
  249: 'USB',
  253: 'netlink',
};

/** Give where the IP packet starts in a captured frame. */
export function linkPayload(b: Uint8Array, linkType: number): Found {
  switch (linkType) {
    case ETHERNET:
      return behindMacs(b, 0);
    case 0: // BSD loopback
    case 108:
      return byNibble(b, 4);
    case 12: // raw IP, as systems number it
    case 14:
    case 101:
    case 228:
    case 229:
      return byNibble(b, 0);
    case 113: // Linux cooked
      return byType(b, 14);
    case LINUX_SLL2:
      return b.length < 20 ? 'short' : behindType(b, u16(b, 0), 20, 0);
    case 9: // PPP and its kin
    case 50:
      return behindPpp(b, 0);
    case 51:
      return behindPpp(b, 6);
    case 166:
    case 204:
      return behindPpp(b, 1);
    case 104: // Cisco HDLC
      return b.length < 4 ? 'short' : behindType(b, u16(b, 2), 4, 0);
    case 105:
      return behindWifi(b, 0);
    case 119: // Prism
      return behindWifi(b, 144);
    case 127: // radiotap
      return b.length < 4 ? 'short' : behindWifi(b, byte(b, 2) + 256 * byte(b, 3));
    case 163: // AVS
      return b.length < 8 ? 'short' : behindWifi(b, u32(b, 4));
    case 219:
      return behindMpls(b, 0, 0);
    case 239:
      return behindNflog(b);
    case 258: // Apple's PKTAP
      return behindPktap(b);
    default:
      return { what: LINK_NAMES[linkType] ?? `of link type ${linkType}` };
  }
}

function behindPktap(b: Uint8Array): Found {
  if (b.length < 12) return 'short';
  const header = u32Little(b, 0);
  const inner = u32Little(b, 8);
  if (header < 12 || header > b.length || inner === 258) return { what: 'damaged PKTAP' };
  return shifted(linkPayload(b.subarray(header), inner), header);
}

/** Netfilter's log: a list of type and length; 9 is the packet. */
function behindNflog(b: Uint8Array): Found {
  for (let at = 4; at + 4 <= b.length;) {
    const size = byte(b, at) + 256 * byte(b, at + 1);
    const type = byte(b, at + 2) + 256 * byte(b, at + 3);
    if (type === 9) return byNibble(b, at + 4);
    if (size < 4) return { what: 'damaged NFLOG' };
    at += Math.ceil(size / 4) * 4;
  }
  return 'short';
}

function shifted(found: Found, by: number): Found {
  return typeof found === 'object' && 'offset' in found ? { ...found, offset: found.offset + by } : found;
}

/** Two addresses of Ethernet, then a type. */
function behindMacs(b: Uint8Array, at: number, depth = 0): Found {
  return byType(b, at + 12, depth);
}

function byType(b: Uint8Array, typeAt: number, depth = 0): Found {
  return typeAt + 2 > b.length ? 'short' : behindType(b, u16(b, typeAt), typeAt + 2, depth);
}

/** What follows at `at`, by its EtherType. */
function behindType(b: Uint8Array, type: number, at: number, depth: number): Found {
  if (depth > MAX_HEADERS) return { what: 'more headers than any network stacks' };
  const next = depth + 1;
  if (type === 0x0800) return { offset: at, version: 4 };
  if (type === 0x86dd) return { offset: at, version: 6 };
  if (VLAN_TYPES.has(type)) return byType(b, at + 2, next);
  if (type === 0x8847 || type === 0x8848) return behindMpls(b, at, next);
  if (type === 0x8864) return behindPpp(b, at + 6);
  if (type === 0x6558) return behindMacs(b, at, next);
  if (type === 0x88e7) return behindMacs(b, at + 4, next); // 802.1ah: a service tag, then the customer's frame
  if (type <= 1500) return behindLlc(b, at, next);
  return { what: ETHER_NAMES[type] ?? `of EtherType 0x${type.toString(16).padStart(4, '0')}` };
}

function behindLlc(b: Uint8Array, at: number, depth: number): Found {
  if (at + 8 > b.length) return 'short';
  const snap = byte(b, at) === 0xaa && byte(b, at + 1) === 0xaa && byte(b, at + 2) === 3;
  return snap ? behindType(b, Math.max(1501, u16(b, at + 6)), at + 8, depth) : { what: 'LLC' };
}

/** Labels to the bottom of the stack; then IP, a control word and Ethernet, or Ethernet. */
function behindMpls(b: Uint8Array, start: number, depth: number): Found {
  for (let at = start, labels = 0; labels < MAX_HEADERS; at += 4, labels++) {
    if (at + 5 > b.length) return 'short';
    if ((byte(b, at + 2) & 1) === 0) continue;
    const nibble = byte(b, at + 4) >> 4;
    if (nibble === 4 || nibble === 6) return { offset: at + 4, version: nibble };
    return behindMacs(b, nibble === 0 ? at + 8 : at + 4, depth + 1);
  }
  return { what: 'MPLS without an end' };
}

/** PPP's protocol field, one or two bytes, with or without HDLC's address and control. */
function behindPpp(b: Uint8Array, start: number): Found {
  let at = start;
  if (byte(b, at) === 0xff && byte(b, at + 1) === 3) at += 2;
  if (at + 2 > b.length) return 'short';
  const short = (byte(b, at) & 1) === 1;
  const protocol = short ? byte(b, at) : u16(b, at);
  at += short ? 1 : 2;
  if (protocol === 0x21) return { offset: at, version: 4 };
  if (protocol === 0x57) return { offset: at, version: 6 };
  if (protocol === 0x281) return behindMpls(b, at, 0);
  return { what: protocol === 0xfd || protocol === 0x53 ? 'compressed or encrypted PPP' : 'PPP control' };
}

function behindWifi(b: Uint8Array, at: number): Found {
  if (at + 2 > b.length) return 'short';
  const [control, flags] = [byte(b, at), byte(b, at + 1)];
  if ((control & 0x0c) !== 0x08) return { what: '802.11 management' };
  if ((control & 0x40) !== 0) return { what: '802.11 without data' };
  if ((flags & 0x40) !== 0) return { what: 'encrypted 802.11' };
  const qos = (control & 0x80) !== 0;
  const fourAddresses = (flags & 3) === 3;
  let next = at + 24 + (fourAddresses ? 6 : 0);
  const aggregated = qos && (byte(b, next) & 0x80) !== 0;
  if (qos) next += 2 + ((flags & 0x80) !== 0 ? 4 : 0);
  return behindLlc(b, next + (aggregated ? 14 : 0), 0);
}

function byNibble(b: Uint8Array, offset: number): Found {
  const first = b[offset];
  if (first === undefined) return 'short';
  const version = first >> 4;
  return version === 4 || version === 6 ? { offset, version } : { what: 'not IP' };
}

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
  return behindType(b, type, next, 0);
}

/** Tunnels in UDP, known by port and by what their headers must hold; anything else is plain UDP. */
function behindUdp(b: Uint8Array, at: number): Found | null {
  const [from, to] = [u16(b, at), u16(b, at + 2)];
  const data = at + 8;
  const has = (bytes: number) => data + bytes <= b.length;
  const on = (...ports: readonly number[]) => ports.includes(to);
  if (on(4789, 8472) && has(8) && byte(b, data) === 8 && byte(b, data + 7) === 0)
    return behindMacs(b, data + 8);
  if (on(4790) && has(8) && (byte(b, data) & 0x0c) === 0x0c) return behindGpe(b, data);
  if (on(6081) && has(8) && byte(b, data) >> 6 === 0)
    return behindType(b, u16(b, data + 2), data + 8 + 4 * (byte(b, data) & 0x3f), 0);
  if (on(2152) && has(8) && byte(b, data) >> 4 === 3 && byte(b, data + 1) === 0xff) return behindGtp(b, data);
  if (on(4754) && has(4)) return behindGre(b, data);
  if (on(37_008) && has(5) && byte(b, data) === 1) return behindTzsp(b, data);
  if (on(1701) && has(6)) return behindL2tp(b, data);
  if ((to === 4500 || from === 4500) && has(4))
    return { what: u32(b, data) === 0 ? 'IKE' : 'IPsec ESP over UDP (encrypted)' };
  if ((to === 51_820 || from === 51_820) && has(4) && isWireGuard(b, data))
    return { what: 'WireGuard (encrypted)' };
  return null;
}

function isWireGuard(b: Uint8Array, at: number): boolean {
  const type = byte(b, at);
  return type >= 1 && type <= 4 && byte(b, at + 1) === 0 && byte(b, at + 2) === 0 && byte(b, at + 3) === 0;
}

function behindGpe(b: Uint8Array, at: number): Found {
  const next = byte(b, at + 3);
  if (next === 1) return { offset: at + 8, version: 4 };
  if (next === 2) return { offset: at + 8, version: 6 };
  return next === 3 ? behindMacs(b, at + 8) : { what: 'VXLAN-GPE of another kind' };
}

/** GTP-U (3GPP TS 29.281): optional fields, then chained extension headers, then the user's packet. */
function behindGtp(b: Uint8Array, at: number): Found {
  let next = at + 8;
  if ((byte(b, at) & 7) !== 0) {
    let extension = byte(b, next + 3);
    next += 4;
    for (let n = 0; extension !== 0 && n < MAX_HEADERS; n++) {
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

function byte(b: Uint8Array, at: number): number {
  return b[at] ?? 0;
}
function u16(b: Uint8Array, at: number): number {
  return byte(b, at) * 256 + byte(b, at + 1);
}
function u32(b: Uint8Array, at: number): number {
  return u16(b, at) * 65_536 + u16(b, at + 2);
}
function u32Little(b: Uint8Array, at: number): number {
  return byte(b, at) + 256 * byte(b, at + 1) + 65_536 * byte(b, at + 2) + 16_777_216 * byte(b, at + 3);
}
