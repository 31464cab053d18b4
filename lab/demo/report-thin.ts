// Makes many samples few enough for a page: at most so many dots a pixel column, extremes kept; and a line of medians through them. Pure.
import { percentile, type Sample } from './percentiles.js';

/** Keep the first, the lowest, the highest and the last sample of each of `columns` equal spans of time. */
export function thin(samples: readonly Sample[], fromMs: number, toMs: number, columns: number): Sample[] {
  const kept: Sample[] = [];
  for (const bucket of buckets(samples, fromMs, Math.max(1, (toMs - fromMs) / columns))) {
    const byTime = [...bucket];
    const byValue = [...bucket].sort((a, b) => a.responseMs - b.responseMs);
    const chosen = new Set([byTime[0], byValue[0], byValue.at(-1), byTime.at(-1)]);
    kept.push(...byTime.filter((s) => chosen.has(s)));
  }
  return kept;
}

/** The median of each span of `spanMs` that has samples, at the span's middle. */
export function medians(samples: readonly Sample[], fromMs: number, spanMs: number): Sample[] {
  return buckets(samples, fromMs, spanMs).map((bucket) => ({
    atMs: spanStart(bucket[0]?.atMs ?? fromMs, fromMs, spanMs) + spanMs / 2,
    responseMs:
      percentile(
        bucket.map((s) => s.responseMs),
        0.5,
      ) ?? 0,
  }));
}

function spanStart(atMs: number, fromMs: number, spanMs: number): number {
  return fromMs + Math.floor((atMs - fromMs) / spanMs) * spanMs;
}

function buckets(samples: readonly Sample[], fromMs: number, spanMs: number): Sample[][] {
  const found = new Map<number, Sample[]>();
  for (const sample of [...samples].sort((a, b) => a.atMs - b.atMs)) {
    const key = spanStart(sample.atMs, fromMs, spanMs);
    const bucket = found.get(key);
    if (bucket === undefined) found.set(key, [sample]);
    else bucket.push(sample);
  }
  return [...found.values()];
}
