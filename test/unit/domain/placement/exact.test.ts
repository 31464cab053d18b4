import { jest } from '@jest/globals';
import { highsSolver } from '../../../../drivers/solver/highs-solver.js';
import { assignmentProgram } from '../../../../domain/placement/solvers/assignment-program.js';
import { ExactPlanner, solveExact, weightsOf } from '../../../../domain/placement/solvers/exact.js';
import { compileProblem } from '../../../../domain/placement/request/problem.js';
import { PlanInput } from '../../../../domain/placement/request/model.js';
import { randomFrom, randomInput, type Shape } from './instances.js';

// Hundreds of clouds a test: seconds on an idle machine, more on a busy one.
jest.setTimeout(180_000);

const SHAPES: readonly (Shape & {
  readonly name: string;
  readonly prices: [msPerGB: number, msPerMove: number];
})[] = [
  { name: 'few sites', desktops: 25, sites: 3, slack: 0.1, prices: [0, 0] },
  { name: 'many sites', desktops: 20, sites: 15, slack: 0.2, prices: [0, 0] },
  { name: 'no slack', desktops: 24, sites: 5, slack: 0, prices: [0, 0] },
  { name: 'ties', desktops: 24, sites: 5, slack: 0.05, ties: true, prices: [0, 0] },
  { name: 'much room', desktops: 20, sites: 6, slack: 2, prices: [0, 0] },
  {
    name: 'RTTs missing, desktops locked',
    desktops: 24,
    sites: 6,
    slack: 0.1,
    missing: 0.4,
    locked: 0.3,
    prices: [0, 0],
  },
  { name: 'bytes with a price', desktops: 22, sites: 5, slack: 0.1, prices: [2, 0] },
  {
    name: 'bytes and moves with a price, ties',
    desktops: 22,
    sites: 5,
    slack: 0,
    ties: true,
    prices: [0.5, 15],
  },
  {
    name: 'round trips felt otherwise than they are',
    desktops: 24,
    sites: 6,
    slack: 0.05,
    felt: true,
    prices: [1, 5],
  },
  { name: 'more sites than desktops', desktops: 4, sites: 12, slack: 0.5, prices: [0, 0] },
];
const SEEDS = 60;

