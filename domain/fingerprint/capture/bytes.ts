// Reads numbers from untrusted bytes: 0 stands for what is past the end.

/** One byte. */
export function byte(b: Uint8Array, at: number): number {
  return b[at] ?? 0;
}
/** Two bytes, big endian. */
export function u16(b: Uint8Array, at: number): number {
  return byte(b, at) * 256 + byte(b, at + 1);
}
/** Four bytes, big endian. */
export function u32(b: Uint8Array, at: number): number {
  return u16(b, at) * 65_536 + u16(b, at + 2);
}
/** Two bytes, little endian. */
export function u16Little(b: Uint8Array, at: number): number {
  return byte(b, at) + 256 * byte(b, at + 1);
}
/** Four bytes, little endian. */
export function u32Little(b: Uint8Array, at: number): number {
  return u16Little(b, at) + 65_536 * u16Little(b, at + 2);
}
