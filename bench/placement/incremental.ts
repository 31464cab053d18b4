// What it costs to keep the optimum while desktops change one by one, beside a full solve.
import { ExactPlanner } from '../../domain/placement/solvers/exact.js';
import { FREE, timed } from './effect.js';
import { benchProblem, type BenchShape } from './instances.js';
import { randomFrom } from '../../lab/random.js';

const CHANGES = 500;

export interface IncrementalRun extends BenchShape {
  /** Wall clock. */
  readonly fullMs: number;
  readonly fullCpuMs: number;
  /** Wall clock, mean of a change. */
  readonly changeMs: number;
  readonly changeCpuMs: number;
}

/** Solve once, then give 500 desktops another rank and other RTTs. */
export async function changeOneByOne(shape: BenchShape): Promise<IncrementalRun> {
  const p = benchProblem(shape);
  const full = await timed(3, () => new ExactPlanner(p, FREE));
  const random = randomFrom(9);
  const t = await timed(1, () => {
    for (let k = 0; k < CHANGES; k++) {
      const i = Math.floor(random() * p.desktopCount);
      const rttMs = Float64Array.from({ length: p.siteCount }, () => 1 + random() * 299);
      full.result.change(i, random(), rttMs);
    }
  });
  return {
    ...shape,
    fullMs: full.ms,
    fullCpuMs: full.cpuMs,
    changeMs: t.ms / CHANGES,
    changeCpuMs: t.cpuMs / CHANGES,
  };
}
