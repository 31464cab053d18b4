// What a host can give and what is taken of it: desktops of its own plus reservations of moves under way (promise 5).
import { z } from 'zod';
import type { DesktopDefinition } from './desktop.js';

export const Capacity = z.object({
  slots: z.number().int().min(0),
  vcpus: z.number().int().min(0),
  memoryMb: z.number().int().min(0),
  diskMb: z.number().int().min(0),
});
export type Capacity = z.infer<typeof Capacity>;

type Needs = Pick<DesktopDefinition, 'vcpus' | 'memoryMb' | 'diskMb'>;

/** Sum of what these desktops take. */
export function usedBy(desktops: readonly Needs[]): Capacity {
  return desktops.reduce<Capacity>(
    (sum, d) => ({
      slots: sum.slots + 1,
      vcpus: sum.vcpus + d.vcpus,
      memoryMb: sum.memoryMb + d.memoryMb,
      diskMb: sum.diskMb + d.diskMb,
    }),
    { slots: 0, vcpus: 0, memoryMb: 0, diskMb: 0 },
  );
}

/** What is missing to take one more desktop, in words; empty when it fits. */
export function shortages(capacity: Capacity, used: Capacity, more: Needs): string[] {
  const after = usedBy([more]);
  const names = { slots: 'slots', vcpus: 'vCPUs', memoryMb: 'MB of memory', diskMb: 'MB of disk' } as const;
  return (Object.keys(names) as (keyof Capacity)[])
    .filter((k) => used[k] + after[k] > capacity[k])
    .map(
      (k) =>
        `${String(after[k])} ${names[k]} wanted, ${String(Math.max(0, capacity[k] - used[k]))} of ${String(capacity[k])} free`,
    );
}
