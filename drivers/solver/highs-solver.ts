// HiGHS (WebAssembly, one thread) behind the LinearSolver interface of domain/placement. Loaded when it is first needed.
// A solve blocks the thread: the time limit bounds it.
import highsModule, { type Highs } from 'highs';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { Solver } from '../../ports/solver.js';
import type {
  LinearAnswer,
  LinearProgram,
  LinearSolver,
  SolveLimits,
} from '../../domain/placement/solvers/linear-program.js';

// The package declares its types for CommonJS; what `import` gives in ESM is the loader itself.
const loadHighs = highsModule as unknown as () => Promise<Highs>;
let loaded: Promise<Highs> | undefined;

/** Optimality gaps: to be equal to the exact flow, far below HiGHS's default of 1e-4. */
const MIP_GAP = 1e-9;

/** HiGHS's own default for `mip_max_nodes`. */
const INFINITE_NODES = 2_147_483_647;

function run(instance: Highs, lp: LinearProgram, limits: SolveLimits): LinearAnswer {
  const numCols = lp.cost.length;
  const numRows = lp.rowLower.length;
  const model = instance.createModel({
    numCols,
    numRows,
    sense: instance.constants.objectiveSense.maximize,
    colCost: lp.cost,
    colLower: new Float64Array(numCols),
    colUpper: new Float64Array(numCols).fill(1),
    rowLower: lp.rowLower,
    rowUpper: lp.rowUpper,
    matrix: { format: 'csc', numRows, numCols, starts: lp.starts, indices: lp.rows, values: lp.values },
    ...(lp.integer ? { integrality: new Int32Array(numCols).fill(1) } : {}),
  });
  try {
    model.options.set({
      output_flag: false,
      time_limit: limits.timeLimitMs / 1000,
      ...(lp.integer
        ? { mip_rel_gap: MIP_GAP, mip_abs_gap: MIP_GAP, mip_max_nodes: limits.maxNodes ?? INFINITE_NODES }
        : {}),
    });
    model.run();
    const status = model.getModelStatus();
    const { optimal, timeLimit, solutionLimit } = instance.constants.modelStatus;
    const solution = model.getSolution();
    const usable = Number(model.info.get('primal_solution_status')) === 2;
    const objective = model.getObjectiveValue();
    return {
      status:
        status === optimal
          ? 'optimal'
          : status === timeLimit || status === solutionLimit
            ? 'limit'
            : 'failed',
      values: usable ? solution.colValue : new Float64Array(),
      bound: lp.integer
        ? Number(model.info.get('mip_dual_bound'))
        : status === optimal
          ? objective
          : Infinity,
      rowPrices: lp.integer || !usable ? new Float64Array() : solution.rowDual,
    };
  } finally {
    model.dispose();
  }
}

/** HiGHS behind the solver port. */
export const highs: Solver = { name: 'HiGHS', solve: (program, limits) => highsSolver(program, limits) };

/** Solve with HiGHS; throws PREREQUISITE when its WebAssembly cannot be loaded, INTERNAL when it breaks. */
export const highsSolver: LinearSolver = async (program, limits) => {
  if (program.cost.length === 0)
    return {
      status: 'optimal',
      values: new Float64Array(),
      bound: 0,
      rowPrices: new Float64Array(program.rowLower.length),
    };
  let instance: Highs;
  try {
    loaded ??= loadHighs();
    instance = await loaded;
  } catch (cause) {
    throw new VmshadowError(
      'PREREQUISITE',
      `the HiGHS solver did not load: ${messageOf(cause)}; use --algorithm exact`,
      { cause },
    );
  }
  try {
    return run(instance, program, limits);
  } catch (cause) {
    // A WebAssembly instance that has failed (out of memory) must not be used again.
    loaded = undefined;
    throw new VmshadowError(
      'INTERNAL',
      `HiGHS failed on ${program.cost.length} columns and ${program.rowLower.length} rows: ${messageOf(cause)}; use --algorithm exact`,
      { cause },
    );
  }
};
