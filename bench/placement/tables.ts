// The grid's tables for people, with the paper's figures beside: time, gain, latency decrease. Pure text.
import { GREEDIES, MIP_LIMIT_MS, type Cell, type GridPopulation } from './grid.js';
import type { Run } from './effect.js';
import { markdownTable, mean, ms, percent, sizeOf } from './figures-in-words.js';

/** Figure 11 as the paper's text gives it; its curves are not in the text. */
export const PAPER = {
  lowPercent: 51,
  highPercent: 56,
  greedyTime: 'flat, marginal',
  ilpTime: 'exponential beyond 30 sites or 800 desktops',
} as const;

const paperShare = `${PAPER.lowPercent} to ${PAPER.highPercent} %`;
const both = (c: Cell, one: (greedy: Cell['greedy'][GridPopulation]) => string) =>
  `${one(c.greedy.mixed)} / ${one(c.greedy['all-candidates'])}`;
const clocks = (r: { ms: number; cpuMs: number }) => `${ms(r.cpuMs)} (${ms(r.ms)})`;

const mipTime = (c: Cell, text: (r: { ms: number; cpuMs: number }) => string) =>
  c.ilp === undefined ? 'not run' : c.ilp.run === undefined ? `> ${MIP_LIMIT_MS / 1000} s` : text(c.ilp);

/** Time and gain in one table, with the paper's measure in the last column: the table that docs/placement.md quotes. */
export function summaryTable(cells: readonly Cell[]): string {
  const timeAndGain = (r: Run) => `${ms(r.cpuMs)} ms, ${percent(r.share)}`;
  const rows = cells.map((c) => [
    c.rtts,
    sizeOf(c),
    ...GREEDIES.map((order) => timeAndGain(c.greedy.mixed[order])),
    `${ms(c.exact.cpuMs)} ms`,
    timeAndGain(c.multiResource),
    mipTime(c, (r) => `${ms(r.cpuMs)} ms`),
    percent(c.greedy['all-candidates']['cost-aware'].latencyShare),
  ]);
  return markdownTable(
    ['RTTs', 'desktops x sites', ...GREEDIES, 'exact', 'multi-resource', 'ilp', 'RTT decrease'],
    [...rows, ['', 'the paper', '', '', PAPER.greedyTime, '', '', PAPER.ilpTime, paperShare]],
  );
}

/** Milliseconds of CPU time, wall clock in parentheses. */
export function timeTable(cells: readonly Cell[]): string {
  const rows = cells.map((c) => [
    c.rtts,
    sizeOf(c),
    ...GREEDIES.map((order) => both(c, (g) => ms(g[order].cpuMs))),
    clocks(c.exact),
    clocks(c.multiResource),
    mipTime(c, clocks),
  ]);
  return markdownTable(
    ['RTTs', 'desktops x sites', ...GREEDIES, 'exact', 'multi-resource', 'ilp (HiGHS MIP)'],
    [...rows, ['', 'the paper', '', '', PAPER.greedyTime, '', '', PAPER.ilpTime]],
  );
}

/** Gain (rank x RTT decrease) as a share of the optimum's. */
export function gainTable(cells: readonly Cell[]): string {
  const rows = cells.map((c) => [
    c.rtts,
    sizeOf(c),
    ...GREEDIES.map((order) => both(c, (g) => percent(g[order].share))),
    percent(c.exact.share),
    percent(c.multiResource.share),
    percent(c.ilp?.run?.share),
  ]);
  return markdownTable(['RTTs', 'desktops x sites', ...GREEDIES, 'exact', 'multi-resource', 'ilp'], rows);
}

/** Decrease of the mean RTT over all desktops, and for the heuristics what that is of the largest possible. */
export function latencyTable(cells: readonly Cell[], population: GridPopulation): string {
  const decrease = (r: Run | undefined) => percent(r?.latencyDecrease);
  const rows = cells.map((c) => [
    c.rtts,
    sizeOf(c),
    percent(c.largestDecrease),
    decrease(c.exact),
    decrease(c.multiResource),
    ...GREEDIES.map((order) => {
      const run = c.greedy[population][order];
      return `${decrease(run)} = ${percent(run.latencyShare)}`;
    }),
  ]);
  return markdownTable(
    ['RTTs', 'desktops x sites', 'largest possible', 'exact', 'multi-resource', ...GREEDIES],
    [...rows, ['', 'the paper', '100 % (its ILP)', '', '', '', '', paperShare]],
  );
}

/** The range of cost-aware's share of the largest decrease over the cells of Figure 11, for each kind of RTTs. */
export function latencyRange(cells: readonly Cell[], population: GridPopulation): string {
  const ranges = [...new Set(cells.map((c) => c.rtts))].map((rtts) => {
    const shares = cells
      .filter((c) => c.rtts === rtts && c.desktops <= 2_000)
      .map((c) => c.greedy[population]['cost-aware'].latencyShare);
    return `${rtts} RTTs ${percent(Math.min(...shares))} to ${percent(Math.max(...shares))}, mean ${percent(mean(shares))}`;
  });
  return `cost-aware over the cells of Figure 11: ${ranges.join('; ')}; the paper: ${paperShare}.`;
}
