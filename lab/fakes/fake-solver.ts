// The solver port by brute force, for programs of a few columns: whole ones by trying every choice, others by trying every corner. A corner is
// where as many limits hold with equality as there are columns; it is the best one when the prices of those limits are none negative.
import { VmshadowError } from '../../domain/errors.js';
import type { LinearAnswer, LinearProgram } from '../../domain/placement/solvers/linear-program.js';
import type { Solver } from '../../ports/solver.js';

const MAX_COLUMNS = 10;
const TOLERANCE = 1e-9;

/** `a.x <= b`; `row` and `sign` say which row's limit it is, and of which side; null: a column's. */
interface Limit {
  readonly a: readonly number[];
  readonly b: number;
  readonly row: number | null;
  readonly sign: 1 | -1;
}

export const bruteForce: Solver = { name: 'brute force', solve: async (program) => answer(program) };

function answer(program: LinearProgram): LinearAnswer {
  const columns = program.cost.length;
  if (columns > MAX_COLUMNS)
    throw new VmshadowError('INTERNAL', `brute force: ${columns} columns, at most ${MAX_COLUMNS}`);
  const limits = limitsOf(program);
  return program.integer ? bestChoice(program, limits) : bestCorner(program, limits);
}

function bestChoice(program: LinearProgram, limits: readonly Limit[]): LinearAnswer {
  const n = program.cost.length;
  let best: number[] | null = null;
  for (let choice = 0; choice < 2 ** n; choice++) {
    const x = Array.from({ length: n }, (_, j) => (choice >> j) & 1);
    if (holds(limits, x) && (best === null || worth(program, x) > worth(program, best))) best = x;
  }
  return best === null ? failed() : optimal(program, best, []);
}

function bestCorner(program: LinearProgram, limits: readonly Limit[]): LinearAnswer {
  const n = program.cost.length;
  for (const corner of subsets(limits, n)) {
    const x = solve(corner.map(({ a, b }) => [...a, b]));
    if (x === null || !holds(limits, x)) continue;
    // The worth of a unit of each limit that holds: the cost is their sum.
    const prices = solve(Array.from(program.cost, (c, j) => [...corner.map(({ a }) => a[j] ?? 0), c]));
    if (prices === null || prices.some((p) => p < -TOLERANCE)) continue;
    const rowPrices = Array.from(program.rowLower, (_, row) =>
      corner.reduce((sum, limit, k) => sum + (limit.row === row ? limit.sign * (prices[k] ?? 0) : 0), 0),
    );
    return optimal(program, x, rowPrices);
  }
  return failed();
}

function limitsOf({ cost, rowLower, rowUpper, starts, rows, values }: LinearProgram): Limit[] {
  const n = cost.length;
  const matrix = Array.from(rowLower, () => new Array<number>(n).fill(0));
  for (let j = 0; j < n; j++)
    for (let k = starts[j] ?? 0; k < (starts[j + 1] ?? 0); k++) matrix[rows[k]!]![j]! += values[k]!;
  const negative = (a: readonly number[]) => a.map((v) => -v);
  const unit = (j: number) => Array.from({ length: n }, (_, i) => (i === j ? 1 : 0));
  return [
    ...matrix.flatMap((a, row): Limit[] => [
      { a, b: rowUpper[row]!, row, sign: 1 },
      { a: negative(a), b: -rowLower[row]!, row, sign: -1 },
    ]),
    ...Array.from(cost, (_, j): Limit[] => [
      { a: unit(j), b: 1, row: null, sign: 1 },
      { a: negative(unit(j)), b: 0, row: null, sign: -1 },
    ]).flat(),
  ].filter(({ b }) => Number.isFinite(b));
}

const dot = (a: readonly number[], x: readonly number[]) => a.reduce((sum, v, j) => sum + v * (x[j] ?? 0), 0);
const holds = (limits: readonly Limit[], x: readonly number[]) =>
  limits.every(({ a, b }) => dot(a, x) <= b + TOLERANCE);
const worth = ({ cost }: LinearProgram, x: readonly number[]) => dot([...cost], x);

function optimal(program: LinearProgram, x: readonly number[], rowPrices: readonly number[]): LinearAnswer {
  return {
    status: 'optimal',
    values: Float64Array.from(x),
    bound: worth(program, x),
    rowPrices: Float64Array.from(rowPrices),
  };
}

function failed(): LinearAnswer {
  return { status: 'failed', values: new Float64Array(), bound: Infinity, rowPrices: new Float64Array() };
}

function* subsets<T>(items: readonly T[], size: number, from = 0): Generator<T[]> {
  if (size === 0) yield [];
  else
    for (let i = from; i <= items.length - size; i++)
      for (const rest of subsets(items, size - 1, i + 1)) yield [items[i]!, ...rest];
}

/** Solve linear equations, each with its right side last; null where they have no one answer. */
function solve(equations: number[][]): number[] | null {
  const n = equations.length;
  for (let column = 0; column < n; column++) {
    const pivot = equations.findIndex((e, i) => i >= column && Math.abs(e[column]!) > TOLERANCE);
    if (pivot < 0) return null;
    const row = equations.splice(pivot, 1)[0]!;
    equations.splice(column, 0, row);
    for (const [i, other] of equations.entries()) {
      const factor = i === column ? 0 : other[column]! / row[column]!;
      if (factor !== 0) for (let k = column; k <= n; k++) other[k]! -= factor * row[k]!;
    }
  }
  return equations.map((e, i) => e[n]! / e[i]!);
}
