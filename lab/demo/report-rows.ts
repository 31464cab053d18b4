// The demo's figures as rows of label, ours and the paper's, for the page and for the terminal alike. Pure.
import { PHASES } from '../../domain/migration/phases.js';
import { formatBytes, formatDuration, formatMs, formatRank, UNKNOWN } from '../../cli/render/format.js';
import {
  DECIDES_WITHIN_CYCLES,
  NEAREST_SITE,
  wrongSite,
  type DemoResult,
  type ResponseSummary,
} from './demo-result.js';

export interface FigureRow {
  readonly label: string;
  readonly value: string;
  /** MMSys'14 (1 GB of memory, 2 GB of disk, Oregon to Virginia); null where it gives none. */
  readonly paper: string | null;
}

/** All figures, in the order of the story. */
export function figureRows(result: DemoResult): FigureRow[] {
  const { responseMs, downtimeMs, gapMs, wanBytes } = result;
  return [
    ...Object.entries(result.ranks).map(([desktop, rank]) => row(`rank of ${desktop}`, formatRank(rank))),
    ...result.moves.map((m) =>
      row(
        `move of ${m.desktop}`,
        `${m.from} -> ${m.to}, decided by the ${m.cause}: ${m.outcome}${m.endedAtMs === null ? '' : ` in ${formatDuration(m.endedAtMs - m.startedAtMs)}`}`,
        '265 s',
      ),
    ),
    row('decided in', `cycle ${String(result.decidedInCycle)} of the session`),
    row('response time before', renderSummary(responseMs.before), '300 ms'),
    row('response time after', renderSummary(responseMs.after), '41.7 ms'),
    row('downtime (hypervisor)', formatMs(downtimeMs), '2.48 s'),
    row('gap, as the user saw it', formatMs(gapMs)),
    row(
      'bytes on the WAN',
      `${formatBytes(wanBytes.disk)} disk + ${formatBytes(wanBytes.memory)} memory = ${formatBytes(wanBytes.disk + wanBytes.memory)}`,
      '1.92 GB',
    ),
    ...PHASES.filter((phase) => result.phaseMs[phase] !== undefined).map((phase) =>
      row(`phase ${phase}`, formatMs(result.phaseMs[phase])),
    ),
  ];
}

/** The checks that decide about the demo's exit code. */
export function checkRows(result: DemoResult): { label: string; kept: boolean }[] {
  return [
    { label: "the move was the loop's own decision", kept: result.decidedByLoop },
    { label: `moved to the site nearest its user (${NEAREST_SITE})`, kept: wrongSite(result) === null },
    {
      label: `decided within ${String(DECIDES_WITHIN_CYCLES)} cycles of the session's start (${String(result.decidedInCycle)})`,
      kept: result.decidedInCycle <= DECIDES_WITHIN_CYCLES,
    },
    { label: 'the same TCP connection before and after', kept: result.sameConnection },
    { label: 'disks equal at the switchover', kept: result.diskHashesEqual },
    { label: `exactly one running copy (${String(result.runningCopies)})`, kept: result.runningCopies === 1 },
    {
      label:
        result.leftovers.length === 0
          ? 'nothing left at the source'
          : `nothing left at the source (found ${result.leftovers.join(', ')})`,
      kept: result.leftovers.length === 0,
    },
  ];
}

function row(label: string, value: string, paper: string | null = null): FigureRow {
  return { label, value, paper };
}

function renderSummary(s: ResponseSummary): string {
  if (s.median === null) return UNKNOWN;
  return `median ${formatMs(s.median)}, p95 ${formatMs(s.p95)} (${String(s.samples)} frames)`;
}
