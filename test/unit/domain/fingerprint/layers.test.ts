// Every header that packets of a desktop are met behind, built byte by byte; and what is behind none of them is named.
import fc from 'fast-check';
import { decodeRawPacket, type RawPacket } from '../../../../domain/fingerprint/capture/packet.js';
import { ethernet, ipv4, ipv6, tcp, udp } from './packet-bytes.js';

const raw = (bytes: Uint8Array, linkType = 1): RawPacket => ({
  timeMs: 1,
  linkType,
  bytes,
  wireBytes: bytes.length,
});
const bytes = (...parts: (number | Uint8Array | string)[]): Buffer =>
  Buffer.concat(
    parts.map((p) =>
      typeof p === 'number'
        ? Buffer.from([p])
        : typeof p === 'string'
          ? Buffer.from(p.replaceAll(' ', ''), 'hex')
          : p,
    ),
  );

const inner = ipv4(tcp({ payload: 3 }));
const inner6 = ipv6(tcp({ payload: 3 }));
const frame = ethernet(inner);
const outer = (body: Buffer, protocol: number) =>
  ethernet(ipv4(body, { protocol, source: '192.0.2.1', destination: '192.0.2.2' }));
const datagram = (port: number, body: Buffer): Buffer => {
  const head = udp(0, 50_000, port);
  head.writeUInt16BE(8 + body.length, 4);
  return outer(Buffer.concat([head, body]), 17);
};
const gre = (flags: number, type: number, body: Buffer) => {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(flags, 0);
  head.writeUInt16BE(type, 2);
  return outer(Buffer.concat([head, body]), 47);
};
const snap = (type: string, body: Buffer) => bytes('aaaa03000000', type, body);
const wifi = (control: string, more: string, body: Buffer) =>
  bytes(control, '0000', Buffer.alloc(18), '1000', more, body);

type Row = readonly [string, Buffer, number?];
const rows = (list: readonly Row[]) => list.map(([name, b, linkType = 1]) => [name, b, linkType] as const);

