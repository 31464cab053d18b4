// A chart of how figures went: paths and ticks for SVG. Pure.
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';
import type { Trend } from '../api.js';

interface ChartLine {
  readonly name: string;
  readonly path: string;
  readonly last: number | null;
  /** Where it ends, for its name; null where it has no point. */
  readonly end: readonly [number, number] | null;
}

export interface Chart {
  readonly lines: readonly ChartLine[];
  readonly ticks: readonly { readonly y: number; readonly value: number }[];
  /** Milliseconds that it covers; 0 before there are two points. */
  readonly spanMs: number;
  readonly marks: readonly { readonly x: number; readonly name: string }[];
}

export interface ChartInput {
  readonly trend: Trend;
  readonly names: readonly string[];
  readonly width: number;
  readonly height: number;
  /** The axis ends there at least. */
  readonly top?: number;
  /** Moments to mark, such as ends of moves. */
  readonly marks?: readonly { readonly atMs: number; readonly name: string }[];
}

const LEFT = 44;
const EDGE = 8;

/** Draw the figures of these names over time, from zero up. */
export function chartOf({ trend, names, width, height, top = 0, marks = [] }: ChartInput): Chart {
  const times = trend.timesMs;
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const series = names.map((name) => ({ name, values: trend.values[name] ?? [] }));
  const highest = Math.max(top, ...series.flatMap(({ values }) => values.map((v) => v ?? 0)));
  const x = scaleLinear([first, Math.max(last, first + 1)], [LEFT, width - EDGE]);
  const y = scaleLinear([0, highest === 0 ? 1 : highest], [height - EDGE, EDGE]).nice(4);
  const pathOf = line<readonly [number, number | null]>()
    .defined(([, value]) => value !== null)
    .x(([at]) => round(x(at)))
    .y(([, value]) => round(y(value ?? 0)));
  return {
    lines: series.map(({ name, values }) => {
      const points = times.map((at, i) => [at, values[i] ?? null] as const);
      const end = points.findLast(([, value]) => value !== null);
      return {
        name,
        path: pathOf(points) ?? '',
        last: values.at(-1) ?? null,
        end: end === undefined ? null : [round(x(end[0])), round(y(end[1] ?? 0))],
      };
    }),
    ticks: y.ticks(4).map((value) => ({ y: round(y(value)), value })),
    spanMs: last - first,
    marks: marks
      .filter(({ atMs }) => atMs >= first && atMs <= last)
      .map(({ atMs, name }) => ({ x: round(x(atMs)), name })),
  };
}

const round = (n: number) => Math.round(n * 10) / 10;
