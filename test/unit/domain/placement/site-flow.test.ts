import { SiteFlow } from '../../../../domain/placement/solvers/site-flow.js';
import { randomFrom } from './instances.js';

/** Worth of an assignment. */
function worthOf(weights: Float64Array, site: Int32Array, l: number): number {
  return site.reduce((sum, at, i) => sum + weights[i * l + at]!, 0);
}

describe('the flow between sites', () => {
  it('keeps its heaps small, and stays at the optimum, whatever number of changes it has seen', () => {
    // Enough sites for arcs to be left out; one slot in twenty is free.
    const [n, l] = [200, 40];
    const random = randomFrom(5);
    const row = () => Float64Array.from({ length: l }, () => 100 * random());
    const weights = new Float64Array(n * l);
    for (let i = 0; i < n; i++) weights.set(row(), i * l);
    const capacity = new Int32Array(l).fill(5);
    for (let j = 0; j < 10; j++) capacity[j]!++;
    const home = Int32Array.from({ length: n }, (_, i) => i % l);
    const problem = { siteCount: l, desktopCount: n, weights, capacity, home };
    const flow = new SiteFlow(problem);
    flow.insertAll(Int32Array.from(home.keys()));
    const atFirst = flow.keys;
    for (let k = 1; k <= 1_000; k++) {
      const i = Math.floor(random() * n);
      if (!flow.change(i, row(), home[i]!)) throw new Error(`no room for ${i}`);
      if (k % 250 !== 0) continue;
      flow.complete();
      expect(flow.keys).toBeLessThan(5 * atFirst);
      const fresh = new SiteFlow({ ...problem, weights: weights.slice() });
      fresh.insertAll(Int32Array.from(home.keys()));
      expect(worthOf(weights, flow.assignment, l)).toBeCloseTo(worthOf(weights, fresh.assignment, l), 6);
    }
  });

  it('hands the holes that desktops leave to those who come, and what is left to who gains most', () => {
    // Two sites of one slot that all want, and a poor one with room for all.
    const weights = Float64Array.from([9, 5, 0, 8, 7, 0, 6, 1, 0, 3, 6, 0]);
    const capacity = Int32Array.from([1, 1, 9]);
    const flow = new SiteFlow({ siteCount: 3, desktopCount: 4, weights, capacity });
    flow.insertAll(Int32Array.from([0, 1, 2]));
    expect([...flow.assignment]).toEqual([0, 1, 2, -1]);
    flow.vacate(1);
    expect(flow.insert(3)).toBe(true);
    flow.settle();
    expect([...flow.assignment]).toEqual([0, -1, 2, 1]);
    flow.vacate(0);
    flow.settle();
    expect([...flow.assignment]).toEqual([-1, -1, 0, 1]);
    flow.addSlots(1, 1);
    flow.settle();
    expect([...flow.assignment]).toEqual([-1, -1, 0, 1]);
    expect([...flow.prices()]).toEqual([expect.any(Number), 0, 0]);
  });
});
