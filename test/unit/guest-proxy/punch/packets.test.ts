import { punchPacket } from '../../../../guest-proxy/punch/packets.js';
import type { ProxiedFlow } from '../../../../guest-proxy/rules/flow.js';

const tcp: ProxiedFlow = {
  protocol: 'tcp',
  local: { address: '10.0.0.2', port: 40_000 },
  remote: { address: '198.51.100.10', port: 5901 },
};

/** The one's complement sum of a block with a right checksum in it is all ones. */
function sum(bytes: Buffer): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += bytes.readUInt16BE(i);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

function pseudoHeader(packet: Buffer): Buffer {
  const segment = packet.subarray(20);
  return Buffer.concat([packet.subarray(12, 20), Buffer.from([0, packet[9]!, 0, segment.length]), segment]);
}

it.each([
  ['open, TCP', tcp, 'open' as const],
  ['close, TCP', tcp, 'close' as const],
  ['open, UDP', { ...tcp, protocol: 'udp' as const }, 'open' as const],
])('has right checksums, from the socket to the new address (%s)', (_, flow, purpose) => {
  const packet = punchPacket(flow, '192.0.2.10', purpose);
  expect(sum(packet.subarray(0, 20))).toBe(0xffff);
  expect(sum(pseudoHeader(packet))).toBe(0xffff);
  expect([...packet.subarray(12, 20)]).toEqual([10, 0, 0, 2, 192, 0, 2, 10]);
  expect([packet.readUInt16BE(20), packet.readUInt16BE(22)]).toEqual([40_000, 5901]);
  expect(packet.readUInt16BE(2)).toBe(packet.length);
});

it('opens with a bare ACK and closes with a SYN', () => {
  expect(punchPacket(tcp, '192.0.2.10', 'open')[33]).toBe(0x10);
  expect(punchPacket(tcp, '192.0.2.10', 'close')[33]).toBe(0x02);
});
