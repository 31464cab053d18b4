// Axes: round ticks, linear scales, and where to cut the response axis so that one long pause does not flatten everything else. Pure.
import { percentile, type Sample } from './percentiles.js';

export interface Scale {
  readonly min: number;
  readonly max: number;
  readonly ticks: readonly number[];
  /** Position of a value, pixels. */
  at(value: number): number;
}

/** Steps that people count in: of decimals for ms, of minutes for time. */
const DECIMAL_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/** A linear scale from 0 to `max` over `pixels` upwards (SVG's y grows downwards), about `count` ticks. */
export function responseScale(max: number, top: number, bottom: number, count = 4): Scale {
  const step = DECIMAL_STEPS.find((s) => max / s <= count) ?? max / count;
  const end = Math.max(step, Math.ceil(max / step) * step);
  return {
    min: 0,
    max: end,
    ticks: range(0, end, step),
    at: (value) => bottom - ((Math.min(value, end) - 0) / end) * (bottom - top),
  };
}

/** A linear scale of seconds since the start over [left, right]. */
export function timeScale(seconds: number, left: number, right: number, count = 10): Scale {
  const max = Math.max(1, seconds);
  const step = TIME_STEPS_S.find((s) => max / s <= count) ?? max / count;
  return {
    min: 0,
    max,
    ticks: range(0, max, step),
    at: (value) => left + (Math.min(Math.max(value, 0), max) / max) * (right - left),
  };
}

/** The 20 frames/s line must be in sight, and a little above it. */
const LEAST_TOP_MS = 75;
/** Leaves the slowest percent (the pause and its echo) to be cut and marked. */
const SHARE_IN_SIGHT = 0.99;

/** Where to cut the response axis, ms. */
export function topOfSight(samples: readonly Sample[]): number {
  const high = percentile(
    samples.map((s) => s.responseMs),
    SHARE_IN_SIGHT,
  );
  return Math.max(LEAST_TOP_MS, (high ?? 0) * 1.15);
}

function range(from: number, to: number, step: number): number[] {
  const count = Math.floor((to - from) / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => from + i * step);
}
