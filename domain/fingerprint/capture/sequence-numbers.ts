// TCP sequence arithmetic modulo 2^32 (RFC 1982).

/** How far `a` is past `b`, -2^31 to 2^31-1. */
export function serialDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** `a` plus `n`, modulo 2^32. */
export function serialAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}
