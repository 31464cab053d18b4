// The moves of a desktop, a paragraph each. Pure.
import type { Felt } from '../../domain/migration/realised-gain.js';
import { hostKey } from '../../domain/model/ids.js';
import type { PastMove } from '../../temporal/past-moves.js';
import { formatDuration, formatMs, plural, UNKNOWN } from './format.js';
import { renderPhaseTimes } from './move-line.js';
import { printable } from './table.js';

/** Render all that is kept of a desktop's moves. */
export function renderHistory(desktop: string, moves: readonly PastMove[]): string {
  if (moves.length === 0)
    return `${desktop}: Temporal keeps no move of it (it was in none, or longer ago than the namespace's retention).`;
  return [`${desktop}: ${plural(moves.length, 'move')}, the newest first`, ...moves.map(renderMove)].join(
    '\n\n',
  );
}

function renderMove(move: PastMove): string {
  const { status, startedAtMs, endedAtMs, execution, runId } = move;
  const at = new Date(startedAtMs).toISOString().slice(0, 19).replace('T', ' ');
  const took = endedAtMs === null ? 'under way' : `took ${formatDuration(endedAtMs - startedAtMs)}`;
  if (status === null)
    return `${at}Z  ${execution.toLowerCase()}, ${took}; it left no account of itself (run ${runId})`;
  const lines = [
    `${at}Z  ${hostKey(status.from)} -> ${hostKey(status.to)}  ${status.outcome} (${status.cause}), ${took}`,
    `  why       ${printable(status.reason)}`,
    `  phases    ${renderPhaseTimes(status)}`,
  ];
  if (status.downtimeMs !== null) lines.push(`  downtime  ${formatMs(status.downtimeMs)}`);
  lines.push(...renderGain(move));
  if (status.error !== null)
    lines.push(
      `  ${status.outcome === 'moved' ? 'PROBLEM ' : 'ended   '}  ${status.error.code}: ${printable(status.error.message)}`,
    );
  return lines.join('\n');
}

/** Before -> predicted / realised, as in `status`. */
function renderGain({ gain, status }: PastMove): string[] {
  if (gain === null) {
    if (status?.rttBeforeMs == null || status.rttAfterMs === null) return [];
    return [`  RTT       ${formatMs(status.rttBeforeMs)} -> ${formatMs(status.rttAfterMs)} predicted`];
  }
  const { before, predicted, realised, verdict } = gain;
  const way = (pick: (felt: Felt) => number | null) =>
    `${formatMs(pick(before))} -> ${formatMs(pick(predicted))} predicted / ${realised === null ? UNKNOWN : formatMs(pick(realised))} realised`;
  return [
    `  RTT       ${way((felt) => felt.rttMs)}`,
    `  response  ${way((felt) => felt.responseMs)}`,
    `  gain      ${verdict.replace('-', ' ')}`,
  ];
}
