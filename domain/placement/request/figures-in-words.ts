// Figures in sentences for people.

/** A figure with as many decimals as its size deserves: 123, 12.3, 0.12. */
export function figure(x: number): string {
  const size = Math.abs(x);
  if (!Number.isFinite(x)) return x < 0 ? '-infinity' : 'infinity';
  return String(Number(x.toFixed(size >= 100 ? 0 : size >= 1 ? 1 : 2)));
}

/** `3 desktops`, `1 desktop`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
