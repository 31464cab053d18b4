// Everything that packets of a desktop are met behind: link headers, tags, tunnels. Each makes a frame of an IP packet.
import { ipv4, ipv6 } from './packets.js';

export interface Wrapping {
  readonly name: string;
  readonly linkType: number;
  readonly wrap: (ip: Buffer, n: number, fromServer: boolean) => Buffer;
}

const hex = (s: string) => Buffer.from(s.replaceAll(' ', ''), 'hex');
const join = (...parts: (Buffer | string)[]) =>
  Buffer.concat(parts.map((p) => (typeof p === 'string' ? hex(p) : p)));
const isIpv6 = (ip: Buffer) => (ip[0] ?? 0) >> 4 === 6;
const typeOf = (ip: Buffer) => (isIpv6(ip) ? '86dd' : '0800');
const MACS = '02000000 0001 0200 00000002';
const ether = (ip: Buffer, tags = '') => join(MACS, tags, typeOf(ip), ip);
const typed = (type: string, body: Buffer) => join(MACS, type, body);
const lengthOf = (ip: Buffer) => (isIpv6(ip) ? 40 + ip.readUInt16BE(4) : ip.readUInt16BE(2));

/** `body` begins with `cutBytes` fewer bytes than it has on the wire. */
const outer = (body: Buffer, missing: number, protocol: number, six = false) =>
  six
    ? ipv6(body, '2001:db8::1', '2001:db8::2', protocol, body.length + missing)
    : ipv4(body, '192.0.2.1', '192.0.2.2', protocol, body.length + missing);
const missingOf = (ip: Buffer) => lengthOf(ip) - ip.length;

function udp(from: number, to: number, head: string, body: Buffer, ip: Buffer, six = false): Buffer {
  const data = join(head, body);
  const h = Buffer.alloc(8);
  h.writeUInt16BE(from, 0);
  h.writeUInt16BE(to, 2);
  h.writeUInt16BE(8 + data.length + missingOf(ip), 4);
  return outer(join(h, data), missingOf(ip), 17, six);
}
const gre = (head: string, body: Buffer, ip: Buffer, six = false) =>
  outer(join(head, body), missingOf(ip), 47, six);
const wifi = (control: string, more: string, ip: Buffer) =>
  join(control, '0000', Buffer.alloc(18), '1000', more, 'aaaa03000000', typeOf(ip), ip);
const radiotap = (head: string, frame: Buffer) => join(head, frame);
const number = (n: number) => n.toString(16).padStart(8, '0');
const erspan2 = (n: number) => `100088be ${number(n)} 10010001 00000000`;

const onEthernet = (name: string, wrap: Wrapping['wrap']): Wrapping => ({ name, linkType: 1, wrap });
const inIp = (name: string, wrap: Wrapping['wrap']) =>
  onEthernet(name, (ip, n, fromServer) => ether(wrap(ip, n, fromServer)));

