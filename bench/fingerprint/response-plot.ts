// Figure 4 and Table 1 of the paper as curves: how many of a desktop's updates were complete within which time of their request, a panel an
// application, a line a distance. Pure.
import { chart, type Panel } from '../placement/svg.js';
import type { Measured } from './sessions.js';

/** The paper's four: two that suffer from distance, two that do not. */
const PANELS = [
  ['stream', 'streaming (Figure 4: YouTube)'],
  ['video', 'video from the disk (Figure 4: local video)'],
  ['web', 'web pages (Table 1)'],
  ['text', 'text editing (Table 1)'],
] as const;
const PLACES: Readonly<Record<number, string>> = { 1: 'LAN (1 ms)', 20: 'near (20 ms)', 100: 'far (100 ms)' };
const COLUMNS = 2;

/** Draw the distributions of response times. */
export function responsePlot(sessions: readonly Measured[]): string {
  return chart(
    PANELS.map(([workload, title]): Panel => ({
      title,
      x: { label: 'ms from request to complete update', log: true },
      y: { label: 'share of updates, %', log: false },
      series: sessions
        .filter((m) => m.workload === workload && m.seen.responsePercentilesMs.length > 0)
        .map((m) => ({
          name: PLACES[m.rttMs] ?? `${m.rttMs} ms`,
          points: m.seen.responsePercentilesMs.map((ms, percent) => [Math.max(0.1, ms), percent] as const),
        })),
    })),
    COLUMNS,
  );
}
