import fc from 'fast-check';
import { percentile, summarize } from '../../../../lab/demo/percentiles.js';

const at = (values: number[]) => values.map((responseMs, i) => ({ atMs: i * 1000, responseMs }));

describe('percentile', () => {
  it.each([
    [[5], 0.5, 5],
    [[1, 2, 3], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 2.5],
    [[4, 1, 3, 2], 0, 1],
    [[4, 1, 3, 2], 1, 4],
    [[10, 20, 30, 40, 50], 0.95, 48],
  ])('of %p at %p is %p', (values, share, expected) => {
    expect(percentile(values, share)).toBeCloseTo(expected, 9);
  });

  it('is null of nothing, and leaves out what is no number', () => {
    expect(percentile([], 0.5)).toBeNull();
    expect(percentile([Number.NaN], 0.5)).toBeNull();
    expect(percentile([Number.NaN, 7], 0.5)).toBe(7);
  });

  it('lies between the extremes, grows with the share, and leaves its input as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        const before = [...values];
        const [low, high] = [percentile(values, 0.2)!, percentile(values, 0.9)!];
        expect(values).toEqual(before);
        expect(low).toBeGreaterThanOrEqual(Math.min(...values));
        expect(high).toBeLessThanOrEqual(Math.max(...values));
        expect(low).toBeLessThanOrEqual(high);
      }),
      { seed: 7 },
    );
  });
});

describe('summarize', () => {
  it('takes the samples of [from, to) only', () => {
    expect(summarize(at([10, 20, 30, 40, 50]), 1000, 4000)).toEqual({ median: 30, p95: 39, samples: 3 });
  });

  it('says null, not NaN, where there is no sample', () => {
    expect(summarize([], 0, 1)).toEqual({ median: null, p95: null, samples: 0 });
  });
});
