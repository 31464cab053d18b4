// What a machine really has left for one more desktop, whatever its configuration says: free disk and memory now, less what those that it
// was promised to may still take of them. A move under way counts once: what it has taken is no longer free, what it lacks is kept for it.
import { z } from 'zod';
import type { DesktopDefinition } from './desktop.js';
import { convertSize } from './units.js';

/** As the machine says it, now. */
export interface MachineResources {
  readonly disk: {
    /** Where the file system of the desktops' disks is mounted. */
    readonly fileSystem: string;
    readonly freeMiB: number;
    readonly totalMiB: number;
  };
  readonly memory: {
    /** What can be given to new processes without swapping (MemAvailable of proc(5)). */
    readonly availableMiB: number;
    readonly totalMiB: number;
  };
}

/**
 * The share of what those here may still grow by that is kept free for them: 1 all of it, 0 nothing (what is free now is given away).
 * Disks are sparse and grow as guests write; a guest's memory grows as it is touched.
 */
export const GrowthPolicy = z.object({
  disk: z.number().min(0).max(1).default(1),
  memory: z.number().min(0).max(1).default(1),
});
export type GrowthPolicy = z.infer<typeof GrowthPolicy>;

type Sizes = Pick<DesktopDefinition, 'memoryMiB' | 'diskMiB'>;

/** A desktop that the host has or is to have, and what it takes of the machine so far. */
export interface Promised {
  readonly definition: Sizes;
  readonly diskTakenBytes: number;
  /** What its disk will take in any case, however it grows: what is used of one that is being moved here. */
  readonly diskSureBytes: number;
  readonly memoryTakenBytes: number;
  /** False for one that is not to run: its memory is not kept for it. */
  readonly runs: boolean;
}

export interface RealRoom {
  readonly diskMiB: number;
  readonly memoryMiB: number;
}

const mib = (bytes: number) => convertSize(bytes, 'B', 'MiB');
const memoryLacking = ({ definition, memoryTakenBytes, runs }: Promised) =>
  runs ? Math.max(0, definition.memoryMiB - mib(memoryTakenBytes)) : 0;

/** What a disk will take in any case and has not yet, and the kept share of what it may still grow by beyond, MiB. */
function diskLacking({ definition, diskTakenBytes, diskSureBytes }: Promised, growth: GrowthPolicy): number {
  const sure = Math.max(mib(diskTakenBytes), mib(diskSureBytes));
  return sure - mib(diskTakenBytes) + growth.disk * Math.max(0, definition.diskMiB - sure);
}

/** What is left for one more when those that are here have grown, whole MiB; below zero where they cannot even do that. */
export function realRoom(
  { disk, memory }: MachineResources,
  promised: readonly Promised[],
  growth: GrowthPolicy,
): RealRoom {
  const sum = (pick: (p: Promised) => number) => promised.reduce((total, p) => total + pick(p), 0);
  return {
    diskMiB: Math.floor(disk.freeMiB - sum((p) => diskLacking(p, growth))),
    memoryMiB: Math.floor(memory.availableMiB - growth.memory * sum(memoryLacking)),
  };
}

/** What the machine lacks for one more desktop (or for the rest of one that is partly here), in words with both numbers; empty when it fits. */
export function realShortages(
  resources: MachineResources,
  promised: readonly Promised[],
  growth: GrowthPolicy,
  wanted: Promised,
): string[] {
  const room = realRoom(resources, promised, growth);
  const disk = Math.ceil(diskLacking(wanted, growth));
  const memory = Math.ceil(memoryLacking(wanted));
  const left = (n: number) => String(Math.max(0, n));
  return [
    ...(disk <= room.diskMiB
      ? []
      : [
          `${String(disk)} MiB of disk wanted, ${left(room.diskMiB)} MiB really left at ${resources.disk.fileSystem} (${left(Math.floor(resources.disk.freeMiB))} of ${String(resources.disk.totalMiB)} MiB free, less what the disks of others here may still grow)`,
        ]),
    ...(memory <= room.memoryMiB
      ? []
      : [
          `${String(memory)} MiB of memory wanted, ${left(room.memoryMiB)} MiB really left (${left(Math.floor(resources.memory.availableMiB))} of ${String(resources.memory.totalMiB)} MiB available, less what others here have not touched yet)`,
        ]),
  ];
}

/** Less than this is not worth waking a guest for: it would stand still again at once. */
const GO_ON_MIB = 16;

/** Whether a guest that had no room for a write may try it again. */
export function hasRoomToGoOn({ disk }: MachineResources): boolean {
  return disk.freeMiB >= GO_ON_MIB;
}

/** What is wrong with a desktop that is out of space, and what to do, in words. */
export function outOfSpace({ disk }: MachineResources): string {
  return `no space left at ${disk.fileSystem}: ${String(disk.freeMiB)} of ${String(disk.totalMiB)} MiB free, ${String(GO_ON_MIB)} needed. Free some there: it goes on by itself`;
}
