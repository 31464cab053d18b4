// Small line charts as SVG: panels in a grid, logarithmic or linear axes, one line a series, an optional band.
import { scaleLinear, scaleLog } from 'd3-scale';
import { line as lineThrough } from 'd3-shape';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly label: string;
  readonly log: boolean;
}

export interface Panel {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** A range of y to be seen behind the lines. */
  readonly band?: { readonly low: number; readonly high: number; readonly label: string };
}

const COLOURS = ['#0b6e99', '#c2410c', '#15803d', '#7c3aed', '#111827', '#d4a017', '#be185d'];
/** Lines that lie on each other are told apart by these. */
const DASHES = ['', '7 4', '2 3', '', '12 6', '3 8', '4 4'];
const WIDTH = 480;
const HEIGHT = 300;
const LEFT = 66;
const RIGHT = 42;
const TOP = 36;
const BOTTOM = 48;
const LEGEND_COLUMN = 144;

const escape = (s: string) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;');
const short = (v: number) => String(Number(v.toPrecision(3))).replace(/\B(?=(\d{3})+$)/g, ',');

/** An axis from `from` to `to`, pixels, that reaches from at most `low` to at least `high`. */
export interface DrawnAxis {
  /** Powers of ten, or round steps; at least two. */
  readonly marks: readonly number[];
  readonly at: (value: number) => number;
}

/** Steps of a linear axis, about. */
const STEPS = 5;

/** Lay out an axis; a logarithmic one spans a power of ten at least. */
export function drawnAxis(low: number, high: number, log: boolean, from: number, to: number): DrawnAxis {
  if (!log) {
    const scale = scaleLinear([low, high > low ? high : low + 1], [from, to]).nice(STEPS);
    return { marks: scale.ticks(STEPS), at: scale };
  }
  const scale = scaleLog([low, Math.max(high, low * 1.01)], [from, to]).nice();
  return { marks: scale.ticks().filter((mark) => Number.isInteger(Math.log10(mark))), at: scale };
}

const text = (x: number, y: number, s: string, more = '') =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(s)}</text>`;

function panelSvg(panel: Panel, names: readonly string[], dx: number, dy: number): string {
  const all = panel.series.flatMap((s) => s.points);
  if (all.length === 0) return '';
  const xs = all.map(([x]) => x);
  const ys = [...all.map(([, y]) => y), ...(panel.band === undefined ? [] : [panel.band.high])];
  const [left, right] = [dx + LEFT, dx + WIDTH - RIGHT];
  const [top, bottom] = [dy + TOP, dy + HEIGHT - BOTTOM];
  const lowestX = panel.x.log ? Math.min(...xs) : 0;
  const lowestY = panel.y.log ? Math.min(...ys) : Math.min(0, ...ys);
  const { marks: xMarks, at: px } = drawnAxis(lowestX, Math.max(...xs), panel.x.log, left, right);
  const { marks: yMarks, at: py } = drawnAxis(lowestY, Math.max(...ys), panel.y.log, bottom, top);
  const path = lineThrough()
    .x(([x]) => px(x))
    .y(([, y]) => py(y))
    .digits(1);
  const line = (x1: number, y1: number, x2: number, y2: number) =>
    `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#ddd"/>`;
  const middle = dy + (TOP + HEIGHT - BOTTOM) / 2;
  const parts = [
    text(dx + 14, dy + 20, panel.title, 'font-weight="bold"'),
    ...yMarks.map(
      (m) => line(left, py(m), right, py(m)) + text(left - 6, py(m) + 4, short(m), 'text-anchor="end"'),
    ),
    ...xMarks.map(
      (m) =>
        line(px(m), bottom, px(m), bottom + 4) + text(px(m), bottom + 18, short(m), 'text-anchor="middle"'),
    ),
    text((left + right) / 2, dy + HEIGHT - 12, panel.x.label, 'text-anchor="middle"'),
    text(dx + 14, middle, panel.y.label, `text-anchor="middle" transform="rotate(-90 ${dx + 14} ${middle})"`),
  ];
  if (panel.band !== undefined) {
    const { low, high, label } = panel.band;
    parts.push(
      `<rect x="${left}" y="${py(high).toFixed(1)}" width="${right - left}" height="${(py(low) - py(high)).toFixed(1)}" fill="#fde68a"/>`,
      text(right - 4, py(low) + 14, label, 'text-anchor="end" fill="#92400e"'),
    );
  }
  for (const s of panel.series) {
    const k = names.indexOf(s.name);
    const colour = COLOURS[k % COLOURS.length]!;
    parts.push(
      `<path d="${path(s.points.map(([x, y]) => [x, y])) ?? ''}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${DASHES[k % DASHES.length]!}"/>`,
      ...s.points.map(
        ([x, y]) => `<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
    );
  }
  return parts.join('\n');
}

/** Draw panels in rows, one legend on top; one colour and dash a name in all panels. */
export function chart(panels: readonly Panel[], columns: number): string {
  const names = [...new Set(panels.flatMap((p) => p.series.map((s) => s.name)))];
  const perRow = Math.floor((columns * WIDTH - LEFT) / LEGEND_COLUMN);
  const head = 16 + Math.ceil(names.length / perRow) * 20;
  const legend = names.map((name, k) => {
    const x = LEFT + (k % perRow) * LEGEND_COLUMN;
    const y = 22 + Math.floor(k / perRow) * 20;
    const colour = COLOURS[k % COLOURS.length]!;
    return `<line x1="${x}" x2="${x + 28}" y1="${y - 4}" y2="${y - 4}" stroke="${colour}" stroke-width="3" stroke-dasharray="${DASHES[k % DASHES.length]!}"/>${text(x + 34, y, name)}`;
  });
  const body = panels.map((p, k) =>
    panelSvg(p, names, (k % columns) * WIDTH, head + Math.floor(k / columns) * HEIGHT),
  );
  const height = head + Math.ceil(panels.length / columns) * HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${columns * WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${legend.join('\n')}
${body.join('\n')}
</svg>
`;
}
