// A creation in one line: bar, percent, what goes on, how much of the image is copied.
import { hostKey } from '../../domain/model/ids.js';
import type { CreateStatus } from '../../temporal/contract/create.js';
import { formatBytes } from './format.js';
import { renderBar } from './move-line.js';
import { printable } from './table.js';

/** How much of the image is copied; all of it once the desktop is made. */
export function percentOf({ outcome, progress }: CreateStatus): number {
  if (outcome === 'made') return 100;
  return progress.totalBytes > 0 ? (100 * progress.doneBytes) / progress.totalBytes : 0;
}

/** The whole line. */
export function renderCreateLine(status: CreateStatus): string {
  const { desktop, host, progress, note } = status;
  const percent = percentOf(status);
  const copied =
    progress.totalBytes > 0
      ? `  ${formatBytes(progress.doneBytes)} of ${formatBytes(progress.totalBytes)}`
      : '';
  return `${desktop}  ${hostKey(host)}  ${renderBar(percent)} ${String(Math.round(percent)).padStart(3)} %  ${printable(note)}${copied}`;
}
