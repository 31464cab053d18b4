// `vmshadow status`: sites, hosts, desktops, moves and problems as tables. Pure: the answer of the loop and of the moves in, text out.
import { hostKey } from '../../domain/model/ids.js';
import { convertSize } from '../../domain/model/units.js';
import type { MoveStatus } from '../../temporal/contract/move.js';
import type { DesktopStatus, HostStatus, LoopStatus } from '../../temporal/contract/status.js';
import {
  cut,
  formatAge,
  formatBytes,
  formatDuration,
  formatMs,
  formatNumber,
  formatRank,
  formatUse,
  plural,
  UNKNOWN,
} from './format.js';
import { renderDrains } from './drain.js';
import { renderGains, renderHeld } from './moves-before.js';
import { renderMoveProgress } from './move-line.js';
import { indent, printable, section, type Column } from './table.js';
import { renderWindows } from './windows.js';

/** All that `vmshadow status` knows at one moment. */
export interface StatusView {
  readonly loop: LoopStatus;
  /** Answers of the moves under way, by desktop; null where one did not answer. */
  readonly moves: Readonly<Record<string, MoveStatus | null>>;
  readonly atMs: number;
}

/** How many ended moves are shown. */
const RECENT_SHOWN = 5;

/** Render everything, sections separated by blank lines. */
export function renderStatus(view: StatusView): string {
  const { loop, atMs } = view;
  return [
    renderHead(loop, atMs),
    renderSites(loop),
    section(
      'HOSTS',
      HOST_COLUMNS,
      loop.hosts.map((h) => hostRow(h, atMs)),
      'none is configured',
    ),
    loop.beginning
      ? 'DESKTOPS  not known yet: the loop has just begun a run, and hosts have not reported'
      : renderDesktops(loop.desktops, atMs) + more(loop),
    ...renderDrains(loop, atMs),
    ...renderWindows(loop, atMs),
    ...renderCreating(loop, atMs),
    renderMoves(view),
    ...renderRecent(loop, atMs),
    ...renderGains(loop, atMs),
    ...renderHeld(loop, atMs),
    renderProblems(loop),
  ].join('\n\n');
}

/** The first line: pool, cycle, whether the loop acts. */
function renderHead(loop: LoopStatus, atMs: number): string {
  const next =
    loop.nextCycleMs === null
      ? 'no cycle due'
      : `next ${loop.nextCycleMs < atMs ? 'was due ' : ''}${formatAge(loop.nextCycleMs, atMs)}`;
  const last = loop.lastCycleMs === null ? 'none yet' : formatAge(loop.lastCycleMs, atMs);
  const paused = loop.pausedSinceMs ?? null;
  const acting =
    paused !== null
      ? `PAUSED ${formatAge(paused, atMs)}: starts no moves of its own (\`vmshadow unpause\`)`
      : loop.acting
        ? 'moves desktops by itself'
        : 'plans only (policy act=false)';
  return `POOL ${loop.pool}  cycle ${String(loop.cycle)} (last ${last}, ${next})  ${acting}`;
}

function renderSites(loop: LoopStatus): string {
  const columns: Column[] = [
    { head: 'site' },
    { head: 'kind' },
    { head: 'slots', right: true },
    { head: 'hosts', right: true },
  ];
  const rows = loop.sites.map((s) => {
    const hosts = loop.hosts.filter((h) => h.host.site === s.site);
    return [
      s.site,
      s.kind,
      formatUse(s.usedSlots, s.slots),
      formatUse(hosts.filter((h) => h.alive).length, hosts.length),
    ];
  });
  return section('SITES', columns, rows, 'none is configured');
}

const HOST_COLUMNS: readonly Column[] = [
  { head: 'host' },
  { head: 'state' },
  { head: 'slots', right: true },
  { head: 'vCPU', right: true },
  { head: 'memory', right: true },
  { head: 'disk', right: true },
  { head: 'certificate', right: true },
  { head: 'seen' },
];

function hostRow(h: HostStatus, atMs: number): string[] {
  const size = (mib: number | undefined) =>
    mib === undefined ? UNKNOWN : formatBytes(convertSize(mib, 'MiB', 'B'));
  return [
    hostKey(h.host),
    (h.alive ? 'up' : h.lastSeenMs === null ? 'not seen' : 'DOWN') +
      (h.draining === true ? ', draining' : ''),
    formatUse(h.used?.slots, h.capacity?.slots),
    formatUse(h.used?.vcpus, h.capacity?.vcpus),
    `${size(h.used?.memoryMiB)}/${size(h.capacity?.memoryMiB)}`,
    `${size(h.used?.diskMiB)}/${size(h.capacity?.diskMiB)}`,
    typeof h.certificateDaysLeft === 'number' ? `${String(h.certificateDaysLeft)} days` : UNKNOWN,
    formatAge(h.lastSeenMs, atMs),
  ];
}

const DESKTOP_COLUMNS: readonly Column[] = [
  { head: 'desktop' },
  { head: 'host' },
  { head: 'state' },
  { head: 'rank', right: true },
  { head: 'paper', right: true },
  { head: 'RTT', right: true },
  { head: 'nearest site' },
  { head: 'user' },
  { head: 'address' },
  { head: 'note' },
];

/** The table of desktops. */
export function renderDesktops(desktops: readonly DesktopStatus[], atMs: number): string {
  const rows = desktops.map((d) => desktopRow(d, atMs));
  return section('DESKTOPS', DESKTOP_COLUMNS, rows, 'none yet (`vmshadow desktop create` makes one)');
}

