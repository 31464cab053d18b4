// The axes of the benchmarks' charts.
import { drawnAxis } from '../../../../bench/placement/svg.js';

describe('drawnAxis', () => {
  it.each([
    ['round steps around the values', 0, 100, false, [0, 20, 40, 60, 80, 100]],
    ['a whole step above the largest value', 0, 2_000, false, [0, 500, 1_000, 1_500, 2_000]],
    ['powers of ten around the values', 0.7, 1_200, true, [0.1, 1, 10, 100, 1_000, 10_000]],
    ['two marks where all values are one', 10, 10, true, [10, 100]],
  ])('gives %s', (_, low, high, log, expected) => {
    const { marks, at } = drawnAxis(low, high, log, 0, 300);
    expect(marks).toHaveLength(expected.length);
    marks.forEach((m, k) => expect(m).toBeCloseTo(expected[k]!, 9));
    expect([at(marks[0]!), at(marks.at(-1)!)]).toEqual([0, 300]);
  });
});
