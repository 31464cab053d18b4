// Order statistics of measured times. Pure.
import type { ResponseSummary } from './demo-result.js';

export interface Sample {
  /** When the answer came, ms since 1970. */
  readonly atMs: number;
  readonly responseMs: number;
}

/** The value below which `share` (0..1) of the values lie, interpolated between neighbours; null of nothing. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return null;
  const at = Math.min(1, Math.max(0, share)) * (sorted.length - 1);
  const low = sorted[Math.floor(at)] ?? 0;
  const high = sorted[Math.ceil(at)] ?? low;
  return low + (high - low) * (at - Math.floor(at));
}

/** Median, 95th percentile and number of the samples that ended in [fromMs, toMs). */
export function summarize(
  samples: readonly Sample[],
  fromMs = Number.NEGATIVE_INFINITY,
  toMs = Number.POSITIVE_INFINITY,
): ResponseSummary {
  const values = samples.filter((s) => s.atMs >= fromMs && s.atMs < toMs).map((s) => s.responseMs);
  return {
    median: round(percentile(values, 0.5)),
    p95: round(percentile(values, 0.95)),
    samples: values.length,
  };
}

function round(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10;
}
