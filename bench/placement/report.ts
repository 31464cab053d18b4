// The benchmark's page for people: the summary that docs/placement.md quotes, then every figure by kind. Pure text.
import { GRID_POPULATIONS, type Cell } from './grid.js';
import { halfTable, type HalfResult } from './half-table.js';
import type { IncrementalRun } from './incremental.js';
import { gainTable, latencyRange, latencyTable, summaryTable, timeTable } from './tables.js';
import { show, sizeOf } from './figures-in-words.js';

export interface Measured {
  readonly cells: readonly Cell[];
  readonly half: readonly HalfResult[];
  readonly incremental: readonly IncrementalRun[];
}

/** Render everything. */
export function report({ cells, half, incremental }: Measured): string {
  const changes = incremental.map(
    (i) => `${sizeOf(i)}: ${show(i.changeCpuMs, 2)} ms against ${show(i.fullCpuMs, 0)} ms for a full solve`,
  );
  return [
    "5 % free slots. `mixed`: the policy's thresholds, 35 % of the desktops are candidates. `all-candidates`: the paper's stress test.",
    '',
    "Summary. Heuristics and exact: ms of CPU time, gain as a share of the optimum's (mixed). Last column: decrease of the mean RTT by cost-aware as a share of the largest possible (all-candidates), the like of the paper's effectiveness:",
    '',
    summaryTable(cells),
    '',
    'Time, ms of CPU (wall clock in parentheses); heuristics: mixed / all-candidates (their wall clock is in placement.json):',
    '',
    timeTable(cells),
    '',
    "Gain (sum of rank x RTT decrease) as a share of the optimum's; heuristics: mixed / all-candidates:",
    '',
    gainTable(cells),
    ...GRID_POPULATIONS.toReversed().flatMap((population) => [
      '',
      `Decrease of the mean RTT over all desktops, ${population}; heuristics: also as a share of the largest possible (the optimum with all ranks 1), which is the like of the paper's effectiveness:`,
      '',
      latencyTable(cells, population),
      '',
      latencyRange(cells, population),
    ]),
    '',
    "What `exact` gains with half the bytes of cost-aware, as a share of that one's gain, mean of the clouds (in parentheses: no plan that sees what exact sees can reach more); columns: how many nearest sites greedy / exact see beside their own and the global ones, and gain in ranked ms or in ranked benefit (equation 1):",
    '',
    halfTable(half),
    '',
    `One desktop changed, CPU time: ${changes.join('; ')}.`,
    '',
  ].join('\n');
}
