import {
  realRoom,
  realShortages,
  type MachineResources,
  type Promised,
} from '../../../../domain/model/real-room.js';

const MIB = 2 ** 20;
const ALL = { disk: 1, memory: 1 };
const machine: MachineResources = {
  disk: { fileSystem: '/var/lib/vmshadow', freeMiB: 5_000, totalMiB: 5_120 },
  memory: { availableMiB: 3_000, totalMiB: 4_096 },
};
const desktop = (over: Partial<Promised> & { diskMiB?: number; memoryMiB?: number } = {}): Promised => ({
  definition: { diskMiB: over.diskMiB ?? 1_000, memoryMiB: over.memoryMiB ?? 512 },
  diskTakenBytes: over.diskTakenBytes ?? 0,
  diskSureBytes: over.diskSureBytes ?? 0,
  memoryTakenBytes: over.memoryTakenBytes ?? 0,
  runs: over.runs ?? true,
});

describe('the real room of a machine', () => {
  it('is what is free, less what those that are here may still take', () => {
    const here = [
      desktop({ diskTakenBytes: 400 * MIB, memoryTakenBytes: 500 * MIB }),
      desktop({ runs: false, memoryMiB: 2_048 }),
    ];
    expect(realRoom(machine, here, ALL)).toEqual({ diskMiB: 5_000 - 600 - 1_000, memoryMiB: 3_000 - 12 });
  });

  it('counts a move under way once, whatever of its disk has come already', () => {
    const room = (takenMiB: number) =>
      realRoom(
        { ...machine, disk: { ...machine.disk, freeMiB: 5_000 - takenMiB } },
        [desktop({ diskTakenBytes: takenMiB * MIB })],
        ALL,
      ).diskMiB;
    expect([0, 300, 1_000].map(room)).toEqual([4_000, 4_000, 4_000]);
  });

  it('is never more for one that takes more than its size (its process has memory of its own)', () => {
    const here = [desktop({ memoryTakenBytes: 600 * MIB, diskTakenBytes: 1_001 * MIB })];
    expect(realRoom(machine, here, ALL)).toEqual({ diskMiB: 5_000, memoryMiB: 3_000 });
  });

  it('keeps the share of the growth that the policy says, and always what is surely coming', () => {
    const here = [desktop({ diskSureBytes: 600 * MIB, diskTakenBytes: 100 * MIB })];
    expect(realRoom(machine, here, { disk: 0, memory: 0 })).toEqual({ diskMiB: 4_500, memoryMiB: 3_000 });
    expect(realRoom(machine, here, { disk: 0.5, memory: 0.5 })).toEqual({ diskMiB: 4_300, memoryMiB: 2_744 });
  });

  it('lacks, with both numbers and the file system, what one more wants beyond it', () => {
    const wanted = desktop({ diskMiB: 20_480, memoryMiB: 4_096, diskSureBytes: 10_240 * MIB });
    const [disk, memory, ...rest] = realShortages(machine, [desktop()], ALL, wanted);
    expect(disk).toMatch(
      /^20480 MiB of disk wanted, 4000 MiB really left at \/var\/lib\/vmshadow .*5000 of 5120/,
    );
    expect(memory).toMatch(/^4096 MiB of memory wanted, 2488 MiB really left .*3000 of 4096/);
    expect(rest).toEqual([]);
    expect(realShortages(machine, [], { disk: 0, memory: 0 }, wanted)[0]).toMatch(
      /^10240 MiB of disk wanted/,
    );
  });

  it('takes one that fits to the last MiB, and the rest of one that is partly here', () => {
    expect(realShortages(machine, [], ALL, desktop({ diskMiB: 5_000, memoryMiB: 3_000 }))).toEqual([]);
    expect(realShortages(machine, [], ALL, desktop({ diskMiB: 5_001 }))).toHaveLength(1);
    expect(realShortages(machine, [], ALL, desktop({ memoryMiB: 3_001 }))).toHaveLength(1);
    expect(realShortages(machine, [], ALL, desktop({ diskMiB: 6_000, diskTakenBytes: 1_000 * MIB }))).toEqual(
      [],
    );
  });
});