function more({ desktops, desktopCount }: LoopStatus): string {
  const hidden = desktopCount - desktops.length;
  return hidden > 0 ? `\n  and ${String(hidden)} more: \`vmshadow desktop list\` shows all` : '';
}

function desktopRow(d: DesktopStatus, atMs: number): string[] {
  return [
    d.desktop,
    hostKey(d.host),
    d.state,
    formatRank(d.rank),
    formatRank(d.rankPaper),
    formatMs(d.rttMs),
    nearestSite(d.rtts),
    d.user ?? UNKNOWN,
    d.external === null ? UNKNOWN : `${d.external}:${String(d.remoteDesktopPort)}`,
    desktopNote(d, atMs),
  ];
}

/** The site with the lowest measured RTT to the desktop's user. */
export function nearestSite(rtts: Readonly<Record<string, number>>): string {
  const best = Object.entries(rtts).sort((a, b) => a[1] - b[1])[0];
  return best === undefined ? UNKNOWN : `${best[0]} (${formatMs(best[1])})`;
}

function desktopNote(d: DesktopStatus, atMs: number): string {
  const relayed = (d.relayed ?? []).map(
    ({ oldExternal, connections, rttMs }) =>
      `${plural(connections, 'connection')} over ${printable(oldExternal)} (+${formatMs(rttMs)})`,
  );
  return [ownNote(d, atMs), ...relayed].filter((note) => note !== '').join('; ');
}

function ownNote(d: DesktopStatus, atMs: number): string {
  if (d.problem !== null) return cut(printable(d.problem), 60);
  if (d.move !== null) return 'moving';
  if (d.lockedUntilMs !== null && d.lockedUntilMs > atMs)
    return `stays for ${formatDuration(d.lockedUntilMs - atMs)}`;
  return cut(printable(d.reasons[0] ?? ''), 60);
}

function renderMoves(view: StatusView): string {
  const { moves } = view.loop;
  if (moves.length === 0) return 'MOVES  none under way';
  const lines = moves.map((m) => {
    const status = view.moves[m.desktop] ?? null;
    const head = `${m.desktop} -> ${hostKey(m.to)} (${m.cause}, for ${formatDuration(view.atMs - m.startedAtMs)})`;
    if (status === null) return `${head}\n  gives no answer (no manager?)`;
    const reason = status.reason === '' ? '' : `\n  ${printable(status.reason)}`;
    return `${head}\n  ${renderMoveProgress(status)}${reason}`;
  });
  return `MOVES\n${indent(lines.join('\n'))}`;
}

/** Desktops that are being made; a loop of a release before names none. */
function renderCreating({ creating }: Partial<Pick<LoopStatus, 'creating'>>, atMs: number): string[] {
  if (creating === undefined || creating.length === 0) return [];
  const lines = creating.map(
    (c) =>
      `${c.desktop} at ${hostKey(c.host)}, for ${formatDuration(atMs - c.startedAtMs)} (${c.workflowId})`,
  );
  return [`BEING MADE\n${indent(lines.join('\n'))}`];
}

function renderRecent(loop: LoopStatus, atMs: number): string[] {
  if (loop.recent.length === 0) return [];
  const rows = [...loop.recent]
    .sort((a, b) => b.endedAtMs - a.endedAtMs)
    .slice(0, RECENT_SHOWN)
    .map((r) => [
      r.desktop,
      `${hostKey(r.from)} -> ${hostKey(r.to)}`,
      r.outcome,
      r.cause,
      formatAge(r.endedAtMs, atMs),
      cut(printable(r.error ?? ''), 80),
    ]);
  return [section('ENDED', ENDED_COLUMNS, rows, '')];
}

const ENDED_COLUMNS: readonly Column[] = [
  { head: 'desktop' },
  { head: 'move' },
  { head: 'outcome' },
  { head: 'cause' },
  { head: 'ended' },
  { head: 'why' },
];

function renderProblems(loop: LoopStatus): string {
  const problems = [
    ...loop.problems,
    ...loop.hosts
      .filter((h) => h.problem !== null && !loop.problems.some((p) => p.includes(h.problem ?? '')))
      .map((h) => `host ${hostKey(h.host)}: ${h.problem ?? ''}`),
  ];
  if (problems.length === 0) return 'PROBLEMS  none';
  return `PROBLEMS\n${indent(problems.map((p) => `! ${printable(p)}`).join('\n'))}`;
}

/** One line for logs and pipes: what changed matters there, not the whole picture. */
export function renderStatusLine(view: StatusView): string {
  const { loop } = view;
  const up = loop.hosts.filter((h) => h.alive).length;
  const moves = loop.moves.map((m) => {
    const status = view.moves[m.desktop] ?? null;
    if (status === null) return `${m.desktop} -> ${hostKey(m.to)}`;
    const eta = status.etaMs === null ? '' : `, ${formatDuration(status.etaMs)} left`;
    return `${m.desktop} -> ${hostKey(m.to)} ${status.phase} ${formatNumber(status.percent, 0)} %${eta}`;
  });
  return [
    `cycle ${String(loop.cycle)}`,
    `hosts ${formatUse(up, loop.hosts.length)}`,
    plural(loop.desktops.length, 'desktop'),
    moves.length === 0 ? 'no move' : moves.join('; '),
    ...(loop.pausedSinceMs == null ? [] : ['paused']),
    ...(loop.draining ?? []).map((d) => `draining ${d.place}: ${String(d.left)} left`),
    ...(loop.problems.length === 0 ? [] : [plural(loop.problems.length, 'problem')]),
  ].join(' | ');
}
