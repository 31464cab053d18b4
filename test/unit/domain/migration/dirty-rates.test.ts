import { smoothDirtyRates, type DirtyRates } from '../../../../domain/migration/dirty-rates.js';

const rates = (memoryMbps: number | null, diskMbps: number | null): DirtyRates => ({ memoryMbps, diskMbps });

describe('smoothDirtyRates', () => {
  it.each([
    ['believes the first measurement', rates(null, null), rates(40, 8), rates(40, 8)],
    ['goes half of the way to each later one', rates(40, 8), rates(20, 16), rates(30, 12)],
    ['keeps the last value where nothing was measured', rates(40, 8), rates(null, 0), rates(40, 4)],
    ['takes a rate up that was unknown so far', rates(40, null), rates(null, 6), rates(40, 6)],
    [
      'knows nothing of a desktop that was never measured',
      rates(null, null),
      rates(null, null),
      rates(null, null),
    ],
  ])('%s', (_, before, measured, after) => {
    expect(smoothDirtyRates(before, measured)).toEqual(after);
  });

  it('follows a lasting change to within 5 % in five reports', () => {
    let known = rates(100, 0);
    for (let i = 0; i < 5; i++) known = smoothDirtyRates(known, rates(0, 100));
    expect(known.memoryMbps).toBeLessThan(5);
    expect(known.diskMbps).toBeGreaterThan(95);
  });
});
