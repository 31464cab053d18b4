// Finds the IP packet behind an EtherType, an LLC header, PPP's protocol field or MPLS labels. What is not unwrapped is named. Numbers are
// IANA's and IEEE's. Never reads past the end.
import { byte, u16 } from './bytes.js';

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

/** 802.1Q, 802.1ad and the older QinQ numbers. */
const VLAN_TYPES = new Set([0x8100, 0x88a8, 0x9100, 0x9200, 0x9300]);
/** Other tags: so many bytes, then the next type. Cisco's metadata, VN-tag, HSR, 802.1BR. */
const TAG_BYTES: Readonly<Record<number, number>> = { 0x8909: 6, 0x8926: 4, 0x892f: 4, 0x893f: 6 };
/** Headers within headers: far more than any network stacks, a bound against crafted chains. */
const MAX_HEADERS = 32;

const ETHER_NAMES: Readonly<Record<number, string>> = {
  0x0806: 'ARP',
  0x8035: 'RARP',
  0x8137: 'IPX',
  0x8809: 'LACP',
  0x8863: 'PPPoE discovery',
  0x8892: 'PROFINET',
  0x88a2: 'ATA over Ethernet',
  0x88a4: 'EtherCAT',
  0x88cc: 'LLDP',
  0x88e5: 'MACsec (encrypted Ethernet)',
  0x888e: '802.1X',
  0x88f7: 'PTP',
  0x8906: 'Fibre Channel over Ethernet',
  0x8902: 'Ethernet OAM',
};

/** Two addresses of Ethernet, then a type. */
export function behindMacs(b: Uint8Array, at: number, depth = 0): Found {
  return byType(b, at + 12, depth);
}

/** A type at `typeAt`, and what follows it. */
export function byType(b: Uint8Array, typeAt: number, depth = 0): Found {
  return typeAt + 2 > b.length ? 'short' : behindType(b, u16(b, typeAt), typeAt + 2, depth);
}

/** What follows at `at`, by its EtherType. */
export function behindType(b: Uint8Array, type: number, at: number, depth: number): Found {
  if (depth > MAX_HEADERS) return { what: 'more headers than any network stacks' };
  const next = depth + 1;
  if (type === 0x0800) return { offset: at, version: 4 };
  if (type === 0x86dd) return { offset: at, version: 6 };
  if (VLAN_TYPES.has(type)) return byType(b, at + 2, next);
  const tag = TAG_BYTES[type];
  if (tag !== undefined) return byType(b, at + tag, next);
  switch (type) {
    case 0x8847:
    case 0x8848:
      return behindMpls(b, at, next);
    case 0x8864:
      return behindPpp(b, at + 6, next);
    case 0x6558:
      return behindMacs(b, at, next);
    case 0x88e7: // 802.1ah: a service tag, then the customer's frame
      return behindMacs(b, at + 4, next);
    case 0x8903: // FabricPath: a forwarding tag, then the frame
      return behindMacs(b, at + 2, next);
    case 0x22f3: // TRILL (RFC 6325), with options
      return behindMacs(b, at + 6 + 4 * ((u16(b, at) >> 6) & 0x1f), next);
    case 0x894f:
      return behindNsh(b, at, next);
    default:
      if (type <= 1500) return behindLlc(b, at, next);
      return { what: ETHER_NAMES[type] ?? `of EtherType 0x${type.toString(16).padStart(4, '0')}` };
  }
}

/** LLC with SNAP. */
export function behindLlc(b: Uint8Array, at: number, depth: number): Found {
  if (at + 8 > b.length) return 'short';
  const snap = byte(b, at) === 0xaa && byte(b, at + 1) === 0xaa && byte(b, at + 2) === 3;
  return snap ? behindType(b, Math.max(1501, u16(b, at + 6)), at + 8, depth) : { what: 'LLC' };
}

/** A network service header (RFC 8300). */
export function behindNsh(b: Uint8Array, at: number, depth: number): Found {
  if (at + 8 > b.length) return 'short';
  const next = at + 4 * (u16(b, at) & 0x3f);
  if (next < at + 8) return { what: 'damaged NSH' };
  switch (byte(b, at + 3)) {
    case 1:
      return { offset: next, version: 4 };
    case 2:
      return { offset: next, version: 6 };
    case 3:
      return behindMacs(b, next, depth + 1);
    case 5:
      return behindMpls(b, next, depth + 1);
    default:
      return { what: 'NSH of another kind' };
  }
}

/** Labels to the bottom of the stack; then IP, or Ethernet with or without a control word: nothing but what it holds tells which. */
export function behindMpls(b: Uint8Array, start: number, depth: number): Found {
  if (depth > MAX_HEADERS) return { what: 'more headers than any network stacks' };
  for (let at = start, labels = 0; labels < MAX_HEADERS; at += 4, labels++) {
    if (at + 5 > b.length) return 'short';
    if ((byte(b, at + 2) & 1) === 0) continue;
    const inner = at + 4;
    const nibble = byte(b, inner) >> 4;
    const bareFrame = isFrame(b, inner);
    if ((nibble === 4 && !(bareFrame && !isWholeIpv4(b, inner))) || (nibble === 6 && !bareFrame))
      return { offset: inner, version: nibble };
    return behindMacs(
      b,
      nibble === 0 && !(bareFrame && !isFrame(b, inner + 4)) ? inner + 4 : inner,
      depth + 1,
    );
  }
  return { what: 'MPLS without an end' };
}

/** Tell whether at `at` stands a frame whose type and contents agree. */
function isFrame(b: Uint8Array, at: number): boolean {
  const type = u16(b, at + 12);
  const nibble = byte(b, at + 14) >> 4;
  if (type === 0x0800) return nibble === 4;
  if (type === 0x86dd) return nibble === 6;
  return VLAN_TYPES.has(type) || [0x0806, 0x8847, 0x8864].includes(type);
}

/** Tell whether at `at` stands an IPv4 header whose sum is right. */
function isWholeIpv4(b: Uint8Array, at: number): boolean {
  const bytes = (byte(b, at) & 15) * 4;
  if (bytes < 20 || at + bytes > b.length) return false;
  let sum = 0;
  for (let k = 0; k < bytes; k += 2) sum += u16(b, at + k);
  return u16(b, at + 10) === 0 || ((sum & 0xffff) + (sum >>> 16)) % 0xffff === 0;
}

/** PPP's protocol field, one or two bytes, with or without HDLC's address and control. */
export function behindPpp(b: Uint8Array, start: number, depth = 0): Found {
  let at = start;
  if (byte(b, at) === 0xff && byte(b, at + 1) === 3) at += 2;
  if (at + 2 > b.length) return 'short';
  const short = (byte(b, at) & 1) === 1;
  const protocol = short ? byte(b, at) : u16(b, at);
  at += short ? 1 : 2;
  if (protocol === 0x21) return { offset: at, version: 4 };
  if (protocol === 0x57) return { offset: at, version: 6 };
  if (protocol === 0x281) return behindMpls(b, at, depth);
  if (protocol === 0x3d) return { what: 'multilink PPP' };
  return { what: protocol === 0xfd || protocol === 0x53 ? 'compressed or encrypted PPP' : 'PPP control' };
}

/** IP of the version that its first bits say. */
export function byNibble(b: Uint8Array, offset: number): Found {
  const first = b[offset];
  if (first === undefined) return 'short';
  const version = first >> 4;
  return version === 4 || version === 6 ? { offset, version } : { what: 'not IP' };
}
