import fc from 'fast-check';
import { BYTES_PER, convertSize, type SizeUnit } from '../../../../domain/model/units.js';

describe('convertSize', () => {
  it.each<[number, SizeUnit, SizeUnit, number]>([
    [1, 'GB', 'B', 1_000_000_000],
    [1, 'GiB', 'B', 1_073_741_824],
    [1024, 'MiB', 'GiB', 1],
    [1024, 'MiB', 'GB', 1.073741824],
    [1000, 'MB', 'GB', 1],
    [256, 'MiB', 'MB', 268.435456],
    [1, 'KiB', 'kB', 1.024],
    [0, 'TB', 'MiB', 0],
  ])('makes %d %s into %s: %d', (value, from, to, expected) => {
    expect(convertSize(value, from, to)).toBe(expected);
  });

  it('gives a whole number of any unit back from bytes', () => {
    const unit = fc.constantFrom(...(Object.keys(BYTES_PER) as SizeUnit[]));
    fc.assert(
      fc.property(unit, fc.integer({ min: 0, max: 4096 }), (u, n) => {
        expect(convertSize(convertSize(n, u, 'B'), 'B', u)).toBe(n);
      }),
    );
  });
});
