// Figures in words, as the page shows them. Pure; the time is given.

/** What is not known. */
const UNKNOWN = '–';

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return UNKNOWN;
  return value < 10 ? `${value.toFixed(1)} ms` : `${value.toFixed(0)} ms`;
}

export function rank(value: number | null): string {
  return value === null ? UNKNOWN : value.toFixed(2);
}

export function bytes(value: number): string {
  for (const [size, unit] of [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const)
    if (value >= size) return `${(value / size).toFixed(value / size < 10 ? 2 : 0)} ${unit}`;
  return `${value.toFixed(0)} B`;
}

/** A length of time: its two largest units. */
export function duration(lengthMs: number | null): string {
  if (lengthMs === null) return UNKNOWN;
  const s = Math.max(0, Math.round(lengthMs / 1000));
  if (lengthMs < 1000) return `${Math.max(0, lengthMs).toFixed(0)} ms`;
  if (s < 60) return `${String(s)} s`;
  if (s < 3600) return `${String(Math.floor(s / 60))} min ${String(s % 60)} s`;
  if (s < 86_400) return `${String(Math.floor(s / 3600))} h ${String(Math.floor((s % 3600) / 60))} min`;
  return `${String(Math.floor(s / 86_400))} d ${String(Math.floor((s % 86_400) / 3600))} h`;
}

/** `12 s ago`. */
export function ago(atMs: number | null, nowMs: number): string {
  return atMs === null ? UNKNOWN : `${duration(nowMs - atMs)} ago`;
}

/** Date and time, UTC, as `vmshadow history` writes them. */
export function moment(atMs: number): string {
  return new Date(atMs)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, 'Z');
}

/** `1 move`, `2 moves`. */
export function plural(n: number, noun: string): string {
  return `${String(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** Round trips by how they feel: the classes that map and lists are coloured by. */
export const RTT_CLASSES = [
  { below: 30, name: 'near', words: 'under 30 ms' },
  { below: 60, name: 'fair', words: '30 to 60 ms' },
  { below: 100, name: 'far', words: '60 to 100 ms' },
  { below: Infinity, name: 'remote', words: '100 ms and more' },
] as const;
type RttClass = (typeof RTT_CLASSES)[number]['name'] | 'unknown';

export function rttClass(rttMs: number | null): RttClass {
  if (rttMs === null) return 'unknown';
  return RTT_CLASSES.find(({ below }) => rttMs < below)?.name ?? 'unknown';
}
