import type { HostLink } from '../../../../guest-proxy/client/host-link.js';
import { Seeker } from '../../../../guest-proxy/client/seeker.js';
import type { Endpoint } from '../../../../domain/model/address.js';

const endpoints = Array.from({ length: 20 }, (_, i): Endpoint => ({
  address: `192.0.2.${String(i)}`,
  port: 7946,
}));
const answering = new Set<string>();
const asked: string[] = [];
const link = ({ address }: Endpoint) =>
  ({
    get hostKey() {
      return answering.has(address) ? 'a key' : null;
    },
    tick: () => asked.push(address),
  }) as unknown as HostLink;

beforeEach(() => {
  answering.clear();
  asked.length = 0;
});

it('asks a few hosts at a time, and each of them before any is asked anew', () => {
  const seeker = new Seeker([...endpoints, endpoints[0]!], link);
  for (const at of [0, 10_000, 20_000]) seeker.tick(at);
  expect(asked).toHaveLength(24);
  expect(new Set(asked).size).toBe(20);
});

it('goes on asking the same ones until their time is over', () => {
  const seeker = new Seeker(endpoints, link);
  seeker.tick(0);
  seeker.tick(9_000);
  expect(new Set(asked).size).toBe(8);
});

it('keeps a host that has answered, and nobody once it is ended', () => {
  const seeker = new Seeker(endpoints, link);
  seeker.tick(0);
  answering.add('192.0.2.3');
  seeker.tick(10_000);
  seeker.tick(20_000);
  expect(asked.filter((a) => a === '192.0.2.3')).toHaveLength(3);
  expect(seeker.find(endpoints[3]!)).toBeDefined();
  expect(seeker.find({ ...endpoints[3]!, port: 1 })).toBeUndefined();
  seeker.end();
  expect(seeker.find(endpoints[3]!)).toBeUndefined();
});
