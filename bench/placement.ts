// `npm run bench -- placement`: the grids of MMSys'14 Figure 11 (2,000 desktops x 2..40 sites; 40 sites x 100..1,200 desktops) and
// two larger clouds, every algorithm, synthetic and (where the data is present) real RTTs; bench/results/placement.svg beside.
// Times are wall clock, the fastest of a few runs, one thread; cpuMs is the process's own time in that run: what the wall clock
// shows on an idle machine, whatever else runs here. Targets are judged by it; both are given.
import { mkdir, writeFile } from 'node:fs/promises';
import { highsSolver } from '../activities/placement/highs-solver.js';
import { assignmentProgram } from '../domain/placement/assignment-program.js';
import { solveWithinBudget, usageOf } from '../domain/placement/budget.js';
import { ExactPlanner, solveExact, weightsOf } from '../domain/placement/exact.js';
import { solveMultiResource } from '../domain/placement/multi-resource.js';
import { solveGreedy, type GreedyOrder } from '../domain/placement/paper-greedy.js';
import { objectiveOf, type Problem } from '../domain/placement/problem.js';
import { Room } from '../domain/placement/room.js';
import type { BenchResult, BenchTarget } from './bench-result.js';
import { benchProblem, hasRealRtts, randomFrom, type BenchShape } from './placement/instances.js';
import { chart, type Series } from './placement/svg.js';

const FREE = { msPerGb: 0, msPerMove: 0 };
const GREEDIES: readonly GreedyOrder[] = ['rank-ordered', 'cost-oblivious', 'cost-aware'];
/** A MIP that takes longer is reported as such: the point is made. */
const MIP_LIMIT_MS = 30_000;
/** Above this the MIP is not tried (see docs/placement.md). */
const MIP_PAIRS = 80_000;

interface Run {
  readonly ms: number;
  readonly cpuMs: number;
  readonly objective: number;
  /** Share of the optimum. */
  readonly share: number;
  readonly gb: number;
}

interface Cell {
  readonly rtts: BenchShape['rtts'];
  readonly desktops: number;
  readonly sites: number;
  readonly runs: Record<string, Run>;
  /** (dual bound - value) / value of the exact plan. */
  readonly exactGap: number;
  readonly mipStatus?: string;
  /** (MIP optimum - exact) / exact; 0 when they agree. */
  readonly mipAgainstExact?: number;
}

async function timed<R>(
  times: number,
  work: () => R | Promise<R>,
): Promise<{ result: R; ms: number; cpuMs: number }> {
  let best: { result: R; ms: number; cpuMs: number } | undefined;
  for (let k = 0; k < times; k++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const result = await work();
    const ms = performance.now() - start;
    const used = process.cpuUsage(cpu);
    if (best === undefined || ms < best.ms) best = { result, ms, cpuMs: (used.user + used.system) / 1000 };
  }
  return best!;
}

async function mip(p: Problem) {
  const a = assignmentProgram(p, weightsOf(p, FREE).weights, { integer: true });
  return timed(1, () => highsSolver(a.program, { timeLimitMs: MIP_LIMIT_MS }));
}

async function cell(shape: BenchShape): Promise<Cell> {
  const p = benchProblem(shape);
  const times = p.desktopCount * p.siteCount <= 100_000 ? 5 : 3;
  const exact = await timed(times, () => solveExact(p, FREE));
  const best = exact.result.objective;
  const run = (assignment: Int32Array, t: { ms: number; cpuMs: number }): Run => ({
    ms: t.ms,
    cpuMs: t.cpuMs,
    objective: objectiveOf(p, assignment),
    share: objectiveOf(p, assignment) / best,
    gb: usageOf(p, assignment).gb,
  });
  const runs: Record<string, Run> = { exact: run(exact.result.assignment, exact) };
  for (const order of GREEDIES) {
    const t = await timed(times, () => solveGreedy(p, Room.now(p), order));
    runs[order] = run(t.result.assignment, t);
  }
  const exactGap = (exact.result.valueBound - exact.result.value) / exact.result.value;
  const known = { rtts: shape.rtts, desktops: shape.desktops, sites: shape.sites, exactGap };
  if (p.desktopCount * p.siteCount > MIP_PAIRS) return { ...known, runs };
  const t = await mip(p);
  const solved = t.result.status === 'optimal';
  // What a MIP that was stopped has found is no result; its time is at least the limit.
  const value = solved ? t.result.bound : NaN;
  runs['ilp'] = { ms: t.ms, cpuMs: t.cpuMs, objective: value, share: value / best, gb: NaN };
  return {
    ...known,
    runs,
    mipStatus: t.result.status,
    ...(solved ? { mipAgainstExact: (t.result.bound - best) / best } : {}),
  };
}

async function multiResource(shape: BenchShape) {
  const p = benchProblem({ ...shape, resources: true });
  const t = await timed(2, () => solveMultiResource(p, FREE, highsSolver));
  const hosts = p.sites.reduce((sum, s) => sum + (s.hosts?.length ?? 0), 0);
  return {
    ...shape,
    hosts,
    ms: t.ms,
    cpuMs: t.cpuMs,
    share: t.result.objective / t.result.bound,
    boundFrom: t.result.boundFrom,
  };
}

