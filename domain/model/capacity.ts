// What a host can give and what is taken of it: desktops of its own plus reservations of moves under way (promise 5).
import { z } from 'zod';
import { readsOldNames } from './old-names.js';
import type { DesktopDefinition } from './desktop.js';

export const Capacity = readsOldNames(
  z.object({
    slots: z.number().int().min(0),
    vcpus: z.number().int().min(0),
    memoryMiB: z.number().int().min(0),
    diskMiB: z.number().int().min(0),
  }),
);
export type Capacity = z.infer<typeof Capacity>;

/** What one desktop takes. */
export type Needs = Pick<DesktopDefinition, 'vcpus' | 'memoryMiB' | 'diskMiB'>;

/** Sum of what these desktops take. */
export function usedBy(desktops: readonly Needs[]): Capacity {
  return desktops.reduce<Capacity>(
    (sum, d) => ({
      slots: sum.slots + 1,
      vcpus: sum.vcpus + d.vcpus,
      memoryMiB: sum.memoryMiB + d.memoryMiB,
      diskMiB: sum.diskMiB + d.diskMiB,
    }),
    { slots: 0, vcpus: 0, memoryMiB: 0, diskMiB: 0 },
  );
}

/** Room that is none, or of which nothing is taken. */
export const NOTHING: Capacity = usedBy([]);

/** The sum of both; their difference with -1. */
export function plus(a: Capacity, b: Capacity, sign: 1 | -1 = 1): Capacity {
  return {
    slots: a.slots + sign * b.slots,
    vcpus: a.vcpus + sign * b.vcpus,
    memoryMiB: a.memoryMiB + sign * b.memoryMiB,
    diskMiB: a.diskMiB + sign * b.diskMiB,
  };
}

/** What is missing to take one more desktop, in words; empty when it fits. */
export function shortages(capacity: Capacity, used: Capacity, more: Needs): string[] {
  const after = usedBy([more]);
  const names = {
    slots: 'slots',
    vcpus: 'vCPUs',
    memoryMiB: 'MiB of memory',
    diskMiB: 'MiB of disk',
  } as const;
  return (Object.keys(names) as (keyof Capacity)[])
    .filter((k) => used[k] + after[k] > capacity[k])
    .map(
      (k) =>
        `${String(after[k])} ${names[k]} wanted, ${String(Math.max(0, capacity[k] - used[k]))} of ${String(capacity[k])} free`,
    );
}