/** What must be looked into. */
export const WRAPPINGS: readonly Wrapping[] = [
  onEthernet('Ethernet', (ip) => ether(ip)),
  onEthernet('VLAN', (ip) => ether(ip, '8100 0064')),
  onEthernet('QinQ', (ip) => ether(ip, '88a8 0064 8100 0007')),
  onEthernet('QinQ of 0x9100 and three tags', (ip) => ether(ip, '9100 0064 88a8 0007 8100 0008')),
  onEthernet('a priority tag', (ip) => ether(ip, '8100 a000')),
  onEthernet('an E-tag (802.1BR)', (ip) => ether(ip, '893f 0000 0064 0000')),
  onEthernet('a VN-tag', (ip) => ether(ip, '8926 8001 0002')),
  onEthernet('Cisco metadata', (ip) => ether(ip, '8909 0101 0001 0007')),
  onEthernet('HSR', (ip) => ether(ip, '892f 0040 0001')),
  onEthernet('TRILL', (ip) => typed('22f3', join('0000 0001 0002', ether(ip)))),
  onEthernet('FabricPath', (ip) => join('0200 0000 0001 0200 0000 0002 8903 0045', ether(ip))),
  onEthernet('802.1ah', (ip) => typed('88e7', join('00000007', ether(ip)))),
  onEthernet('802.1ah in a backbone VLAN', (ip) =>
    typed('88a8', join('0064 88e7 00000007', ether(ip, '8100 0007'))),
  ),
  onEthernet('an MPLS label', (ip) => typed('8847', join('000641ff', ip))),
  onEthernet('an MPLS stack of four', (ip) => typed('8847', join('00064000 00065000 0000b000 000641ff', ip))),
  onEthernet('MPLS behind a VLAN', (ip) => typed('8100', join('0064 8847 000641ff', ip))),
  onEthernet('a pseudowire', (ip) => typed('8847', join('00064000 000641ff 00000000', ether(ip)))),
  onEthernet('a pseudowire without control word', (ip) => typed('8847', join('000641ff', ether(ip)))),
  onEthernet('a pseudowire without control word, MAC 45:..', (ip) =>
    typed('8847', join('000641ff', '4500 0020 0001 0200 00000002', typeOf(ip), ip)),
  ),
  onEthernet('a pseudowire with a tag', (ip) =>
    typed('8847', join('000641ff 00000001', ether(ip, '8100 0005'))),
  ),
  onEthernet('PPPoE', (ip) => typed('8864', join('1100 0001 0030', isIpv6(ip) ? '0057' : '0021', ip))),
  onEthernet('PPPoE in QinQ', (ip) =>
    join(MACS, '88a8 0064 8100 0007 8864 1100 0001 0030', isIpv6(ip) ? '0057' : '0021', ip),
  ),
  onEthernet('LLC and SNAP', (ip) => typed('0040', join('aaaa03000000', typeOf(ip), ip))),
  onEthernet('NSH', (ip) => typed('894f', join('0fc6 0103 00000aff', Buffer.alloc(16), ether(ip)))),
  inIp('VXLAN', (ip) => udp(50_000, 4789, '08000000 00000700', ether(ip), ip)),
  inIp('VXLAN with a VLAN within', (ip) =>
    udp(50_000, 4789, '08000000 00000700', ether(ip, '8100 0064'), ip),
  ),
  inIp('VXLAN with a group policy', (ip) => udp(50_000, 4789, '88000064 00000700', ether(ip), ip)),
  inIp('VXLAN on 8472', (ip) => udp(50_000, 8472, '08000000 00000700', ether(ip), ip)),
  inIp('VXLAN over IPv6', (ip) => udp(50_000, 4789, '08000000 00000700', ether(ip), ip, true)),
  inIp('VXLAN in VXLAN', (ip) =>
    udp(50_000, 4789, '08000000 00000700', ether(udp(50_001, 4789, '08000000 00000800', ether(ip), ip)), ip),
  ),
  inIp('VXLAN-GPE', (ip) => udp(50_000, 4790, `0c0000${isIpv6(ip) ? '02' : '01'} 00000700`, ip, ip)),
  inIp('VXLAN-GPE with Ethernet', (ip) => udp(50_000, 4790, '0c000003 00000700', ether(ip), ip)),
  inIp('VXLAN-GPE with NSH', (ip) =>
    udp(50_000, 4790, '0c000004 00000700', join('0fc6 0103 00000aff', Buffer.alloc(16), ether(ip)), ip),
  ),
  inIp('VXLAN without next protocol on its port', (ip) =>
    udp(50_000, 4790, '08000000 00000700', ether(ip), ip),
  ),
  inIp('Geneve', (ip) => udp(50_000, 6081, '00006558 00000700', ether(ip), ip)),
  inIp('Geneve with options', (ip) =>
    udp(50_000, 6081, '03006558 00000700 01020302 0000000000000000', ether(ip), ip),
  ),
  inIp('Geneve with IP', (ip) => udp(50_000, 6081, `0000${typeOf(ip)} 00000700`, ip, ip)),
  inIp('GTP-U', (ip) => udp(50_000, 2152, '30ff0000 00000001', ip, ip)),
  inIp('GTP-U with sequence number', (ip) => udp(2152, 2152, '32ff0000 00000001 00070000', ip, ip)),
  inIp('GTP-U with a session container', (ip) =>
    udp(2152, 2152, '34ff0000 00000001 00000085 01000900', ip, ip),
  ),
  inIp('GRE', (ip) => gre(`0000${typeOf(ip)}`, ip, ip)),
  inIp('GRE with a key', (ip) => gre(`2000${typeOf(ip)} 00000007`, ip, ip)),
  inIp('GRE with key and sequence', (ip, n) => gre(`3000${typeOf(ip)} 00000007 ${number(n)}`, ip, ip)),
  inIp('GRE with checksum, key and sequence', (ip, n) =>
    gre(`b000${typeOf(ip)} 00000000 00000007 ${number(n)}`, ip, ip),
  ),
  inIp('NVGRE', (ip) => gre('20006558 00000700', ether(ip), ip)),
  inIp('GRE over IPv6', (ip) => gre(`0000${typeOf(ip)}`, ip, ip, true)),
  inIp('GRE with MPLS', (ip) => gre('00008847', join('000641ff', ip), ip)),
  inIp('WCCP', (ip) => gre('0000883e', join('00000000', ip), ip)),
  inIp('GRE with NSH', (ip) => gre('0000894f', join('0fc6 0103 00000aff', Buffer.alloc(16), ether(ip)), ip)),
  inIp('ERSPAN I', (ip) => gre('000088be', ether(ip), ip)),
  inIp('ERSPAN II', (ip, n) => gre(erspan2(n), ether(ip), ip)),
  inIp('ERSPAN II with a tag within', (ip, n) => gre(erspan2(n), ether(ip, '8100 0064'), ip)),
  inIp('ERSPAN III', (ip, n) => gre(`100022eb ${number(n)} 20010000 00000000 00000000`, ether(ip), ip)),
  inIp('ERSPAN III with a platform header', (ip, n) =>
    gre(`100022eb ${number(n)} 20010000 00000000 00000001 0000000000000000`, ether(ip), ip),
  ),
  inIp('PPTP', (ip, n) =>
    gre(`3081880b 00300001 ${number(n)} 00000000`, join('ff03', isIpv6(ip) ? '0057' : '0021', ip), ip),
  ),
  inIp('IP in IP', (ip) => outer(ip, missingOf(ip), isIpv6(ip) ? 41 : 4)),
  onEthernet('4in6 or 6in6', (ip) => ether(outer(ip, missingOf(ip), isIpv6(ip) ? 41 : 4, true))),
  inIp('EtherIP', (ip) => outer(join('3000', ether(ip)), missingOf(ip), 97)),
  inIp('MPLS in UDP', (ip) => udp(50_000, 6635, '000641ff', ip, ip)),
  inIp('GRE in UDP', (ip) => udp(50_000, 4754, `0000${typeOf(ip)}`, ip, ip)),
  inIp('LISP', (ip) => udp(50_000, 4341, 'c0000001 00000001', ip, ip)),
  inIp('L2TP, one end behind a NAT', (ip, _, fromServer) =>
    udp(
      fromServer ? 1701 : 40_000,
      fromServer ? 40_000 : 1701,
      '0002 0001 0002 ff03',
      join(isIpv6(ip) ? '0057' : '0021', ip),
      ip,
    ),
  ),
  inIp('TZSP', (ip) => udp(50_000, 37_008, '01000001 01', ether(ip), ip)),
  inIp('an authentication header', (ip) =>
    outer(
      join(isIpv6(ip) ? '2904' : '0404', '0000 00000001 00000001', Buffer.alloc(12), ip),
      missingOf(ip),
      51,
    ),
  ),
  inIp('GRE in VXLAN in a VLAN', (ip) =>
    udp(50_000, 4789, '08000000 00000700', ether(gre(`0000${typeOf(ip)}`, ip, ip), '8100 0064'), ip),
  ),
  inIp('GTP-U in MPLS in GRE', (ip) =>
    gre('00008847', join('000641ff', udp(2152, 2152, '30ff0000 00000001', ip, ip)), ip),
  ),
  { name: 'Linux cooked', linkType: 113, wrap: (ip) => join(Buffer.alloc(14), typeOf(ip), ip) },
  {
    name: 'Linux cooked with a tag',
    linkType: 113,
    wrap: (ip) => join(Buffer.alloc(14), '8100 0064', typeOf(ip), ip),
  },
  {
    name: 'Linux cooked with two tags',
    linkType: 113,
    wrap: (ip) => join(Buffer.alloc(14), '88a8 0064 8100 0007', typeOf(ip), ip),
  },
  {
    name: 'Linux cooked with PPPoE',
    linkType: 113,
    wrap: (ip) => join(Buffer.alloc(14), '8864 1100 0001 0030', isIpv6(ip) ? '0057' : '0021', ip),
  },
  { name: 'Linux cooked v2', linkType: 276, wrap: (ip) => join(typeOf(ip), Buffer.alloc(18), ip) },
  {
    name: 'Linux cooked v2 with a tag',
    linkType: 276,
    wrap: (ip) => join('8100', Buffer.alloc(18), '0064', typeOf(ip), ip),
  },
  {
    name: 'Linux cooked v2 with two tags',
    linkType: 276,
    wrap: (ip) => join('88a8', Buffer.alloc(18), '0064 8100 0007', typeOf(ip), ip),
  },
  {
    name: 'Linux cooked v2 with VXLAN',
    linkType: 276,
    wrap: (ip) => join('0800', Buffer.alloc(18), udp(50_000, 4789, '08000000 00000700', ether(ip), ip)),
  },
  { name: 'BSD loopback', linkType: 0, wrap: (ip) => join(isIpv6(ip) ? '1e000000' : '02000000', ip) },
  { name: 'OpenBSD loopback', linkType: 108, wrap: (ip) => join(isIpv6(ip) ? '00000018' : '00000002', ip) },
  { name: 'raw IP', linkType: 101, wrap: (ip) => ip },
  { name: 'raw IP as BSD numbers it', linkType: 12, wrap: (ip) => ip },
  { name: 'PPP', linkType: 9, wrap: (ip) => join(isIpv6(ip) ? '0057' : '0021', ip) },
  {
    name: 'PPP with HDLC framing',
    linkType: 50,
    wrap: (ip) => join('ff03', isIpv6(ip) ? '0057' : '0021', ip),
  },
  {
    name: 'PPP with a direction',
    linkType: 204,
    wrap: (ip) => join('00ff03', isIpv6(ip) ? '0057' : '0021', ip),
  },
  {
    name: 'PPP over Ethernet as a link',
    linkType: 51,
    wrap: (ip) => join('1100 0001 0030', isIpv6(ip) ? '0057' : '0021', ip),
  },
  { name: 'Cisco HDLC', linkType: 104, wrap: (ip) => join('0f00', typeOf(ip), ip) },
  { name: 'frame relay', linkType: 107, wrap: (ip) => join('1841 03', isIpv6(ip) ? '8e' : 'cc', ip) },
  { name: 'FDDI', linkType: 10, wrap: (ip) => join('57', MACS, 'aaaa03000000', typeOf(ip), ip) },
  { name: 'ATM (RFC 1483)', linkType: 100, wrap: (ip) => join('aaaa03000000', typeOf(ip), ip) },
  { name: '802.11', linkType: 105, wrap: (ip) => wifi('0801', '', ip) },
  {
    name: 'radiotap',
    linkType: 127,
    wrap: (ip) => radiotap('0000 0c00 00000000 00000000', wifi('0801', '', ip)),
  },
  {
    name: 'radiotap, quality of service',
    linkType: 127,
    wrap: (ip) => radiotap('0000 0c00 00000000 00000000', wifi('8801', '0000', ip)),
  },
  {
    name: 'radiotap, padded behind the header',
    linkType: 127,
    wrap: (ip) => radiotap('0000 0900 02000000 20', wifi('8801', '0000 0000', ip)),
  },
  {
    name: 'radiotap, clock and padded',
    linkType: 127,
    wrap: (ip) => radiotap('0000 1100 03000000 0000000000000000 20', wifi('8801', '0000 0000', ip)),
  },
  {
    name: 'per-packet information (PPI)',
    linkType: 192,
    wrap: (ip) => join('0000 0800 69000000', wifi('0801', '', ip)),
  },
  { name: 'Prism', linkType: 119, wrap: (ip) => join(Buffer.alloc(144), wifi('0801', '', ip)) },
  { name: 'MPLS as a link', linkType: 219, wrap: (ip) => join('000641ff', ip) },
  {
    name: 'NFLOG',
    linkType: 239,
    wrap: (ip) => {
      const size = Buffer.alloc(2);
      size.writeUInt16LE(4 + ip.length);
      return join('02000000 0800 0100 00000000', size, '0900', ip);
    },
  },
  { name: 'PKTAP', linkType: 258, wrap: (ip) => join('10000000 00000000 01000000 00000000', ether(ip)) },
  {
    name: 'pflog',
    linkType: 117,
    wrap: (ip) => join(`3d ${isIpv6(ip) ? '1e' : '02'} 0000`, Buffer.alloc(60), ip),
  },
  { name: 'enc', linkType: 109, wrap: (ip) => join(Buffer.alloc(12), ip) },
  {
    name: 'ERF',
    linkType: 197,
    wrap: (ip) => join(Buffer.alloc(8), '02 04 0000 0000 0000', '0000', ether(ip)),
  },
  { name: 'netANALYZER', linkType: 240, wrap: (ip) => join('00000000', ether(ip)) },
];

