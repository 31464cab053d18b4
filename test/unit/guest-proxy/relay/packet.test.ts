import { randomInt } from 'node:crypto';
import { readdress, readPacket } from '../../../../guest-proxy/relay/packet.js';
import { punchPacket } from '../../../../guest-proxy/punch/packets.js';

const flow = (protocol: 'tcp' | 'udp', address = '203.0.113.80') =>
  ({
    protocol,
    local: { address, port: 443 },
    remote: { address: '198.51.100.10', port: 40_000 },
  }) as const;
const address = () => [1, 2, 3, 4].map(() => randomInt(1, 255)).join('.');

it.each(['tcp', 'udp'] as const)('tells whose flow a %s packet is, from either direction', (protocol) => {
  const inward = punchPacket(flow(protocol), '198.51.100.10', 'open');
  const expected = { protocol, port: 40_000, peer: { address: '203.0.113.80', port: 443 } };
  expect(readPacket(inward, 'in')).toMatchObject({ flow: expected, destination: '198.51.100.10' });
  const back = { protocol, local: flow(protocol).remote, remote: flow(protocol).local } as const;
  const outward = punchPacket(back, '203.0.113.80', 'open');
  expect(readPacket(outward, 'out')).toMatchObject({ flow: expected, source: '198.51.100.10' });
});

it('knows a packet that opens a connection', () => {
  expect(readPacket(punchPacket(flow('tcp'), '198.51.100.10', 'close'), 'in')).toMatchObject({ opens: true });
  expect(readPacket(punchPacket(flow('tcp'), '198.51.100.10', 'open'), 'in')).toMatchObject({ opens: false });
});

it('gives a packet another address as if it had been made with it, whatever the addresses', () => {
  for (let i = 0; i < 500; i++)
    for (const protocol of ['tcp', 'udp'] as const) {
      const [from, to, other] = [address(), address(), address()];
      const made = punchPacket(flow(protocol, from), to, 'open');
      expect(readdress(made, 'destination', other)).toEqual(punchPacket(flow(protocol, from), other, 'open'));
      expect(readdress(made, 'source', other)).toEqual(punchPacket(flow(protocol, other), to, 'open'));
      expect(readdress(readdress(made, 'source', other), 'source', from)).toEqual(made);
    }
});

it('leaves a UDP packet without a checksum without one', () => {
  const packet = punchPacket(flow('udp'), '198.51.100.10', 'open');
  packet.writeUInt16BE(0, 26);
  expect(readdress(packet, 'destination', '10.0.0.1').readUInt16BE(26)).toBe(0);
});

it('reads no flow from what is cut, padded, a fragment, of another protocol or version, or rubbish', () => {
  const packet = punchPacket(flow('tcp'), '198.51.100.10', 'open');
  for (let length = 0; length < packet.length; length++)
    expect(readPacket(packet.subarray(0, length), 'in')).toBeNull();
  const altered = (at: number, value: number) => {
    const copy = Buffer.from(packet);
    copy[at] = value;
    return readPacket(copy, 'in');
  };
  for (const [at, value] of [
    [0, 0x65],
    [0, 0x44],
    [0, 0x4f],
    [6, 0x20],
    [7, 0x01],
    [9, 1],
  ] as const)
    expect(altered(at, value)).toBeNull();
  expect(readPacket(Buffer.concat([packet, Buffer.alloc(2)]), 'in')).toBeNull();
});