/** The gain of the cost-aware greedy; what exact reaches with half of its bytes, what anybody could, and the bytes exact needs for that gain. */
function halfTheBytes(shape: BenchShape) {
  const p = benchProblem(shape);
  const greedy = solveGreedy(p, Room.now(p), 'cost-aware').assignment;
  const gain = objectiveOf(p, greedy);
  const { gb } = usageOf(p, greedy);
  const within = (share: number) => {
    const found = solveWithinBudget({ ...p, policy: { ...p.policy, budgetGb: share * gb } }, FREE, 16);
    return { share: found.objective / gain, bound: found.bound / gain, gb: usageOf(p, found.assignment).gb };
  };
  const half = within(0.5);
  let [low, high] = [0.3, 0.8];
  for (let k = 0; k < 6; k++) {
    const middle = (low + high) / 2;
    if (within(middle).share >= 1) high = middle;
    else low = middle;
  }
  return { ...shape, greedyGain: gain, greedyGb: gb, half, bytesForItsGain: high };
}

async function incremental(shape: BenchShape) {
  const p = benchProblem(shape);
  const full = await timed(3, () => new ExactPlanner(p, FREE));
  const random = randomFrom(9);
  const changes = 500;
  const t = await timed(1, () => {
    for (let k = 0; k < changes; k++) {
      const i = Math.floor(random() * p.desktopCount);
      full.result.change(
        i,
        random(),
        Float64Array.from({ length: p.siteCount }, () => 1 + random() * 299),
      );
    }
  });
  return { ...shape, fullMs: full.ms, changeMs: t.ms / changes };
}

const show = (x: number | undefined, digits = 1) =>
  x === undefined || Number.isNaN(x) ? '-' : x.toFixed(digits);
const percent = (x: number | undefined) =>
  x === undefined || Number.isNaN(x) ? '-' : `${(100 * x).toFixed(1)} %`;

function table(cells: readonly Cell[]): string {
  const head =
    '| RTTs | desktops x sites | rank-ordered | cost-oblivious | cost-aware | exact | HiGHS MIP |\n|---|---|---|---|---|---|---|';
  const rows = cells.map((c) => {
    const at = (name: string) => {
      const r = c.runs[name];
      return r === undefined ? 'not run' : `${show(r.cpuMs)} ms, ${percent(r.share)}`;
    };
    const mipText =
      c.mipStatus === 'limit'
        ? `> ${MIP_LIMIT_MS / 1000} s`
        : c.mipStatus === undefined
          ? 'not run'
          : `${show(c.runs['ilp']?.cpuMs, 0)} ms`;
    return `| ${c.rtts} | ${c.desktops} x ${c.sites} | ${GREEDIES.map(at).join(' | ')} | ${at('exact')} | ${mipText} |`;
  });
  return [head, ...rows].join('\n');
}

function plot(cells: readonly Cell[], rtts: Cell['rtts']): string {
  const names = [...GREEDIES, 'exact', 'ilp'];
  const lines = (chosen: readonly Cell[], x: (c: Cell) => number, y: (r: Run) => number): Series[] =>
    names.map((name) => ({
      name,
      points: chosen.flatMap((c) => {
        const r = c.runs[name];
        return r === undefined || !Number.isFinite(y(r)) ? [] : [[x(c), y(r)] as const];
      }),
    }));
  const bySites = cells.filter((c) => c.rtts === rtts && c.desktops === 2000 && c.sites <= 40);
  const byDesktops = cells.filter((c) => c.rtts === rtts && c.sites === 40 && c.desktops <= 1200);
  const panels = [
    {
      title: `2,000 desktops, ${rtts} RTTs: time`,
      x: 'sites',
      y: 'ms of CPU',
      log: true,
      series: lines(
        bySites,
        (c) => c.sites,
        (r) => r.cpuMs,
      ),
    },
    {
      title: `40 sites, ${rtts} RTTs: time`,
      x: 'desktops',
      y: 'ms of CPU',
      log: true,
      series: lines(
        byDesktops,
        (c) => c.desktops,
        (r) => r.cpuMs,
      ),
    },
    {
      title: '2,000 desktops: gain',
      x: 'sites',
      y: '% of optimum',
      log: false,
      series: lines(
        bySites,
        (c) => c.sites,
        (r) => 100 * r.share,
      ),
    },
    {
      title: '40 sites: gain',
      x: 'desktops',
      y: '% of optimum',
      log: false,
      series: lines(
        byDesktops,
        (c) => c.desktops,
        (r) => 100 * r.share,
      ),
    },
  ];
  return chart(panels);
}