describe('a packet is found', () => {
  it.each(
    rows([
      ['in VXLAN', datagram(4789, bytes('08000000 00000700', frame))],
      ['in VXLAN on the port of older kernels', datagram(8472, bytes('08000000 00000700', frame))],
      ['in VXLAN-GPE', datagram(4790, bytes('0c000001 00000700', inner))],
      ['in Geneve with options', datagram(6081, bytes('02006558 00000700', Buffer.alloc(8), frame))],
      ['in GTP-U', datagram(2152, bytes('30ff0000 00000001', inner))],
      [
        'in GTP-U with an extension header',
        datagram(2152, bytes('34ff0000 00000001 00000085 01000000', inner)),
      ],
      ['in TZSP', datagram(37_008, bytes('01000001 0a0100 01', frame))],
      ['in L2TP', datagram(1701, bytes('0002 0001 0002 ff03 0021', inner))],
      [
        'in L2TP with length, sequence and offset',
        datagram(1701, bytes('4a02 0040 0001 0002 0001 0000 0002 0000 ff03 0021', inner)),
      ],
      ['in GRE', gre(0, 0x0800, inner)],
      ['in GRE with checksum, key and sequence', gre(0xb000, 0x0800, bytes(Buffer.alloc(12), inner))],
      ['in GRE carrying Ethernet', gre(0x2000, 0x6558, bytes(Buffer.alloc(4), frame))],
      ['in GRE carrying IPv6', gre(0, 0x86dd, inner6)],
      ['in GRE in UDP', datagram(4754, bytes('00000800', inner))],
      ['in PPTP', outer(bytes('3001880b 00300001 00000001 0021', inner), 47)],
      ['in ERSPAN I', gre(0, 0x88be, frame)],
      ['in ERSPAN II', gre(0x1000, 0x88be, bytes(Buffer.alloc(4), Buffer.alloc(8), frame))],
      ['in ERSPAN III', gre(0x1000, 0x22eb, bytes(Buffer.alloc(4), Buffer.alloc(12), frame))],
      [
        'in ERSPAN III with a platform header',
        gre(0x1000, 0x22eb, bytes(Buffer.alloc(4), Buffer.alloc(11), 1, Buffer.alloc(8), frame)),
      ],
      ['in IP in IP', outer(inner, 4)],
      ['in 6in4', outer(inner6, 41)],
      ['in 4in6', ethernet(ipv6(inner, 4))],
      ['in EtherIP', outer(bytes('3000', frame), 97)],
      ['in MPLS in IP', outer(bytes('000641ff', inner), 137)],
      [
        'behind an authentication header',
        outer(bytes('06040000 00000001 00000001', Buffer.alloc(12), tcp()), 51),
      ],
      ['in a tunnel in a tunnel', gre(0, 0x0800, ipv4(ipv4(tcp()), { protocol: 4 }))],
      ['behind three VLAN tags', ethernet(inner, { vlans: [1, 2, 3] })],
      ['behind a 0x9100 tag', ethernet(bytes('0007 8100 0008 0800', inner), { type: 0x9100 })],
      ['behind MPLS', ethernet(bytes('00064000 000641ff', inner), { type: 0x8847 })],
      ['in a pseudowire', ethernet(bytes('000641ff 00000000', frame), { type: 0x8847 })],
      ['behind PPPoE', ethernet(bytes('1100 0001 0030 0021', inner), { type: 0x8864 })],
      ['behind PPPoE with IPv6', ethernet(bytes('1100 0001 0030 0057', inner6), { type: 0x8864 })],
      ['behind a provider backbone tag', ethernet(bytes('00000007', frame), { type: 0x88e7 })],
      ['behind LLC and SNAP', ethernet(snap('0800', inner), { type: 60 })],
      ['in a cooked capture with a VLAN tag', bytes(Buffer.alloc(14), '8100 0007 0800', inner), 113],
      [
        'in a cooked capture, second version, with a VLAN tag',
        bytes('8100', Buffer.alloc(18), '0064 0800', inner),
        276,
      ],
      ['on PPP', bytes('0021', inner), 9],
      ['on PPP with HDLC framing and a short protocol', bytes('ff03 21', inner), 50],
      ['on PPP with a direction', bytes('00 ff03 0021', inner), 204],
      ['on Cisco HDLC', bytes('0f00 0800', inner), 104],
      ['on 802.11', wifi('0801', '', snap('0800', inner)), 105],
      ['on 802.11 with quality of service', wifi('8801', '0000', snap('0800', inner)), 105],
      ['on 802.11 between access points', wifi('0803', '000000000000', snap('0800', inner)), 105],
      ['on 802.11 aggregated', wifi('8801', '8000', bytes(Buffer.alloc(14), snap('0800', inner))), 105],
      ['behind radiotap', bytes('0000 0c00 00000000 00000000', wifi('0801', '', snap('0800', inner))), 127],
      ['behind Prism', bytes(Buffer.alloc(144), wifi('0801', '', snap('0800', inner))), 119],
      ['on MPLS', bytes('000641ff', inner), 219],
      ['in PKTAP', bytes('10000000 00000000 01000000 00000000', frame), 258],
      [
        'in netfilter’s log',
        bytes('02000000 0800 0100 00000000', `${(inner.length + 4).toString(16)}00 0900`, inner),
        239,
      ],
    ]),
  )('%s', (_, b, linkType) => {
    expect(decodeRawPacket(raw(b, linkType), true)).toMatchObject({
      kind: 'packet',
      header: { protocol: 'tcp', destinationPort: 5901 },
    });
  });

  it('by its outermost addresses where tunnels are not looked into, as at a tap', () => {
    const b = datagram(4789, bytes('08000000 00000700', frame));
    expect(decodeRawPacket(raw(b))).toMatchObject({ kind: 'packet', header: { destinationPort: 4789 } });
  });

  it('as the UDP that it is where a tunnel’s port carries something else', () => {
    for (const port of [4789, 6081, 2152, 37_008, 51_820]) {
      const b = datagram(port, Buffer.from('ffffffffffffffffffff', 'hex'));
      expect(decodeRawPacket(raw(b), true)).toMatchObject({
        kind: 'packet',
        header: { destinationPort: port },
      });
    }
  });
});

