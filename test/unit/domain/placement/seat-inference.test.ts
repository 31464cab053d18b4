import { inferSeats } from '../../../../domain/placement/schedule/seat-inference.js';
import { randomFrom } from './instances.js';

const host = (vcpu: number, memoryGB: number, diskGB: number, slots = Infinity) => ({
  slots,
  vcpu,
  memoryGB,
  diskGB,
});
const size = (vcpu: number, memoryGB: number, diskGB: number) => ({ vcpu, memoryGB, diskGB });

describe('inferSeats', () => {
  it('mixes desktops of opposite shapes, which best fit by memory alone would strand', () => {
    const seats = inferSeats(
      [host(10, 10, 99), host(10, 10, 99)],
      [size(8, 2, 1), size(8, 2, 1), size(2, 8, 1), size(2, 8, 1)],
    );
    expect([...seats].filter((b) => b < 0)).toEqual([]);
  });
  it('leaves out what fits nowhere, and seats the rest', () => {
    expect([...inferSeats([host(4, 4, 4)], [size(8, 1, 1), size(1, 1, 1)])]).toEqual([-1, 0]);
    expect([...inferSeats([host(9, 9, 9, 1)], [size(1, 1, 1), size(1, 1, 1)])].sort()).toEqual([-1, 0]);
    expect([...inferSeats([], [size(1, 1, 1)])]).toEqual([-1]);
  });
  it('never seats more than a host holds', () => {
    const random = randomFrom(3);
    for (let k = 0; k < 50; k++) {
      const hosts = Array.from({ length: 3 }, () => host(random() * 20, random() * 40, random() * 100));
      const sizes = Array.from({ length: 20 }, () => size(random() * 4, random() * 8, random() * 20));
      const seats = inferSeats(hosts, sizes);
      hosts.forEach((h, b) => {
        const here = sizes.filter((_, i) => seats[i] === b);
        for (const key of ['vcpu', 'memoryGB', 'diskGB'] as const)
          expect(here.reduce((sum, s) => sum + s[key], 0)).toBeLessThanOrEqual(h[key] + 1e-6);
      });
    }
  });
});
