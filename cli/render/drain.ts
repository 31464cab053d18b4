// What is said of sites and hosts that are being emptied. Pure.
import { hostKey } from '../../domain/model/ids.js';
import type { DrainResident, DrainStatus } from '../../temporal/contract/drain.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { cut, formatAge, formatRank, plural } from './format.js';
import { indent, printable, renderTable, type Column } from './table.js';

/** `3 left: 1 moving, 2 waiting`. */
function renderLeft({ left, counts, unheard = [] }: DrainStatus): string {
  const parts = (['moving', 'waiting', 'held'] as const)
    .filter((is) => counts[is] > 0)
    .map((is) => `${String(counts[is])} ${is}`);
  if (left > 0) return `${String(left)} left: ${parts.join(', ')}`;
  return unheard.length === 0 ? 'empty' : `not known yet: ${unheard.join(', ')} has not reported`;
}

/** Names of one line. */
const NAMED = 3;

/** One line while a drain is followed. */
export function renderDrainLine(drain: DrainStatus): string {
  const { residents } = drain;
  const moving = residents.filter((r) => r.is === 'moving').map((r) => r.desktop);
  const held = residents.find((r) => r.is === 'held');
  return [
    `${drain.place}  ${renderLeft(drain)}`,
    ...(moving.length === 0
      ? []
      : [`moving ${moving.slice(0, NAMED).join(', ')}${moving.length > NAMED ? ', ...' : ''}`]),
    ...(held === undefined ? [] : [`${held.desktop} is held: ${cut(printable(held.why), 120)}`]),
  ].join('  ');
}

/** How a drain that was followed ended; `stuck`: whoever is left cannot leave, `ended`: an operator has undrained it. */
export type DrainOutcome = 'empty' | 'stuck' | 'ended';

/** What is printed when a drain has been followed to its end. */
export function renderDrainEnd(outcome: DrainOutcome, last: DrainStatus): string {
  const { place, residents, left } = last;
  if (outcome === 'empty')
    return `${place} is empty. Nobody comes there until \`vmshadow undrain ${place}\`.`;
  if (outcome === 'ended')
    return `${place} is not emptied any more: an operator has ended it. ${plural(left, 'desktop')} left.`;
  const more = left > residents.length ? [`  and ${String(left - residents.length)} more`] : [];
  return [
    `${place}: ${plural(left, 'desktop')} cannot leave:`,
    ...residents.map((r) => `  ${r.desktop} at ${hostKey(r.host)}: ${printable(r.why)}`),
    ...more,
    `The drain goes on: whatever changes is used. \`vmshadow undrain ${place}\` ends it.`,
  ].join('\n');
}

const COLUMNS: readonly Column[] = [
  { head: 'desktop' },
  { head: 'host' },
  { head: 'rank', right: true },
  { head: 'stands' },
  { head: 'why' },
];
const SHOWN = 10;

const row = (r: DrainResident) => [
  r.desktop,
  hostKey(r.host),
  formatRank(r.rank),
  r.is,
  cut(printable(r.why), 140),
];

/** The section of `vmshadow status`; a loop of a release before drains nothing. */
export function renderDrains({ draining = [] }: Pick<LoopStatus, 'draining'>, atMs: number): string[] {
  if (draining.length === 0) return [];
  const parts = draining.map((drain) => {
    const head = `${drain.place}  ${renderLeft(drain)}  (since ${formatAge(drain.sinceMs, atMs)})`;
    if (drain.residents.length === 0) return head;
    const rest = drain.left - Math.min(SHOWN, drain.residents.length);
    const more = rest > 0 ? `\nand ${String(rest)} more: \`vmshadow status --json\`` : '';
    return `${head}\n${indent(renderTable(COLUMNS, drain.residents.slice(0, SHOWN).map(row)) + more)}`;
  });
  return [`DRAINING\n${indent(parts.join('\n'))}`];
}