/** Run all; about five minutes. */
export async function run(): Promise<BenchResult> {
  const kinds: BenchShape['rtts'][] = hasRealRtts ? ['real', 'synthetic'] : ['synthetic'];
  const shapes = kinds.flatMap((rtts) => [
    ...[2, 5, 10, 20, 30, 40].map((sites) => ({ desktops: 2000, sites, slack: 0.05, seed: 1, rtts })),
    ...[100, 200, 400, 800, 1200].map((desktops) => ({ desktops, sites: 40, slack: 0.05, seed: 1, rtts })),
    { desktops: 10_000, sites: 100, slack: 0.05, seed: 1, rtts },
    { desktops: 50_000, sites: 40, slack: 0.05, seed: 1, rtts },
  ]);
  // The first solves are slower until the code is compiled: a manager solves every cycle.
  for (let k = 0; k < 3; k++) solveExact(benchProblem({ ...shapes[5]!, seed: 99 + k }), FREE);
  const cells: Cell[] = [];
  for (const shape of shapes) cells.push(await cell(shape));
  const rtts = kinds[0]!;
  const at = (desktops: number, sites: number) =>
    cells.filter((c) => c.desktops === desktops && c.sites === sites);
  const multi = [];
  for (const slack of [0.1, 0.3])
    multi.push(await multiResource({ desktops: 2000, sites: 40, slack, seed: 3, rtts }));
  const half = [0.05, 0.3].flatMap((slack) =>
    [1, 2, 3, 4].map((seed) => halfTheBytes({ desktops: 2000, sites: 40, slack, seed, rtts })),
  );
  const inc = [
    await incremental({ desktops: 2000, sites: 40, slack: 0.05, seed: 4, rtts }),
    await incremental({ desktops: 10_000, sites: 100, slack: 0.05, seed: 4, rtts }),
  ];
  const slowest = (list: readonly Cell[]) => Math.max(...list.map((c) => c.runs['exact']!.cpuMs));
  const exactTimes = (list: readonly Cell[]) =>
    list
      .map(
        (c) =>
          `${c.rtts} ${show(c.runs['exact']!.cpuMs, 0)} ms CPU (${show(c.runs['exact']!.ms, 0)} ms wall)`,
      )
      .join(', ');
  const exactGap = Math.max(...cells.map((c) => c.exactGap));
  const mipGap = Math.max(0, ...cells.map((c) => Math.abs(c.mipAgainstExact ?? 0)));
  const agreed = cells.filter((c) => c.mipAgainstExact !== undefined).length;
  const mean = (list: readonly number[]) => list.reduce((x, y) => x + y, 0) / list.length;
  const halfText = [0.05, 0.3].map((slack) => {
    const of = half.filter((h) => h.slack === slack);
    return `slack ${slack}: ${percent(mean(of.map((h) => h.half.share)))} (no plan can reach more than ${percent(mean(of.map((h) => h.half.bound)))}); its gain takes ${percent(mean(of.map((h) => h.bytesForItsGain)))} of its bytes`;
  });
  const targets: BenchTarget[] = [
    {
      name: 'exact, 2,000 x 40',
      target: '< 100 ms',
      measured: exactTimes(at(2000, 40)),
      met: slowest(at(2000, 40)) < 100,
    },
    {
      name: 'exact, 10,000 x 100',
      target: '< 3 s',
      measured: exactTimes(at(10_000, 100)),
      met: slowest(at(10_000, 100)) < 3000,
    },
    {
      name: 'exact equals the optimum',
      target: 'difference 0 (1e-6 relative)',
      measured: `MIP ${mipGap.toExponential(1)} in ${agreed} cells; own dual bound ${exactGap.toExponential(1)} in ${cells.length}`,
      met: mipGap < 1e-6 && exactGap < 1e-6,
    },
    {
      name: "cost-aware greedy's gain with half its bytes",
      target: '>= 100 % of its gain',
      measured: `mean of 4 clouds each: ${halfText.join('; ')}`,
      met: half.every((h) => h.half.share >= 1),
    },
    {
      name: 'multi-resource, 2,000 x 40',
      target: '>= 99 % of the bound in < 2 s',
      measured: multi
        .map(
          (m) =>
            `slack ${m.slack}, ${m.hosts} hosts: ${(100 * m.share).toFixed(2)} % in ${show(m.cpuMs, 0)} ms CPU (${show(m.ms, 0)} ms wall)`,
        )
        .join('; '),
      met: multi.every((m) => m.share >= 0.99 && m.cpuMs < 2000),
    },
  ];
  await mkdir(new URL('results/', import.meta.url), { recursive: true });
  await writeFile(new URL('results/placement.svg', import.meta.url), plot(cells, rtts));
  const notes = [
    'Milliseconds of CPU time, and the gain as a share of the optimum:',
    '',
    table(cells),
    '',
    "The paper (Figure 11, section 8.1; read off its text): greedy 51 to 56 % of the ILP's gain in flat, marginal time; the ILP's time grows exponentially beyond 30 sites or 800 desktops.",
    `One desktop changed: ${inc.map((i) => `${i.desktops} x ${i.sites}: ${show(i.changeMs, 2)} ms against ${show(i.fullMs, 0)} ms for a full solve`).join('; ')}.`,
    'Plot: bench/results/placement.svg',
    '',
  ];
  return { targets, table: notes.join('\n'), raw: { cells, multi, half, incremental: inc } };
}
