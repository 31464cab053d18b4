// One move in one line: bar, percent, phase, what the target has, what crossed the WAN, rate, time left. Used by `status`, `move --follow` and the demo.
import { PHASES } from '../../domain/migration/phases.js';
import type { SavedBytes } from '../../domain/migration/saved-bytes.js';
import { savedInAll, savedWords } from '../../domain/migration/saved.js';
import { hostKey } from '../../domain/model/ids.js';
import type { MoveStatus } from '../../temporal/contract/move.js';
import { formatBytes, formatDuration, formatMs, formatRate, UNKNOWN } from './format.js';

/** Characters of a bar: one for 5 %. */
const BAR_WIDTH = 20;

/** A bar of `width` characters for 0..100 percent. */
export function renderBar(percent: number, width = BAR_WIDTH): string {
  const share = Number.isFinite(percent) ? Math.min(100, Math.max(0, percent)) / 100 : 0;
  const full = Math.floor(share * width);
  return `[${'#'.repeat(full)}${'.'.repeat(width - full)}]`;
}

/** `memory (4/6)`; in pre-copy with its round. */
export function renderPhase(status: Pick<MoveStatus, 'phase' | 'outcome' | 'progress' | 'phases'>): string {
  if (status.outcome === 'moved' && status.phases.at(-1)?.endedAtMs === null) return 'moved, cleaning up';
  if (status.outcome !== 'running') return status.outcome;
  const place = `${String(PHASES.indexOf(status.phase) + 1)}/${String(PHASES.length)}`;
  const round =
    status.phase === 'memory' && status.progress.round > 0 ? `, round ${String(status.progress.round)}` : '';
  return `${status.phase} (${place}${round})`;
}

/** How much of what the phase copies the target has, zeros included; rounds of pre-copy after the first say what is left. */
function renderDone({ phase, progress: p }: Pick<MoveStatus, 'phase' | 'progress'>): string {
  const of = (done: number, total: number) =>
    total > 0 ? `${formatBytes(Math.min(done, total))} of ${formatBytes(total)}` : '';
  if (phase === 'async-disk' || phase === 'sync-switch') return of(p.diskDoneBytes, p.diskTotalBytes);
  if (phase !== 'memory') return '';
  if (p.round > 1) return `${formatBytes(Math.max(0, p.memoryTotalBytes - p.memoryDoneBytes))} left`;
  return of(p.memoryDoneBytes, p.memoryTotalBytes);
}

const renderSavedInAll = (saved: SavedBytes | undefined): string =>
  saved === undefined ? '' : ` (${formatBytes(savedInAll(saved))} saved)`;

/** How far and how fast, in one line without the desktop's name: the bar and the rate are of what crosses the WAN. */
export function renderMoveProgress(status: MoveStatus): string {
  const { progress, wanBytes } = status;
  const sent = wanBytes.disk + wanBytes.memory;
  const parts = [
    `${renderBar(status.percent)} ${String(Math.round(status.percent)).padStart(3)} %`,
    renderPhase(status),
    status.outcome === 'running' ? renderDone(status) : '',
    sent > 0 ? `WAN ${formatBytes(sent)}${renderSavedInAll(progress.saved)}` : '',
    status.outcome === 'running' && progress.bytesPerSecond > 0 ? formatRate(progress.bytesPerSecond) : '',
    status.outcome === 'running' && status.etaMs !== null ? `${formatDuration(status.etaMs)} left` : '',
  ];
  return parts.filter((part) => part !== '').join('  ');
}

/** The whole line: what moves where, and how far it is. */
export function renderMoveLine(status: MoveStatus): string {
  return `${status.desktop}  ${hostKey(status.from)} -> ${hostKey(status.to)}  ${renderMoveProgress(status)}`;
}

/** What a move did, when it has ended: several lines. */
export function renderMoveEnd(status: MoveStatus): string {
  const where = `${hostKey(status.from)} -> ${hostKey(status.to)}`;
  if (status.outcome !== 'moved') {
    const why = status.error === null ? 'no reason given' : `${status.error.message} (${status.error.code})`;
    return `${status.desktop}: the move ${where} was not made (${status.outcome}): ${why}\nThe desktop runs at ${hostKey(status.from)}.`;
  }
  const { saved } = status.progress;
  const lines = [
    `${status.desktop} moved ${where}`,
    `  downtime ${formatMs(status.downtimeMs)} (hypervisor), ${formatMs(status.switchoverMs)} from stop to run; held packets: ${String(status.heldPackets)}`,
    `  WAN      ${formatBytes(status.wanBytes.disk)} disk, ${formatBytes(status.wanBytes.memory)} memory`,
    ...(saved === undefined ? [] : [`  saved    ${savedWords(saved, formatBytes) || 'nothing'}`]),
    `  phases   ${renderPhaseTimes(status)}`,
    `  RTT      ${formatMs(status.rttBeforeMs)} -> ${formatMs(status.rttAfterMs)}`,
  ];
  if (status.diskHashes !== null)
    lines.push(
      `  disks    ${status.diskHashes.equal ? 'equal at the switchover' : 'DIFFERENT at the switchover'}`,
    );
  if (status.error !== null) lines.push(`  PROBLEM  ${status.error.message}`);
  return lines.join('\n');
}

/** `preflight 1.07 s, async-disk 23.45 s, ...`. */
export function renderPhaseTimes(status: Pick<MoveStatus, 'phases'>): string {
  return status.phases
    .map((p) => `${p.phase} ${p.endedAtMs === null ? UNKNOWN : formatMs(p.endedAtMs - p.startedAtMs)}`)
    .join(', ');
}
