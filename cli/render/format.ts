// How figures are written for people: short, with their unit, never NaN. `-` stands for what is not known.

export const UNKNOWN = '-';

/** Milliseconds: `41.7 ms` below a second, else seconds. */
export function formatMs(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  if (Math.abs(ms) < 10) return `${trim(ms, 2)} ms`;
  if (Math.abs(ms) < 1000) return `${trim(ms, 1)} ms`;
  return `${trim(ms / 1000, 2)} s`;
}

/** A length of time, ms, as people say it: `8 s`, `4 min 25 s`, `2 h 5 min`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${String(seconds)} s`;
  if (seconds < 3600) return join(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  if (seconds < 86_400)
    return join(Math.floor(seconds / 3600), 'h', Math.floor((seconds % 3600) / 60), 'min');
  return join(Math.floor(seconds / 86_400), 'd', Math.floor((seconds % 86_400) / 3600), 'h');
}

/** Bytes in decimal units, as networks and disks are sold. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return UNKNOWN;
  let value = bytes;
  let unit = 'B';
  for (const next of ['kB', 'MB', 'GB', 'TB']) {
    if (Math.abs(value) < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${trim(value, unit === 'B' ? 0 : value < 10 ? 2 : 1)} ${unit}`;
}

/** Bytes a second as the network's megabits. */
export function formatRate(bytesPerSecond: number | null | undefined): string {
  if (bytesPerSecond === null || bytesPerSecond === undefined || !(bytesPerSecond > 0)) return UNKNOWN;
  return `${trim((bytesPerSecond * 8) / 1e6, 1)} Mbit/s`;
}

/** A rank or share, 0..1, two digits. */
export function formatRank(rank: number | null | undefined): string {
  return rank === null || rank === undefined || !Number.isFinite(rank) ? UNKNOWN : rank.toFixed(2);
}

/** A plain number with at most `digits` after the point. */
export function formatNumber(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined || !Number.isFinite(value) ? UNKNOWN : trim(value, digits);
}

/** `used/all`. */
export function formatUse(used: number | null | undefined, all: number | null | undefined): string {
  return `${formatNumber(used, 0)}/${formatNumber(all, 0)}`;
}

/** How long ago, or how long from now. */
export function formatAge(atMs: number | null | undefined, nowMs: number): string {
  if (atMs === null || atMs === undefined) return UNKNOWN;
  return atMs > nowMs ? `in ${formatDuration(atMs - nowMs)}` : `${formatDuration(nowMs - atMs)} ago`;
}

/** Time of day, local. */
export function formatClock(atMs: number): string {
  return new Date(atMs).toTimeString().slice(0, 8);
}

/** `1 move`, `2 moves`. */
export function plural(n: number, word: string): string {
  return `${String(n)} ${word}${n === 1 ? '' : 's'}`;
}

/** Cut a text to `length` characters, and show that something is missing. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

function trim(value: number, digits: number): string {
  const text = value.toFixed(digits);
  const short = digits === 0 ? text : text.replace(/\.?0+$/, '');
  return short === '-0' ? '0' : short;
}

function join(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0
    ? `${String(large)} ${largeUnit}`
    : `${String(large)} ${largeUnit} ${String(small)} ${smallUnit}`;
}