describe('what is no TCP or UDP over IP is named', () => {
  it.each(
    rows([
      ['IPsec ESP (encrypted)', outer(Buffer.alloc(40), 50)],
      ['IPsec ESP over UDP (encrypted)', datagram(4500, Buffer.from('0000000100000001', 'hex'))],
      ['IKE', datagram(4500, Buffer.from('0000000000000001', 'hex'))],
      ['WireGuard (encrypted)', datagram(51_820, Buffer.from('0400000000000001', 'hex'))],
      ['L2TP control', datagram(1701, Buffer.from('c802000c00000000', 'hex'))],
      ['SCTP', outer(Buffer.alloc(40), 132)],
      ['ICMP', outer(Buffer.alloc(8), 1)],
      ['IP protocol 200', outer(Buffer.alloc(8), 200)],
      ['ARP', ethernet(Buffer.alloc(28), { type: 0x0806 })],
      ['ARP', datagram(4789, bytes('08000000 00000700', ethernet(Buffer.alloc(28), { type: 0x0806 })))],
      ['MACsec (encrypted Ethernet)', ethernet(Buffer.alloc(28), { type: 0x88e5 })],
      ['of EtherType 0x88b5', ethernet(Buffer.alloc(28), { type: 0x88b5 })],
      ['encrypted 802.11', wifi('0841', '', Buffer.alloc(20)), 105],
      ['802.11 management', wifi('8000', '', Buffer.alloc(20)), 105],
      ['USB', Buffer.alloc(64), 220],
      ['of link type 300', Buffer.alloc(64), 300],
      ['PPP control', bytes('c021', Buffer.alloc(20)), 9],
    ]),
  )('%s', (what, b, linkType) => {
    expect(decodeRawPacket(raw(b, linkType), true)).toEqual({ kind: 'other', what });
  });
});

it('ends in frames within frames without an end', () => {
  // PPPoE, PPP, a label, a control word, and again.
  const unit = bytes(Buffer.alloc(12), '8864', Buffer.alloc(6), '0281 00000100 00000000');
  const b = Buffer.alloc(262_144, unit);
  expect(decodeRawPacket(raw(b), true)).toEqual({
    kind: 'other',
    what: 'more headers than any network stacks',
  });
});

it('neither throws nor hangs on any bytes of any link type, changed in any place', () => {
  const seeds = [
    datagram(4789, bytes('08000000 00000700', frame)),
    datagram(6081, bytes('02006558 00000700', Buffer.alloc(8), frame)),
    datagram(2152, bytes('34ff0000 00000001 00000085 01000000', inner)),
    gre(0xb000, 0x0800, bytes(Buffer.alloc(12), inner)),
    ethernet(bytes('000641ff 00000000', frame), { type: 0x8847 }),
  ];
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 160 }), fc.constantFrom(...seeds)),
      fc.array(fc.tuple(fc.nat(159), fc.nat(255)), { maxLength: 8 }),
      fc.constantFrom(0, 1, 9, 50, 51, 101, 104, 105, 113, 119, 127, 163, 166, 219, 239, 258, 276),
      fc.nat(200),
      (start, changes, linkType, extra) => {
        const b = Uint8Array.from(start);
        for (const [at, value] of changes) if (at < b.length) b[at] = value;
        const decoded = decodeRawPacket({ timeMs: 1, linkType, bytes: b, wireBytes: b.length + extra }, true);
        if (decoded.kind !== 'packet') return;
        const { ipBytes, payloadBytes, sourcePort } = decoded.header;
        expect(payloadBytes).toBeGreaterThanOrEqual(0);
        // Of a fragment it is told what the later ones bring.
        expect(ipBytes).toBeLessThanOrEqual(
          decoded.firstFragment ? 131_070 : Math.max(b.length + extra, 65_575),
        );
        expect(sourcePort).toBeGreaterThan(0);
      },
    ),
    { numRuns: 5_000 },
  );
});
