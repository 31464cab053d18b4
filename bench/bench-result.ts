// What a benchmark gives back: targets for the record, a table for people.

export interface BenchTarget {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface BenchResult {
  readonly targets: readonly BenchTarget[];
  /** Printed as it is. */
  readonly table: string;
  /** Raw figures, kept in bench/results/NAME.json. */
  readonly raw: unknown;
}
