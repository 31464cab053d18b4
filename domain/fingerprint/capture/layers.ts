// Finds the IP packet behind the link header of a captured packet: what taps, tcpdump, mirrored ports and common tools write. Numbers are
// LINKTYPE_ values (www.tcpdump.org/linktypes.html). What is not unwrapped is named. Never reads past the end.
import { byte, u16, u16Little, u32, u32Little } from './bytes.js';
import {
  behindLlc,
  behindMacs,
  behindMpls,
  behindPpp,
  behindType,
  byNibble,
  byType,
  type Found,
} from './ether-types.js';

const ETHERNET = 1;
const LINUX_SLL2 = 276;
const PPI = 192;
const PKTAP = 258;

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
  252: 'exported from an analyser without their headers',
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
    case 6:
      return behindTokenRing(b);
    case 10: // FDDI
      return behindLlc(b, 13, 0);
    case 100: // ATM (RFC 1483)
      return behindLlc(b, 0, 0);
    case 109: // BSD's IPsec interface
      return byNibble(b, 12);
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
    case 107:
      return behindFrameRelay(b);
    case 105:
      return behindWifi(b, 0);
    case 117: // pf's log: its length, rounded up
      return byNibble(b, Math.ceil(byte(b, 0) / 4) * 4);
    case 119: // Prism
      return behindWifi(b, 144);
    case 127:
      return behindRadiotap(b);
    case 138: // IP over FireWire
      return byType(b, 16);
    case 163: // AVS
      return b.length < 8 ? 'short' : behindWifi(b, u32(b, 4));
    case PPI:
      return b.length < 8 ? 'short' : within(b, u16Little(b, 2), u32Little(b, 4), 'PPI');
    case 197:
      return behindErf(b);
    case 219:
      return behindMpls(b, 0, 0);
    case 239:
      return behindNflog(b);
    case 240: // netANALYZER
      return behindMacs(b, 4);
    case 241:
      return behindMacs(b, 12);
    case PKTAP:
      return b.length < 12 ? 'short' : within(b, u32Little(b, 0), u32Little(b, 8), 'PKTAP');
    case 274: // Ethernet with its preamble
      return behindMacs(b, 8);
    default:
      return { what: LINK_NAMES[linkType] ?? `of link type ${linkType}` };
  }
}

/** Behind a header of `header` bytes stands a frame of another link type. */
function within(b: Uint8Array, header: number, linkType: number, what: string): Found {
  if (header < 8 || header > b.length || linkType === PPI || linkType === PKTAP)
    return { what: `damaged ${what}` };
  const found = linkPayload(b.subarray(header), linkType);
  return typeof found === 'object' && 'offset' in found ? { ...found, offset: found.offset + header } : found;
}

/** Netfilter's log: a list of type and length; 9 is the packet. */
function behindNflog(b: Uint8Array): Found {
  for (let at = 4; at + 4 <= b.length;) {
    const size = u16Little(b, at);
    if (u16Little(b, at + 2) === 9) return byNibble(b, at + 4);
    if (size < 4) return { what: 'damaged NFLOG' };
    at += Math.ceil(size / 4) * 4;
  }
  return 'short';
}

function behindTokenRing(b: Uint8Array): Found {
  const routed = (byte(b, 8) & 0x80) !== 0;
  return behindLlc(b, 14 + (routed ? byte(b, 14) & 0x1f : 0), 0);
}

/** Frame relay (RFC 2427): an address of two or four bytes, control, perhaps padding, then what it is. */
function behindFrameRelay(b: Uint8Array): Found {
  let at = (byte(b, 1) & 1) === 1 ? 3 : 5;
  if (byte(b, at) === 0) at++;
  if (at >= b.length) return 'short';
  const what = byte(b, at);
  if (what === 0xcc) return { offset: at + 1, version: 4 };
  if (what === 0x8e) return { offset: at + 1, version: 6 };
  return what === 0x80 ? byType(b, at + 4) : { what: 'frame relay of another kind' };
}

/** Endace's records: a header, extensions, and for Ethernet two bytes of padding. */
function behindErf(b: Uint8Array): Found {
  let at = 16;
  for (let more = byte(b, 8) >> 7; more === 1 && at < b.length; at += 8) more = byte(b, at) >> 7;
  const type = byte(b, 8) & 0x7f;
  if ([2, 11, 16, 20].includes(type)) return behindMacs(b, at + 2);
  if (type === 22 || type === 23) return byNibble(b, at);
  return { what: 'ERF of another kind' };
}

/** Radiotap; some drivers pad behind the 802.11 header, and say so. */
function behindRadiotap(b: Uint8Array): Found {
  if (b.length < 8) return 'short';
  let at = 8;
  const present = byte(b, 4);
  for (let more = byte(b, 7) >> 7; more === 1 && at < b.length; at += 4) more = byte(b, at + 3) >> 7;
  if ((present & 1) !== 0) at = Math.ceil(at / 8) * 8 + 8;
  const isPadded = (present & 2) !== 0 && (byte(b, at) & 0x20) !== 0;
  return behindWifi(b, u16Little(b, 2), isPadded);
}

function behindWifi(b: Uint8Array, at: number, isPadded = false): Found {
  if (at + 2 > b.length) return 'short';
  const [control, flags] = [byte(b, at), byte(b, at + 1)];
  if ((control & 0x0c) !== 0x08) return { what: '802.11 management' };
  if ((control & 0x40) !== 0) return { what: '802.11 without data' };
  if ((flags & 0x40) !== 0) return { what: 'encrypted 802.11' };
  const qos = (control & 0x80) !== 0;
  const fourAddresses = (flags & 3) === 3;
  let size = 24 + (fourAddresses ? 6 : 0);
  const aggregated = qos && (byte(b, at + size) & 0x80) !== 0;
  if (qos) size += 2 + ((flags & 0x80) !== 0 ? 4 : 0);
  if (isPadded) size = Math.ceil(size / 4) * 4;
  return behindLlc(b, at + size + (aggregated ? 14 : 0), 0);
}
