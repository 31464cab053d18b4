// The plot of response time over time as SVG: a panel a desktop, phases of its move shaded, the switchover marked (the shape of MMSys'14
// Figures 10 and 13). From the top: where the desktop runs, the longest response, what is above the axis, the panel. Colours are classes of
// the page's style. Pure; every text from outside is escaped.
import { line, symbol, symbolTriangle } from 'd3-shape';
import { describePhase, type Phase } from '../../domain/migration/phases.js';
import { formatDuration, formatMs } from '../../cli/render/format.js';
import type { DemoSeries, DesktopSeries, MoveSeries } from './demo-series.js';
import type { Sample } from './percentiles.js';
import { escapeHtml } from './report-escape.js';
import { RESPONSE_TICKS, responseScale, timeScale, topOfSight, type Scale } from './report-scale.js';
import { medians, thin } from './report-thin.js';

const WIDTH = 960;
const HEIGHT = 280;
const LEFT = 62;
/** Leaves room for what the dotted line means. */
const RIGHT = WIDTH - 86;
const SITES_Y = 14;
const NOTE_Y = 34;
const ABOVE_Y = 44;
const TOP = 54;
const BOTTOM = HEIGHT - 40;
/** 20 frames a second: below it a video plays well (the paper's dotted line). */
const GOOD_MS = 50;
/** One median a second: smooth enough to follow, short enough to show the pause. */
const MEDIAN_SPAN_MS = 1_000;
/** Without answers for so long the line is broken: the desktop showed nothing. */
const GAP_MS = 3_000;
/** Square pixels of a mark of what is above the axis. */
const TRIANGLE = 34;
/** No letter of the page's bold font is wider on average, pixels. */
const LETTER_WIDTH = 8.4;

/** Places an instant on the time axis, pixels. */
type Place = (atMs: number) => number;

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
  const x: Place = (atMs) => time((atMs - series.startedAtMs) / 1000);
  const name = `Response time of ${desktop.desktop} (${desktop.activity}) over time`;
  return [
    `<svg viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" role="img" aria-label="${escapeHtml(name)}">`,
    ...moves.flatMap((m) =>
      m.phases.map((p) => renderBand(p.phase, x(p.startedAtMs), x(p.endedAtMs ?? series.endedAtMs), p)),
    ),
    renderAxes(time, response),
    ...moves.map((m) => renderMark(m, x)),
    renderSamples(desktop, series, x, response),
    ...moves.map((m) => renderSites(m, x)),
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
  const rows = response.ticks(RESPONSE_TICKS).map((t) => {
    const y = fix(response(t));
    return `<line class="grid" x1="${String(LEFT)}" x2="${String(RIGHT)}" y1="${y}" y2="${y}"/><text class="tick" x="${String(LEFT - 8)}" y="${y}" dy="0.32em" text-anchor="end">${String(t)}</text>`;
  });
  const columns = time.ticks().map((t) => {
    const x = fix(time(t));
    return `<line class="axis" x1="${x}" x2="${x}" y1="${String(BOTTOM)}" y2="${String(BOTTOM + 4)}"/><text class="tick" x="${x}" y="${String(BOTTOM + 17)}" text-anchor="middle">${String(t)}</text>`;
  });
  const good = fix(response(GOOD_MS));
  const middle = (TOP + BOTTOM) / 2;
  return [
    ...rows,
    ...columns,
    `<line class="axis" x1="${String(LEFT)}" x2="${String(RIGHT)}" y1="${String(BOTTOM)}" y2="${String(BOTTOM)}"/>`,
    `<line class="good" x1="${String(LEFT)}" x2="${String(RIGHT)}" y1="${good}" y2="${good}"><title>50 ms: 20 frames a second, enough for good video</title></line>`,
    `<text class="tick" x="${String(RIGHT + 6)}" y="${good}" dy="0.32em">20 frames/s</text>`,
    `<text class="label" x="${String((LEFT + RIGHT) / 2)}" y="${String(HEIGHT - 6)}" text-anchor="middle">time (s)</text>`,
    `<text class="label" transform="translate(14 ${String(middle)}) rotate(-90)" text-anchor="middle">response time (ms)</text>`,
  ].join('\n');
}