describe('exact', () => {
  it.each(SHAPES)(
    `equals the MIP optimum of HiGHS on ${SEEDS} random clouds: $name`,
    async ({ prices, name, ...shape }) => {
      const [msPerGB, msPerMove] = prices;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const p = compileProblem(randomInput(seed * 31 + name.length, shape), 0);
        const found = solveExact(p, { msPerGB, msPerMove });
        const a = assignmentProgram(p, weightsOf(p, { msPerGB, msPerMove }).weights, { integer: true });
        const mip = await highsSolver(a.program, { timeLimitMs: 20_000 });
        expect(mip.status).toBe('optimal');
        let best = 0;
        a.program.cost.forEach((c, k) => (best += c * Math.round(mip.values[k]!)));
        expect(Math.abs(found.value - best)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(best)));
        // The proof that comes with it: the prices bound every plan by its own value.
        expect(found.valueBound - found.value).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(best)));
        expect(found.valueBound).toBeGreaterThanOrEqual(best - 1e-6 * (1 + Math.abs(best)));
      }
    },
  );

  it.each([
    { name: 'full', slack: 0 },
    { name: 'nearly full', slack: 0.05 },
    { name: 'ties', slack: 0.05, ties: true },
    { name: 'RTTs missing, desktops locked', slack: 0.05, missing: 0.5, locked: 0.2 },
    { name: 'much room', slack: 1 },
  ])(
    'proves over all pairs what it found over the best ones, where there are many sites: $name',
    ({ name, ...shape }) => {
      for (let seed = 1; seed <= 12; seed++) {
        const p = compileProblem(
          randomInput(seed * 17 + name.length, { desktops: 200 + 7 * seed, sites: 30 + 3 * seed, ...shape }),
          0,
        );
        const { value, valueBound, assignment } = solveExact(p, { msPerGB: 0.1, msPerMove: 1 });
        expect(valueBound - value).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(value)));
        const used = p.sites.map((_, j) => assignment.filter((s) => s === j).length);
        used.forEach((n, j) => expect(n).toBeLessThanOrEqual(p.sites[j]!.slots));
      }
    },
  );

  // From 40 desktops a site on, the prices to start from come of a sample.
  it.each([
    { name: 'few sites', desktops: 600, sites: 8, slack: 0.05 },
    { name: 'few sites, full, ties', desktops: 600, sites: 8, slack: 0, ties: true },
    { name: 'few sites, RTTs missing', desktops: 600, sites: 8, slack: 0.05, missing: 0.6, locked: 0.2 },
    { name: 'many sites', desktops: 2000, sites: 45, slack: 0.02 },
    { name: 'many sites, RTTs missing', desktops: 2000, sites: 45, slack: 0.02, missing: 0.7 },
  ])('proves what it found from the prices of a sample: $name', ({ name, ...shape }) => {
    for (let seed = 1; seed <= 4; seed++) {
      const p = compileProblem(randomInput(seed * 13 + name.length, shape), 0);
      const { value, valueBound, assignment } = solveExact(p, { msPerGB: 0.1, msPerMove: 1 });
      expect(Math.abs(valueBound - value)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(value)));
      const used = p.sites.map((_, j) => assignment.filter((s) => s === j).length);
      used.forEach((n, j) => expect(n).toBeLessThanOrEqual(p.sites[j]!.slots));
    }
  });

  it('equals the MIP optimum of HiGHS where there are many sites', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const p = compileProblem(randomInput(seed, { desktops: 120, sites: 40, slack: 0.02 }), 0);
      const free = { msPerGB: 0, msPerMove: 0 };
      const a = assignmentProgram(p, weightsOf(p, free).weights, { integer: true });
      const mip = await highsSolver(a.program, { timeLimitMs: 60_000 });
      expect(mip.status).toBe('optimal');
      let best = 0;
      a.program.cost.forEach((c, k) => (best += c * Math.round(mip.values[k]!)));
      expect(Math.abs(solveExact(p, free).value - best)).toBeLessThanOrEqual(1e-6 * (1 + Math.abs(best)));
    }
  });

  it('keeps every site within its slots', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const p = compileProblem(
        randomInput(seed, { desktops: 40, sites: 6, slack: (seed % 3) * 0.1, locked: 0.1 }),
        0,
      );
      const { assignment } = solveExact(p, { msPerGB: 0, msPerMove: 0 });
      const used = p.sites.map((_, j) => assignment.filter((s) => s === j).length);
      used.forEach((n, j) => expect(n).toBeLessThanOrEqual(p.sites[j]!.slots));
    }
  });

  it("does not send a desktop farther away whose rank fell less than T' ago, whatever others would gain", () => {
    const desktop = (id: string, rank: number, site: string, near: number, far: number, more = {}) => ({
      id,
      rank,
      site,
      memoryGB: 1,
      diskGB: 1,
      rttMs: { near, far },
      ...more,
    });
    const moved = (lowSinceMs: number) => {
      const input = PlanInput.parse({
        sites: [
          { id: 'near', kind: 'regional', slots: 1 },
          { id: 'far', kind: 'global', slots: 5 },
        ],
        desktops: [
          desktop('video', 0.9, 'far', 10, 100),
          desktop('was-video', 0.1, 'near', 10, 100, { lowSinceMs }),
        ],
      });
      return solveExact(compileProblem(input, 1_000_000), { msPerGB: 0, msPerMove: 0 }).objective > 0;
    };
    expect(moved(1_000_000 - 599_999)).toBe(false);
    expect(moved(1_000_000 - 600_000)).toBe(true);
  });

  it('moves nobody for nothing: of equal plans it takes the one with fewer moves', () => {
    const input = randomInput(3, { desktops: 30, sites: 4, slack: 0.3 });
    const p = compileProblem({ ...input, desktops: input.desktops.map((d) => ({ ...d, rank: 0 })) }, 0);
    expect(solveExact(p, { msPerGB: 0, msPerMove: 0 }).assignment).toEqual(p.current);
  });
});

describe('ExactPlanner', () => {
  it('is at the full optimum again after each of 200 changes of single desktops', () => {
    const random = randomFrom(5);
    for (const slack of [0, 0.1, 1]) {
      const prices = { msPerGB: 0.5, msPerMove: 1 };
      const p = compileProblem(
        randomInput(11, { desktops: 60, sites: 7, slack, locked: 0.1, missing: 0.2, felt: slack === 0.1 }),
        0,
      );
      const planner = new ExactPlanner(p, prices);
      for (let k = 0; k < 200; k++) {
        const i = Math.floor(random() * p.desktopCount);
        const row = Float64Array.from({ length: p.siteCount }, (_, j) =>
          j === p.current[i] || random() < 0.8 ? 1 + random() * 299 : Infinity,
        );
        planner.change(i, random(), row);
        const kept = planner.solution();
        const fresh = solveExact(p, prices);
        expect(Math.abs(kept.value - fresh.value)).toBeLessThanOrEqual(1e-5);
        expect(kept.valueBound - kept.value).toBeLessThanOrEqual(1e-5);
      }
    }
  });
});
