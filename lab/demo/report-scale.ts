// The plot's axes, and where to cut the response axis so that one long pause does not flatten everything else. Pure.
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { percentile, type Sample } from './percentiles.js';

export type Scale = ScaleLinear<number, number>;

/** Ticks that a panel of this height has room for. */
export const RESPONSE_TICKS = 4;

/** From 0 to a round value of at least `maxMs`, upwards (SVG's y grows downwards); what lies above stays at the top. */
export function responseScale(maxMs: number, top: number, bottom: number): Scale {
  return scaleLinear([0, maxMs], [bottom, top]).nice(RESPONSE_TICKS).clamp(true);
}

/** Seconds since the start over [left, right]; what lies outside stays at the edge. */
export function timeScale(seconds: number, left: number, right: number): Scale {
  return scaleLinear([0, Math.max(1, seconds)], [left, right]).clamp(true);
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