function renderSamples(desktop: DesktopSeries, series: DemoSeries, x: Place, response: Scale): string {
  const [, max = 0] = response.domain();
  const dots = thin(desktop.samples, series.startedAtMs, series.endedAtMs, RIGHT - LEFT);
  const above = dots.filter((s) => s.responseMs > max);
  const path = dots
    .filter((s) => s.responseMs <= max)
    .map((s) => `M${fix(x(s.atMs))} ${fix(response(s.responseMs))}h0`)
    .join('');
  const triangle = symbol(symbolTriangle, TRIANGLE).digits(1)() ?? '';
  return [
    `<path class="dots" d="${path}"/>`,
    `<path class="median" d="${medianPath(desktop, series, x, response)}"/>`,
    ...above.map(
      (s) =>
        `<path class="above" transform="translate(${fix(x(s.atMs))} ${String(ABOVE_Y)})" d="${triangle}"><title>${formatMs(s.responseMs)}, above the axis</title></path>`,
    ),
    renderLongest(above, x),
  ].join('\n');
}

/** Name the longest response that is cut off: usually the pause. */
function renderLongest(above: readonly Sample[], x: Place): string {
  const [longest] = [...above].sort((a, b) => b.responseMs - a.responseMs);
  return longest === undefined
    ? ''
    : renderLabel('note', x(longest.atMs), NOTE_Y, formatMs(longest.responseMs));
}

function medianPath(desktop: DesktopSeries, series: DemoSeries, x: Place, response: Scale): string {
  const points = medians(desktop.samples, series.startedAtMs, MEDIAN_SPAN_MS);
  // Before a point that comes after a gap stands one that is not drawn.
  const broken = points.flatMap((p, i): (Sample | null)[] => {
    const last = points[i - 1];
    return last !== undefined && p.atMs - last.atMs > GAP_MS ? [null, p] : [p];
  });
  const draw = line<Sample | null>()
    .defined((p) => p !== null)
    .x((p) => x(p?.atMs ?? 0))
    .y((p) => response(p?.responseMs ?? 0))
    .digits(1);
  return draw(broken) ?? '';
}

function renderMark(move: MoveSeries, x: Place): string {
  if (move.stoppedAtMs === null) return '';
  const at = fix(x(move.stoppedAtMs));
  return `<line class="mark" x1="${at}" x2="${at}" y1="${String(ABOVE_Y + 6)}" y2="${String(BOTTOM)}"><title>switchover</title></line>`;
}

/** Above the mark: at which site the desktop runs before and after, and how far that is from its user. */
function renderSites(move: MoveSeries, x: Place): string {
  if (move.stoppedAtMs === null) return '';
  const site = (name: string, rttMs: number | null) =>
    `at ${name}${rttMs === null ? '' : ` (${formatMs(rttMs)} away)`}`;
  const sites = `${site(move.fromSite, move.rttBeforeMs)} → ${site(move.toSite, move.rttAfterMs)}`;
  return renderLabel('site', x(move.stoppedAtMs), SITES_Y, sites);
}

/** A text over `at`, moved aside as far as it must be to stay whole. */
function renderLabel(style: string, at: number, y: number, text: string): string {
  const half = Math.min(WIDTH / 2, (text.length * LETTER_WIDTH) / 2);
  const middle = Math.min(WIDTH - half, Math.max(half, at));
  return `<text class="${style}" x="${fix(middle)}" y="${String(y)}" text-anchor="middle">${escapeHtml(text)}</text>`;
}

function fix(value: number): string {
  return String(Math.round(value * 10) / 10);
}
