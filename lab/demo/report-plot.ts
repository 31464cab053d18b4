// The plot of response time over time as SVG: a panel a desktop, phases of its move shaded, the switchover marked (the shape of MMSys'14
// Figures 10 and 13). Colours are classes of the page's style. Pure; every text from outside is escaped.
import { describePhase, type Phase } from '../../domain/migration/phases.js';
import { formatDuration, formatMs } from '../../cli/render/format.js';
import type { DemoSeries, DesktopSeries, MoveSeries } from './demo-series.js';
import { escapeHtml } from './report-escape.js';
import { responseScale, timeScale, topOfSight, type Scale } from './report-scale.js';
import { medians, thin } from './report-thin.js';

const WIDTH = 960;
const HEIGHT = 270;
const LEFT = 62;
const RIGHT = WIDTH - 18;
const TOP = 46;
const BOTTOM = HEIGHT - 40;
/** 20 frames a second: below it a video plays well (the paper's dotted line). */
const GOOD_MS = 50;
/** One median a second: smooth enough to follow, short enough to show the pause. */
const MEDIAN_SPAN_MS = 1_000;
/** Without answers for so long the line is broken: the desktop showed nothing. */
const GAP_MS = 3_000;

/** Render one SVG a desktop, in the order given; all share the time axis, each has its own response axis. */
export function renderPlots(series: DemoSeries): string[] {
  const time = timeScale((series.endedAtMs - series.startedAtMs) / 1000, LEFT, RIGHT);
  return series.desktops.map((desktop) => {
    const own = series.moves.filter((m) => m.desktop === desktop.desktop);
    return renderPanel(desktop, own, series, time, responseScale(topOfSight(desktop.samples), TOP, BOTTOM));
  });
}

function renderPanel(
  desktop: DesktopSeries,
  moves: readonly MoveSeries[],
  series: DemoSeries,
  time: Scale,
  response: Scale,
): string {
  const x = (atMs: number) => round(time.at((atMs - series.startedAtMs) / 1000));
  const name = `Response time of ${desktop.desktop} (${desktop.activity}) over time`;
  return [
    `<svg viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" role="img" aria-label="${escapeHtml(name)}">`,
    ...moves.flatMap((m) =>
      m.phases.map((p) => renderBand(p.phase, x(p.startedAtMs), x(p.endedAtMs ?? series.endedAtMs), p)),
    ),
    renderAxes(time, response),
    renderSamples(desktop, series, x, response),
    ...moves.map((m) => renderMark(m, x)),
    ...renderSites(moves, series, x),
    '</svg>',
  ].join('\n');
}

function renderBand(
  phase: Phase,
  from: number,
  to: number,
  times: { startedAtMs: number; endedAtMs: number | null },
): string {
  const length = times.endedAtMs === null ? '' : `, ${formatDuration(times.endedAtMs - times.startedAtMs)}`;
  // A phase of a second must stay visible on an axis of minutes.
  const width = Math.max(1.5, to - from);
  return `<rect class="phase ${phase}" x="${fix(from)}" y="${String(TOP)}" width="${fix(width)}" height="${String(BOTTOM - TOP)}"><title>${phase}: ${describePhase(phase)}${length}</title></rect>`;
}

function renderAxes(time: Scale, response: Scale): string {
  const rows = response.ticks.map((t) => {
    const y = fix(response.at(t));
    return `<line class="grid" x1="${String(LEFT)}" x2="${String(RIGHT)}" y1="${y}" y2="${y}"/><text class="tick" x="${String(LEFT - 8)}" y="${y}" dy="0.32em" text-anchor="end">${String(t)}</text>`;
  });
  const columns = time.ticks.map((t) => {
    const x = fix(time.at(t));
    return `<line class="axis" x1="${x}" x2="${x}" y1="${String(BOTTOM)}" y2="${String(BOTTOM + 4)}"/><text class="tick" x="${x}" y="${String(BOTTOM + 17)}" text-anchor="middle">${String(t)}</text>`;
  });
  const good = fix(response.at(GOOD_MS));
  const middle = (TOP + BOTTOM) / 2;
  return [
    ...rows,
    ...columns,
    `<line class="axis" x1="${String(LEFT)}" x2="${String(RIGHT)}" y1="${String(BOTTOM)}" y2="${String(BOTTOM)}"/>`,
    `<line class="good" x1="${String(LEFT)}" x2="${String(RIGHT)}" y1="${good}" y2="${good}"><title>50 ms: 20 frames a second, enough for good video</title></line>`,
    `<text class="tick" x="${String(RIGHT)}" y="${good}" dy="-4" text-anchor="end">20 frames/s</text>`,
    `<text class="label" x="${String((LEFT + RIGHT) / 2)}" y="${String(HEIGHT - 6)}" text-anchor="middle">time (s)</text>`,
    `<text class="label" transform="translate(14 ${String(middle)}) rotate(-90)" text-anchor="middle">response time (ms)</text>`,
  ].join('\n');
}

