// Linear programs as data, and the interface of whatever solves them (drivers/solver/highs-solver.ts is one).
// The solver is given to the algorithms: this folder imports none.

/** Maximise cost.x subject to rowLower <= A x <= rowUpper, 0 <= x <= 1; A by columns (compressed sparse columns). */
export interface LinearProgram {
  readonly cost: Float64Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  readonly values: Float64Array;
  /** True: every x is 0 or 1. */
  readonly integer: boolean;
}

export interface LinearAnswer {
  /** `limit`: stopped by a limit, `values` may be empty; `failed`: infeasible, unbounded or broken. */
  readonly status: 'optimal' | 'limit' | 'failed';
  readonly values: Float64Array;
  /** No solution is worth more. */
  readonly bound: number;
  /** Worth of one unit more on each row's limit that holds: positive for the upper one, negative for the lower one; empty for a MIP. */
  readonly rowPrices: Float64Array;
}

export interface SolveLimits {
  readonly timeLimitMs: number;
  /** Branch-and-bound nodes of a MIP: a limit that, unlike time, gives the same answer on every machine. */
  readonly maxNodes?: number;
}

export type LinearSolver = (program: LinearProgram, limits: SolveLimits) => Promise<LinearAnswer>;

/** Gathers columns into a program. */
export class ProgramBuilder {
  readonly #cost: number[] = [];
  readonly #starts: number[] = [0];
  readonly #rows: number[] = [];
  readonly #values: number[] = [];
  readonly #lower: number[] = [];
  readonly #upper: number[] = [];

  /** Add a row; gives its number. */
  row(lower: number, upper: number): number {
    this.#lower.push(lower);
    return this.#upper.push(upper) - 1;
  }

  /** Add a column from 0 to 1 with its entries (zeros and rows of -1 are left out). */
  column(cost: number, entries: readonly (readonly [row: number, value: number])[]): void {
    this.#cost.push(cost);
    for (const [row, value] of entries) {
      if (row < 0 || value === 0) continue;
      this.#rows.push(row);
      this.#values.push(value);
    }
    this.#starts.push(this.#rows.length);
  }

  build(integer: boolean): LinearProgram {
    return {
      cost: Float64Array.from(this.#cost),
      rowLower: Float64Array.from(this.#lower),
      rowUpper: Float64Array.from(this.#upper),
      starts: Int32Array.from(this.#starts),
      rows: Int32Array.from(this.#rows),
      values: Float64Array.from(this.#values),
      integer,
    };
  }
}
