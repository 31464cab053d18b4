// `ilp`: the placement as the paper formulates it, a program in zeros and ones, solved by a MIP solver. For comparison and for
// small clouds: the same optimum as `exact`, hundreds of times slower at 2,000 x 40 (docs/placement.md).
import { assignmentProgram, forEachShare } from './assignment-program.js';
import { boundOnGain, usageOf } from './budget.js';
import { weightsOf, type MovePrices } from './exact.js';
import type { LinearSolver, SolveLimits } from './linear-program.js';
import { objectiveOf, type Problem } from '../request/problem.js';
import type { Room } from '../schedule/free-room.js';

export interface ProgramSolution {
  readonly assignment: Int32Array;
  readonly objective: number;
  /** Upper bound on the objective of any plan of at most the same (or the budget's) gigabytes and moves, ms. */
  readonly bound: number;
  readonly status: 'optimal' | 'limit' | 'failed';
}

/** Solve the MIP; `room` (the room now) adds the hosts' resources as rows. Falls back to no move where no solution was found in time. */
export async function solveIlp(
  p: Problem,
  room: Room,
  prices: MovePrices,
  solver: LinearSolver,
  limits: SolveLimits,
): Promise<ProgramSolution> {
  const { weights, tie } = weightsOf(p, prices);
  const a = assignmentProgram(p, weights, { integer: true, room });
  const answer = await solver(a.program, limits);
  const assignment = Int32Array.from(p.current);
  forEachShare(a, answer.values, 0.5, (i, j) => (assignment[i] = j));
  const objective = objectiveOf(p, assignment);
  const bound = boundOnGain(p, assignment, prices, answer.bound + tie * usageOf(p, assignment).moves);
  return {
    assignment,
    objective,
    bound: Number.isFinite(bound) ? Math.max(bound, objective) : Infinity,
    status: answer.status,
  };
}
