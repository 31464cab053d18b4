// What a benchmark gives back: targets for the record, a table for people.

export interface BenchTarget {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

export interface BenchResult {
  readonly targets: readonly BenchTarget[];
  /** Printed as it is, and kept in bench/results/NAME.md. */
  readonly table: string;
  /** Raw figures, kept in bench/results/NAME.json. */
  readonly raw: unknown;
  /** Further files for bench/results, by name: plots. */
  readonly files?: Readonly<Record<string, string>>;
  /** False: only shown, nothing is written. */
  readonly forTheRecord?: boolean;
}