/** Chains of extension headers in front of IPv6's payload. */
export const EXTENSIONS: readonly (readonly [
  name: string,
  first: number,
  bytes: (next: string) => Buffer,
])[] = [
  ['hop-by-hop options', 0, (next) => hex(`${next}00 010400000000`)],
  ['destination options', 60, (next) => hex(`${next}00 010400000000`)],
  ['a routing header', 43, (next) => hex(`${next}02 0401 00000000 20010db8000000000000000000000009`)],
  [
    'hop-by-hop, routing, destination',
    0,
    (next) =>
      hex(`2b00 010400000000 3c02 0401 00000000 20010db8000000000000000000000009 ${next}00 010400000000`),
  ],
  ['a fragment header of a whole packet', 44, (next) => hex(`${next}00 0000 00000007`)],
  ['an authentication header', 51, (next) => hex(`${next}04 0000 00000001 00000001 ${'00'.repeat(12)}`)],
  [
    'an authentication header and destination options',
    51,
    (next) => hex(`3c04 0000 00000001 00000001 ${'00'.repeat(12)} ${next}00 010400000000`),
  ],
];

/** Put extension headers into an IPv6 packet. */
export function extended(ip: Buffer, first: number, bytes: (next: string) => Buffer): Buffer {
  const headers = bytes((ip[6] ?? 0).toString(16).padStart(2, '0'));
  const b = Buffer.concat([ip.subarray(0, 40), headers, ip.subarray(40)]);
  b.writeUInt8(first, 6);
  b.writeUInt16BE(ip.readUInt16BE(4) + headers.length, 4);
  return b;
}
