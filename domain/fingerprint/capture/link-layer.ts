// Finds the IP packet behind the link header of a captured packet: the link types that taps, tcpdump and common tools write.
// Numbers are LINKTYPE_ values (www.tcpdump.org/linktypes.html).

export interface IpStart {
  readonly offset: number;
  readonly version: 4 | 6;
}

const NULL = 0;
const ETHERNET = 1;
const RAW = 101;
const RAW_OLD = new Set([12, 14]);
const LOOP = 108;
const LINUX_SLL = 113;
const RAW_IPV4 = 228;
const RAW_IPV6 = 229;
const LINUX_SLL2 = 276;

/** 802.1Q, 802.1ad and the older QinQ numbers. */
const VLAN_TYPES = new Set([0x8100, 0x88a8, 0x9100, 0x9200]);
/** Two tags are the standard; some access networks add two more. */
const MAX_VLAN_TAGS = 4;

/** Give where the IP packet starts; `short` when the bytes end before it can be told, `other` when it is not IP. */
export function linkPayload(b: Uint8Array, linkType: number): IpStart | 'short' | 'other' {
  if (linkType === ETHERNET) return byEtherType(b, 12);
  if (linkType === LINUX_SLL) return byEtherType(b, 14);
  if (linkType === LINUX_SLL2) return b.length < 20 ? 'short' : ipBehind(b, 0, 20);
  if (linkType === RAW || linkType === RAW_IPV4 || linkType === RAW_IPV6 || RAW_OLD.has(linkType))
    return byNibble(b, 0);
  if (linkType === NULL || linkType === LOOP) return byNibble(b, 4);
  return 'other';
}

/** Tell whether packets of this link type can be read at all. */
export function isKnownLinkType(linkType: number): boolean {
  return linkPayload(new Uint8Array(0), linkType) === 'short';
}

function byEtherType(b: Uint8Array, typeAt: number): IpStart | 'short' | 'other' {
  let at = typeAt;
  for (let tags = 0; tags <= MAX_VLAN_TAGS; tags++) {
    if (at + 2 > b.length) return 'short';
    if (!VLAN_TYPES.has(etherType(b, at))) return ipBehind(b, at, at + 2);
    at += 4;
  }
  return 'other';
}

function ipBehind(b: Uint8Array, typeAt: number, offset: number): IpStart | 'other' {
  const type = etherType(b, typeAt);
  if (type === 0x0800) return { offset, version: 4 };
  return type === 0x86dd ? { offset, version: 6 } : 'other';
}

function byNibble(b: Uint8Array, offset: number): IpStart | 'short' | 'other' {
  const first = b[offset];
  if (first === undefined) return 'short';
  const version = first >> 4;
  return version === 4 || version === 6 ? { offset, version } : 'other';
}

function etherType(b: Uint8Array, at: number): number {
  return (b[at] ?? 0) * 256 + (b[at + 1] ?? 0);
}
