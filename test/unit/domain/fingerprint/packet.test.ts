import fc from 'fast-check';

import {
  decodeRawPacket,
  type Decoded,
  type RawPacket,
} from '../../../../domain/fingerprint/capture/packet.js';
import { ethernet, FLAGS, ipv4, ipv6, tcp, udp } from './packet-bytes.js';

const raw = (bytes: Uint8Array, more: Partial<RawPacket> = {}): RawPacket => ({
  timeMs: 5,
  linkType: 1,
  bytes,
  wireBytes: bytes.length,
  ...more,
});
const header = (d: Decoded) => {
  if (d.kind !== 'packet') throw new Error(`decoded as ${d.kind}`);
  return d.header;
};

describe('decodeRawPacket', () => {
  it('reads addresses, ports, lengths, sequence numbers, flags and the timestamp of TCP over IPv4', () => {
    const bytes = tcp({
      sequence: 0xfffffff0,
      acknowledgement: 77,
      flags: FLAGS.ack | FLAGS.push,
      payload: 11,
      timestamp: [123, 456],
    });
    expect(header(decodeRawPacket(raw(ethernet(ipv4(bytes)))))).toEqual({
      timeMs: 5,
      protocol: 'tcp',
      source: '198.51.100.2',
      destination: '10.77.0.2',
      sourcePort: 40_000,
      destinationPort: 5901,
      ipId: 0,
      checksum: 0,
      payload: Buffer.alloc(11),
      ipBytes: 63,
      payloadBytes: 11,
      tcp: {
        sequence: 0xfffffff0,
        acknowledgement: 77,
        syn: false,
        ack: true,
        fin: false,
        rst: false,
        push: true,
        timestamp: { value: 123, echo: 456 },
      },
    });
  });

  it('reads UDP', () => {
    const h = header(decodeRawPacket(raw(ethernet(ipv4(udp(9), { protocol: 17 })))));
    expect([h.protocol, h.destinationPort, h.payloadBytes, h.tcp]).toEqual(['udp', 4172, 9, undefined]);
  });

  it('leaves the padding of short Ethernet frames out of the payload', () => {
    const padded = Buffer.concat([ethernet(ipv4(tcp())), Buffer.alloc(6)]);
    expect(header(decodeRawPacket(raw(padded))).payloadBytes).toBe(0);
  });

  it.each([[[7]], [[7, 8]]])('looks behind VLAN tags %j', (vlans) => {
    expect(header(decodeRawPacket(raw(ethernet(ipv4(tcp()), { vlans })))).destinationPort).toBe(5901);
  });

  it('reads IPv6, also behind extension headers', () => {
    const hop = Buffer.from([6, 0, 0, 0, 0, 0, 0, 0]);
    const plain = header(decodeRawPacket(raw(ethernet(ipv6(tcp({ payload: 3 }))))));
    const extended = header(decodeRawPacket(raw(ethernet(ipv6(tcp({ payload: 3 }), 0, hop)))));
    expect([plain.source, plain.destination]).toEqual(['2001:db8::1', 'fd00::2']);
    expect([plain.payloadBytes, extended.payloadBytes, extended.destinationPort]).toEqual([3, 3, 5901]);
  });

  it.each([
    ['raw IP', 101, ipv4(tcp())],
    ['BSD loopback', 0, Buffer.concat([Buffer.from([2, 0, 0, 0]), ipv4(tcp())])],
    ['Linux cooked', 113, Buffer.concat([Buffer.alloc(14), Buffer.from([8, 0]), ipv4(tcp())])],
    ['Linux cooked 2', 276, Buffer.concat([Buffer.from([8, 0]), Buffer.alloc(18), ipv4(tcp())])],
  ])('reads link type %s', (_, linkType, bytes) => {
    expect(header(decodeRawPacket(raw(bytes, { linkType }))).destinationPort).toBe(5901);
  });

  it('takes the length of the wire for the payload of a packet cut by the snap length', () => {
    const whole = ethernet(ipv4(tcp({ payload: 1000 })));
    const h = header(decodeRawPacket(raw(whole.subarray(0, 60), { wireBytes: whole.length })));
    expect(h.payloadBytes).toBe(1000);
  });

  it('reads a super-packet of segmentation offload whose length field is empty', () => {
    const bytes = ethernet(ipv4(tcp({ payload: 40 })).fill(0, 2, 4));
    expect(header(decodeRawPacket(raw(bytes, { wireBytes: 70_000 }))).payloadBytes).toBe(69_946);
  });

  const whole = ethernet(ipv4(tcp({ payload: 10 })));
  it.each<[string, Decoded['kind'], RawPacket]>([
    ['a later fragment', 'fragment', raw(ethernet(ipv4(tcp(), { fragment: 100 })))],
    ['ICMP', 'other', raw(ethernet(ipv4(Buffer.alloc(8), { protocol: 1 })))],
    ['ARP', 'other', raw(ethernet(Buffer.alloc(28), { type: 0x0806 }))],
    ['an unknown link type', 'other', raw(whole, { linkType: 147 })],
    ['an IP header of 16 bytes', 'malformed', raw(ethernet(Buffer.from(ipv4(tcp())).fill(0x44, 0, 1)))],
    ['a length beyond the wire', 'malformed', raw(ethernet(Buffer.from(ipv4(tcp())).fill(0x7f, 2, 3)))],
    ['a TCP header of 4 bytes', 'malformed', raw(ethernet(ipv4(Buffer.from(tcp()).fill(0x10, 12, 13))))],
    ['port 0', 'malformed', raw(ethernet(ipv4(tcp({ sourcePort: 0 }))))],
    ['a frame that ends in its addresses', 'malformed', raw(whole.subarray(0, 10))],
    ['a cut before the ports', 'truncated', raw(whole.subarray(0, 34), { wireBytes: whole.length })],
    ['a time that is no number', 'malformed', raw(whole, { timeMs: NaN })],
  ])('counts %s as %s', (_, kind, packet) => {
    expect(decodeRawPacket(packet).kind).toBe(kind);
  });

  it('marks the first of several fragments', () => {
    const decoded = decodeRawPacket(raw(ethernet(ipv4(tcp(), { fragment: 0x2000 }))));
    expect(decoded).toMatchObject({ kind: 'packet', firstFragment: true });
  });

  it('neither throws nor gives a figure that is no number, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 120 }),
      // Real packets with some bytes changed reach deeper than noise.
      fc
        .tuple(
          fc.constantFrom(
            whole,
            ethernet(ipv6(tcp({ timestamp: [1, 2] }))),
            ethernet(ipv4(udp(4), { protocol: 17 })),
          ),
          fc.array(fc.tuple(fc.nat(79), fc.nat(255)), { maxLength: 6 }),
        )
        .map(([b, changes]) => {
          const copy = Uint8Array.from(b);
          for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
          return copy;
        }),
    );
    fc.assert(
      fc.property(bytes, fc.constantFrom(0, 1, 101, 113, 276), fc.nat(200), (b, linkType, extra) => {
        const decoded = decodeRawPacket(raw(b, { linkType, wireBytes: b.length + extra }));
        if (decoded.kind !== 'packet') return;
        const { ipBytes, payloadBytes, sourcePort, destinationPort } = decoded.header;
        for (const n of [ipBytes, payloadBytes]) {
          expect(Number.isInteger(n)).toBe(true);
          expect(n).toBeGreaterThanOrEqual(0);
          expect(n).toBeLessThanOrEqual(b.length + extra);
        }
        for (const port of [sourcePort, destinationPort]) expect(port).toBeGreaterThan(0);
      }),
      { numRuns: 2_000 },
    );
  });
});
