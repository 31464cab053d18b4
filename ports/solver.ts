// The port of a solver of linear and mixed-integer programs. The algorithms of domain/placement take its function; what a program is
// and what an answer means is theirs to say (domain/placement/solvers/linear-program.ts), and what any solver promises is claimed in test/compliance/solver.ts.
import type { LinearSolver } from '../domain/placement/solvers/linear-program.js';

export interface Solver {
  /** As it is called in messages and logs, e.g. `HiGHS`. */
  readonly name: string;
  /** Solve one program within its limits; throws PREREQUISITE when the solver cannot be loaded, INTERNAL when it breaks. */
  readonly solve: LinearSolver;
}
