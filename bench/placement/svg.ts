// Small line charts as SVG, without a library: panels side by side, a logarithmic or linear y axis, one line a series.

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Panel {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly log: boolean;
  readonly series: readonly Series[];
}

const COLOURS = ['#0b6e99', '#c2410c', '#15803d', '#7c3aed', '#b91c1c', '#525252', '#a16207'];
const WIDTH = 460;
const HEIGHT = 320;
const LEFT = 62;
const RIGHT = 14;
const TOP = 34;
const BOTTOM = 46;

const escape = (s: string) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;');
const short = (v: number) =>
  v >= 1 || v === 0 ? String(Number(v.toFixed(0))) : String(Number(v.toPrecision(1)));

function ticks(low: number, high: number, log: boolean): number[] {
  if (log) {
    const found: number[] = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) found.push(10 ** e);
    return found;
  }
  const step = 10 ** Math.floor(Math.log10((high - low) / 2 || 1));
  const wide = (high - low) / step > 6 ? step * 2 : step;
  const found: number[] = [];
  for (let v = Math.ceil(low / wide) * wide; v <= high + 1e-9; v += wide) found.push(v);
  return found;
}

function panelSvg(panel: Panel, dx: number, dy: number): string {
  const all = panel.series.flatMap((s) => s.points);
  if (all.length === 0) return '';
  const xs = all.map(([x]) => x);
  const ys = all.map(([, y]) => (panel.log ? Math.max(y, 0.01) : y));
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const marks = ticks(panel.log ? Math.min(...ys) : 0, Math.max(...ys), panel.log);
  const [y0, y1] = [Math.min(marks[0] ?? 0, ...(panel.log ? [] : [0])), Math.max(marks.at(-1) ?? 1, ...ys)];
  const scale = (v: number) => (panel.log ? Math.log10(Math.max(v, 0.01)) : v);
  const px = (x: number) => dx + LEFT + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const py = (y: number) =>
    dy + HEIGHT - BOTTOM - ((scale(y) - scale(y0)) / (scale(y1) - scale(y0) || 1)) * (HEIGHT - TOP - BOTTOM);
  const text = (x: number, y: number, s: string, more = '') =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(s)}</text>`;
  const parts = [text(dx + LEFT, dy + 18, panel.title, 'font-weight="bold"')];
  for (const m of marks) {
    parts.push(
      `<line x1="${dx + LEFT}" x2="${dx + WIDTH - RIGHT}" y1="${py(m).toFixed(1)}" y2="${py(m).toFixed(1)}" stroke="#ddd"/>`,
    );
    parts.push(text(dx + LEFT - 6, py(m) + 4, short(m), 'text-anchor="end"'));
  }
  for (const x of [...new Set(xs)])
    parts.push(text(px(x), dy + HEIGHT - BOTTOM + 16, short(x), 'text-anchor="middle"'));
  parts.push(text(dx + (LEFT + WIDTH) / 2, dy + HEIGHT - 8, panel.x, 'text-anchor="middle"'));
  parts.push(
    text(
      dx + 14,
      dy + HEIGHT / 2,
      panel.y,
      `text-anchor="middle" transform="rotate(-90 ${dx + 14} ${dy + HEIGHT / 2})"`,
    ),
  );
  panel.series.forEach((s, k) => {
    const colour = COLOURS[k % COLOURS.length]!;
    const path = s.points.map(([x, y]) => `${px(x).toFixed(1)},${py(y).toFixed(1)}`).join(' ');
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const [x, y] of s.points)
      parts.push(`<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="3" fill="${colour}"/>`);
  });
  return parts.join('\n');
}

/** Draw panels in rows of two, with one legend below. */
export function chart(panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / 2);
  const names = [...new Set(panels.flatMap((p) => p.series.map((s) => s.name)))];
  const legend = names
    .map((n, k) => {
      const x = 30 + (k % 6) * 150;
      const y = rows * HEIGHT + 20 + Math.floor(k / 6) * 20;
      return `<rect x="${x}" y="${y - 9}" width="14" height="4" fill="${COLOURS[k % COLOURS.length]!}"/><text x="${x + 20}" y="${y}">${escape(n)}</text>`;
    })
    .join('\n');
  const body = panels.map((p, k) => {
    // One colour a name in all panels.
    const series = names.map((name) => p.series.find((s) => s.name === name) ?? { name, points: [] });
    return panelSvg({ ...p, series }, (k % 2) * WIDTH, Math.floor(k / 2) * HEIGHT);
  });
  const height = rows * HEIGHT + 30 + Math.ceil(names.length / 6) * 20;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
${body.join('\n')}
${legend}
</svg>
`;
}
