// What ports/solver.ts promises, as claims about any solver. Programs are small: a solver must be right before it is fast.
import fc from 'fast-check';
import {
  ProgramBuilder,
  type LinearAnswer,
  type LinearProgram,
} from '../../domain/placement/solvers/linear-program.js';
import type { Solver } from '../../ports/solver.js';

const LIMITS = { timeLimitMs: 10_000 };
const TOLERANCE = 1e-6;
const RUNS = 40;

/** Columns of a cost each and entries in every row, and limits of the rows. */
interface Drawn {
  readonly columns: readonly { readonly cost: number; readonly entries: readonly number[] }[];
  readonly limits: readonly { readonly lower: number; readonly upper: number }[];
}

const whole = fc.integer({ min: -5, max: 9 });
const drawn: fc.Arbitrary<Drawn> = fc
  .record({ columns: fc.integer({ min: 1, max: 4 }), rows: fc.integer({ min: 1, max: 3 }) })
  .chain(({ columns, rows }) =>
    fc.record({
      columns: fc.array(
        fc.record({ cost: whole, entries: fc.array(whole, { minLength: rows, maxLength: rows }) }),
        { minLength: columns, maxLength: columns },
      ),
      limits: fc.array(
        fc
          .tuple(fc.integer({ min: -6, max: 12 }), fc.constantFrom(0, 2, 7, Infinity))
          .map(([upper, width]) => ({ lower: upper - width, upper })),
        { minLength: rows, maxLength: rows },
      ),
    }),
  );

function build({ columns, limits }: Drawn, integer: boolean): LinearProgram {
  const builder = new ProgramBuilder();
  const rows = limits.map(({ lower, upper }) => builder.row(lower, upper));
  for (const { cost, entries } of columns)
    builder.column(
      cost,
      rows.map((row, i) => [row, entries[i] ?? 0] as const),
    );
  return builder.build(integer);
}

const worth = ({ columns }: Drawn, x: Float64Array) =>
  columns.reduce((sum, { cost }, j) => sum + cost * x[j]!, 0);

function expectWithinLimits({ columns, limits }: Drawn, x: Float64Array): void {
  for (const value of x) {
    expect(value).toBeGreaterThanOrEqual(-TOLERANCE);
    expect(value).toBeLessThanOrEqual(1 + TOLERANCE);
  }
  for (const [i, { lower, upper }] of limits.entries()) {
    const sum = columns.reduce((s, { entries }, j) => s + entries[i]! * x[j]!, 0);
    expect(sum).toBeGreaterThanOrEqual(lower - TOLERANCE);
    expect(sum).toBeLessThanOrEqual(upper + TOLERANCE);
  }
}

/** What the limits allow at most, by their prices alone (weak duality): equal to what was found only where that is the optimum. */
function boundByPrices({ columns, limits }: Drawn, prices: Float64Array): number {
  const ofRows = limits.reduce((sum, { lower, upper }, i) => {
    const price = prices[i]!;
    return Math.abs(price) < TOLERANCE ? sum : sum + price * (price > 0 ? upper : lower);
  }, 0);
  const ofColumns = columns.map(
    ({ cost, entries }) => cost - entries.reduce((s, v, i) => s + v * prices[i]!, 0),
  );
  return ofRows + ofColumns.reduce((sum, left) => sum + Math.max(0, left), 0);
}

/** The best of all choices of 0 and 1; null where none is within the limits. */
function bestChoice(problem: Drawn): number | null {
  const n = problem.columns.length;
  const choices = Array.from({ length: 2 ** n }, (_, c) =>
    Float64Array.from({ length: n }, (__, j) => (c >> j) & 1),
  );
  const allowed = choices.filter((x) =>
    problem.limits.every(({ lower, upper }, i) => {
      const sum = problem.columns.reduce((s, { entries }, j) => s + entries[i]! * x[j]!, 0);
      return sum >= lower && sum <= upper;
    }),
  );
  return allowed.length === 0 ? null : Math.max(...allowed.map((x) => worth(problem, x)));
}

/** Claim of a solver what the port promises. */
export function describeSolver(solver: Solver): void {
  const forEachProgram = (integer: boolean, check: (problem: Drawn, answer: LinearAnswer) => void) =>
    fc.assert(
      fc.asyncProperty(drawn, async (problem) =>
        check(problem, await solver.solve(build(problem, integer), LIMITS)),
      ),
      { numRuns: RUNS, seed: 7 },
    );

  describe(`the solver ${solver.name}`, () => {
    it('has nothing to choose in a program without columns', async () => {
      const builder = new ProgramBuilder();
      builder.row(0, 3);
      expect(await solver.solve(builder.build(false), LIMITS)).toEqual({
        status: 'optimal',
        values: new Float64Array(),
        bound: 0,
        rowPrices: new Float64Array(1),
      });
    });

    it('shares a scarce row, and prices it at what the last column would pay', async () => {
      const problem = {
        columns: [
          { cost: 6, entries: [2] },
          { cost: 2, entries: [1] },
          { cost: 1, entries: [1] },
        ],
        limits: [{ lower: -Infinity, upper: 2.5 }],
      };
      const answer = await solver.solve(build(problem, false), LIMITS);
      expect(answer.status).toBe('optimal');
      for (const [j, value] of [1, 0.5, 0].entries()) expect(answer.values[j]).toBeCloseTo(value, 6);
      expect(answer.bound).toBeCloseTo(7, 6);
      expect(answer.rowPrices[0]).toBeCloseTo(2, 6);
    });

    it('gives the optimum of a program, which its prices prove', async () => {
      await forEachProgram(false, (problem, { status, values, bound, rowPrices }) => {
        // Without a choice within the limits there may be none between them either.
        if (status === 'failed') {
          expect(bestChoice(problem)).toBeNull();
          return;
        }
        expect(status).toBe('optimal');
        expectWithinLimits(problem, values);
        expect(bound).toBeCloseTo(worth(problem, values), 5);
        expect(boundByPrices(problem, rowPrices)).toBeCloseTo(bound, 5);
      });
    });

    it('gives the best choice of a program of wholes, and fails where there is none', async () => {
      await forEachProgram(true, (problem, { status, values, bound, rowPrices }) => {
        const best = bestChoice(problem);
        if (best === null) {
          expect(status).toBe('failed');
          return;
        }
        expect(status).toBe('optimal');
        expectWithinLimits(problem, values);
        for (const value of values) expect(Math.abs(value - Math.round(value))).toBeLessThan(TOLERANCE);
        expect(worth(problem, values)).toBeCloseTo(best, 5);
        expect(bound).toBeCloseTo(best, 5);
        expect(rowPrices).toHaveLength(0);
      });
    });

    it('says nothing wrong where it is stopped by a limit', async () => {
      await fc.assert(
        fc.asyncProperty(drawn, async (problem) => {
          const stopped = await solver.solve(build(problem, true), { ...LIMITS, maxNodes: 1 });
          const best = bestChoice(problem);
          if (best === null) {
            expect(stopped.status).not.toBe('optimal');
            return;
          }
          expect(['optimal', 'limit']).toContain(stopped.status);
          expect(stopped.bound).toBeGreaterThanOrEqual(best - TOLERANCE);
          if (stopped.values.length > 0) expectWithinLimits(problem, stopped.values);
        }),
        { numRuns: RUNS, seed: 8 },
      );
    });
  });
}