function renderSamples(
  desktop: DesktopSeries,
  series: DemoSeries,
  x: (atMs: number) => number,
  response: Scale,
): string {
  const dots = thin(desktop.samples, series.startedAtMs, series.endedAtMs, RIGHT - LEFT);
  const inside = dots.filter((s) => s.responseMs <= response.max);
  const above = dots.filter((s) => s.responseMs > response.max);
  const path = inside.map((s) => `M${fix(x(s.atMs))} ${fix(response.at(s.responseMs))}h0`).join('');
  return [
    `<path class="dots" d="${path}"/>`,
    `<path class="median" d="${medianPath(desktop, series, x, response)}"/>`,
    ...above.map((s) => {
      const at = x(s.atMs);
      return `<path class="above" d="M${fix(at)} ${String(TOP + 1)}l4 7h-8z"><title>${formatMs(s.responseMs)}, above the axis</title></path>`;
    }),
    renderLongest(above, x),
  ].join('\n');
}

/** Name the longest response that is cut off: usually the pause. */
function renderLongest(
  above: readonly { atMs: number; responseMs: number }[],
  x: (atMs: number) => number,
): string {
  const longest = above.reduce<(typeof above)[number] | null>(
    (best, s) => (best === null || s.responseMs > best.responseMs ? s : best),
    null,
  );
  if (longest === null) return '';
  const at = x(longest.atMs);
  const right = at > RIGHT - 90;
  return `<text class="note" x="${fix(right ? at - 8 : at + 8)}" y="${String(TOP + 12)}"${right ? ' text-anchor="end"' : ''}>${formatMs(longest.responseMs)}</text>`;
}

function medianPath(
  desktop: DesktopSeries,
  series: DemoSeries,
  x: (atMs: number) => number,
  response: Scale,
): string {
  let path = '';
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const point of medians(desktop.samples, series.startedAtMs, MEDIAN_SPAN_MS)) {
    path += `${point.atMs - lastMs > GAP_MS ? 'M' : 'L'}${fix(x(point.atMs))} ${fix(response.at(point.responseMs))}`;
    lastMs = point.atMs;
  }
  return path;
}

function renderMark(move: MoveSeries, x: (atMs: number) => number): string {
  if (move.stoppedAtMs === null) return '';
  const at = fix(x(move.stoppedAtMs));
  return `<line class="mark" x1="${at}" x2="${at}" y1="${String(TOP - 8)}" y2="${String(BOTTOM)}"><title>switchover</title></line>`;
}

/** Above the panel: at which site the desktop runs, and how far that is from its user. */
function renderSites(
  moves: readonly MoveSeries[],
  series: DemoSeries,
  x: (atMs: number) => number,
): string[] {
  const y = String(TOP - 14);
  const rtt = (ms: number | null) => (ms === null ? '' : ` (${formatMs(ms)} away)`);
  return moves.flatMap((m) => {
    if (m.stoppedAtMs === null) return [];
    const at = x(m.stoppedAtMs);
    const before = `<text class="site" x="${fix(at - 8)}" y="${y}" text-anchor="end">${escapeHtml(`at ${m.fromSite}${rtt(m.rttBeforeMs)} ◂`)}</text>`;
    const after = `<text class="site" x="${fix(at + 8)}" y="${y}">${escapeHtml(`▸ at ${m.toSite}${rtt(m.rttAfterMs)}`)}</text>`;
    return at < x(series.startedAtMs) + 40 ? [after] : [before, after];
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function fix(value: number): string {
  return String(round(value));
}
