import { highsSolver } from '../../../../drivers/solver/highs-solver.js';
import { solveMultiResource } from '../../../../domain/placement/solvers/multi-resource.js';
import { compileProblem } from '../../../../domain/placement/request/problem.js';
import { PlanInput } from '../../../../domain/placement/request/model.js';

/** Three full sites, each with a desktop that wants to be at the next: only all three together can go, no two of them. */
function ring(policy: object) {
  const sites = ['a', 'b', 'c'].map((id) => ({
    id,
    kind: 'regional',
    slots: 1,
    hosts: [{ id: 'h', vcpu: 4, memoryGB: 8, diskGB: 100 }],
  }));
  const at = (id: string, site: string, rttMs: Record<string, number>) => ({
    id,
    rank: 1,
    site,
    host: 'h',
    vcpu: 1,
    memoryGB: 4,
    diskGB: 10,
    rttMs,
  });
  const desktops = [
    at('x', 'a', { a: 50, b: 10, c: 200 }),
    at('y', 'b', { a: 200, b: 50, c: 10 }),
    at('z', 'c', { a: 10, b: 200, c: 50 }),
  ];
  return compileProblem(
    PlanInput.parse({ sites, desktops, policy: { algorithm: 'multi-resource', ...policy } }),
    0,
  );
}

describe('solveMultiResource', () => {
  const solve = async (policy: object) => {
    const p = ring(policy);
    return [...(await solveMultiResource(p, { msPerGB: 0, msPerMove: 0 }, highsSolver)).assignment];
  };
  const gb = ring({}).costGB.reduce((sum, one) => sum + one, 0);

  it.each([
    ['just enough moves', { maxMoves: 3 }],
    ['just enough gigabytes', { budgetGB: gb }],
  ])('keeps what the LP found where the budget has %s', async (_, policy) => {
    expect(await solve(policy)).toEqual([1, 2, 0]);
  });

  it.each([
    ['moves', { maxMoves: 2 }],
    ['gigabytes', { budgetGB: gb * 0.99 }],
  ])('leaves everybody where no smaller plan gains and the budget lacks %s', async (_, policy) => {
    expect(await solve(policy)).toEqual([0, 1, 2]);
  });
});
