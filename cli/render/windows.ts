// Maintenance windows in words. Pure.
import type { LoopStatus } from '../../temporal/contract/status.js';
import type { WindowStatus } from '../../temporal/contract/window.js';
import { formatAge, plural } from './format.js';
import { section, type Column } from './table.js';

const minute = (ms: number) =>
  new Date(ms)
    .toISOString()
    .replace(/:\d\d\.\d+Z$/, 'Z')
    .replace('T', ' ');

/** What holds now. */
function stateOf({ phase, drain, leadFromMs, desktops }: WindowStatus): string {
  if (phase === 'planned') return `planned; ${drain ? 'emptied' : 'closed'} from ${minute(leadFromMs)}`;
  if (phase === 'closing')
    return drain ? `is being emptied, ${plural(desktops, 'desktop')} there` : 'nobody is sent there any more';
  return `open: nothing is moved to or from it${desktops === 0 ? '' : `, ${plural(desktops, 'desktop')} there`}`;
}

/** One window in a line. */
export function renderWindow(window: WindowStatus): string {
  return `${window.place}: maintenance from ${minute(window.fromMs)} to ${minute(window.toMs)} (${stateOf(window)})`;
}

const COLUMNS: readonly Column[] = [
  { head: 'place' },
  { head: 'from' },
  { head: 'to' },
  { head: 'begins' },
  { head: 'now' },
];

/** All windows, as `vmshadow window list` shows them. */
export function renderWindowList(windows: readonly WindowStatus[]): string {
  return windows.length === 0 ? 'No maintenance is planned.' : windows.map(renderWindow).join('\n');
}

/** The section of `vmshadow status`; a loop of a release before has no windows. */
export function renderWindows({ windows = [] }: Pick<LoopStatus, 'windows'>, atMs: number): string[] {
  if (windows.length === 0) return [];
  const rows = windows.map((w) => [
    w.place,
    minute(w.fromMs),
    minute(w.toMs),
    formatAge(w.fromMs, atMs),
    stateOf(w),
  ]);
  return [section('MAINTENANCE', COLUMNS, rows, '')];
}
