import { smoothRates } from '../../../domain/placement/dirty-rate.js';

describe('smoothRates', () => {
  it.each([
    ['takes the first sample as it is', undefined, [8, 2], [8, 2]],
    ['gives the newest half of the weight', [8, 2], [0, 4], [4, 3]],
    ['keeps what is known when nothing was measured', [8, null], [null, null], [8, null]],
    ['begins with the disk when only the memory was known', [8, null], [8, 6], [8, 6]],
  ] as const)('%s', (_, known, sample, expected) => {
    const rates = ([memoryMbps, diskMbps]: readonly [number | null, number | null]) => ({
      memoryMbps,
      diskMbps,
    });
    expect(smoothRates(known && rates(known), rates(sample))).toEqual(rates(expected));
  });
});
