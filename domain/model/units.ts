// Sizes in bytes and their units: decimal ones (kB, MB, GB) of what goes over a wire or is planned with, binary ones (KiB, MiB, GiB) of
// memory and disks.

/** How many bytes each unit is. */
export const BYTES_PER = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
} as const;
export type SizeUnit = keyof typeof BYTES_PER;

/** Express `value`, a size in unit `from`, in unit `to`; exact while the size is less than 2^53 bytes and `to` is `B`. */
export function convertSize(value: number, from: SizeUnit, to: SizeUnit): number {
  return (value * BYTES_PER[from]) / BYTES_PER[to];
}
