// The optimum of `exact`, kept from one plan to the next: only what differs from the last problem is applied, and a full solve is made
// where much differs. Each step proves its answer (a dual bound equal to its worth); one without proof is thrown away and solved
// in full. Solving is synchronous, so plans made at the same time in one process cannot meet inside it, at worst they take turns.
import type { MovePrices, SlotSolution } from './exact.js';
import { answer, apply, differenceOf, isProof, solveAndKeep, type Kept } from './exact-step.js';
import type { Problem } from '../request/problem.js';

/** Chains of moves that are still cheaper than a full solve, as a share of the desktops (measured: docs/placement.md). */
const MAX_PATHS_SHARE = 0.2;

/** How an answer was found; `discarded`: an incremental one lacked its proof, so it was solved in full. */
export type SolvedHow = 'full' | 'incremental' | 'discarded';

export interface SolveNote {
  readonly how: SolvedHow;
  /** Desktops that differed from the last problem; 0 where that was not looked at. */
  readonly changed: number;
}

export interface SessionOptions {
  readonly maxPathsShare?: number;
  /** What brings the flow from one problem to the next. */
  readonly apply?: typeof apply;
}

export class ExactSession {
  readonly #maxPathsShare: number;
  readonly #apply: typeof apply;
  #kept: Kept | undefined;
  #last: SolveNote = { how: 'full', changed: 0 };
  readonly #counts: Record<SolvedHow, number> = { full: 0, incremental: 0, discarded: 0 };

  constructor(options: SessionOptions = {}) {
    this.#maxPathsShare = options.maxPathsShare ?? MAX_PATHS_SHARE;
    this.#apply = options.apply ?? apply;
  }

  /** How the last answer was found. */
  get last(): SolveNote {
    return this.#last;
  }

  /** Answers so far, by how they were found. */
  get counts(): Readonly<Record<SolvedHow, number>> {
    return this.#counts;
  }

  /** Solve to the same value as `solveExact`; which of equal plans it gives may depend on what was solved before. */
  readonly solve = (p: Problem, prices: MovePrices): SlotSolution => {
    const kept = this.#kept;
    // Nothing half-done stays behind should anything throw.
    this.#kept = undefined;
    const step = kept === undefined ? undefined : this.#step(kept, p, prices);
    const found = step?.solution === undefined ? solveAndKeep(p, prices) : { kept, solution: step.solution };
    this.#kept = found.kept;
    this.#last = step?.note ?? { how: 'full', changed: 0 };
    this.#counts[this.#last.how]++;
    return found.solution;
  };

  #step(kept: Kept, p: Problem, prices: MovePrices): { note: SolveNote; solution?: SlotSolution } {
    const difference = differenceOf(kept, p, prices);
    if (difference === undefined) return { note: { how: 'full', changed: 0 } };
    const changed = difference.changed.length + difference.gone.length;
    if (difference.paths > this.#maxPathsShare * p.desktopCount) return { note: { how: 'full', changed } };
    if (!this.#apply(kept, p, difference)) return { note: { how: 'discarded', changed } };
    let { solution, gap } = answer(kept, p, difference.seatOf);
    if (kept.flow.sparse && !isProof(gap, p, difference)) {
      // The prices ask for arcs that were left out.
      kept.flow.complete();
      ({ solution, gap } = answer(kept, p, difference.seatOf));
    }
    return isProof(gap, p, difference)
      ? { note: { how: 'incremental', changed }, solution }
      : { note: { how: 'discarded', changed } };
  }
}
