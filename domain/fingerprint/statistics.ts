// Order statistics over small samples. Empty input gives null, never NaN.

/** The `q` quantile (0 to 1) by the nearest rank below; null for no values. */
export function quantile(values: readonly number[], q: number): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? null;
}

/** The middle value; null for no values. */
export function median(values: readonly number[]): number | null {
  return quantile(values, 0.5);
}

/** Mean of the middle fifth: the median, but steadier where few values lie far apart, as between keystrokes; null for no values. */
export function steadyMedian(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const from = Math.floor(values.length * 0.4);
  const fifth = sorted.slice(from, Math.max(values.length - from, from + 1));
  return fifth.reduce((sum, v) => sum + v, 0) / fifth.length;
}

/** The most frequent value; null for no values. Ties go to the one seen first. */
export function mode(values: readonly number[]): number | null {
  const counts = new Map<number, number>();
  let best: number | null = null;
  for (const v of values) counts.set(v, (counts.get(v) ?? 0) + 1);
  for (const [v, n] of counts) if (best === null || n > (counts.get(best) ?? 0)) best = v;
  return best;
}

/** Clip to 0 to 1. */
export function toShare(x: number): number {
  return Number.isFinite(x) ? Math.min(1, Math.max(0, x)) : 0;
}

/** Round to `digits` decimals, for what goes over the wire and to people. */
export function rounded(x: number, digits = 2): number {
  const scale = 10 ** digits;
  return Math.round(x * scale) / scale;
}
