// A chapter of docs/evaluation.md, and the words that all have.
/** A file of bench/results, as far as a chapter needs it; null where the bench has not been run. */
export interface Recorded {
  readonly at: string;
  readonly machine: { readonly cores: number; readonly node: string };
  readonly raw: unknown;
}
export type Results = (name: string) => Recorded | null;

export interface Chapter {
  readonly title: string;
  readonly paper: string;
  /** The command that measures it; null where none does yet. */
  readonly command: string | null;
  /** The bench whose results it takes, to say when and where they come from. */
  readonly bench: string;
  readonly body: (results: Results) => string;
  /** One honest sentence on what differs. */
  readonly differs: string;
}

export const NOT_MEASURED = 'not measured';

export const ms = (value: number | null | undefined, digits = 1) =>
  value === null || value === undefined ? NOT_MEASURED : `${value.toFixed(digits)} ms`;
