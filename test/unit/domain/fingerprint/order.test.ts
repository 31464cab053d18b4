// Halves of a session that stand one behind the other in a file are told from a session in which one end says little.
import { OrderCheck } from '../../../../domain/fingerprint/capture/order.js';
import type { PacketHeader } from '../../../../domain/fingerprint/capture/packet.js';

const DESKTOP = '10.77.0.2';
const packet = (timeMs: number, fromDesktop: boolean): PacketHeader => ({
  timeMs,
  protocol: 'udp',
  source: fromDesktop ? DESKTOP : '198.51.100.2',
  destination: fromDesktop ? '198.51.100.2' : DESKTOP,
  sourcePort: fromDesktop ? 47_998 : 50_000,
  destinationPort: fromDesktop ? 50_000 : 47_998,
  ipBytes: 1_200,
  payloadBytes: 1_172,
  ipId: timeMs,
  checksum: 1,
  tcp: undefined,
});
const isInHalves = (packets: readonly PacketHeader[]) => {
  const order = new OrderCheck();
  for (const p of packets) order.add(p);
  return order.isInHalves((h) => h.source === DESKTOP);
};
const pictures = Array.from({ length: 250 }, (_, n) => packet(n * 40, true));

it('takes a screen whose user says next to nothing for what it is', () => {
  const session = [packet(1, false), ...pictures, packet(9_961, false)].sort((a, b) => a.timeMs - b.timeMs);
  expect(isInHalves(session)).toBe(false);
});

it('knows two directions that were put one behind the other', () => {
  const other = Array.from({ length: 250 }, (_, n) => packet(n * 40 + 5, false));
  expect(isInHalves([...pictures, ...other])).toBe(true);
});
