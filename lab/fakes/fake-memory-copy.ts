// The memory of a move at the fake hypervisor's source: a round at each look, and a switchover that takes no time.
import { VmshadowError } from '../../domain/errors.js';
import { sameHost } from '../../domain/model/ids.js';
import type { Hypervisor, MemoryProgress, MoveKey, SwitchoverResult } from '../../ports/hypervisor.js';
import { diskError, mirrorOf } from './fake-disk-copy.js';
import { hasProcess, type FakeDesktop, type FakeMigration, type FakeParts } from './fake-machine.js';

type MemoryCopy = Pick<Hypervisor, 'startMemoryCopy' | 'memoryProgress' | 'switchover' | 'cancelMemoryCopy'>;

const BYTES_PER_SECOND = 1e6;
const LITTLE_BYTES = 10;
/** Ten seconds of the link: more than a pause may last unless it is forced. */
const TOO_MUCH_BYTES = 1e7;
const ROUND_BYTES = 100;
const PAUSE_MS = 7;

export function fakeMemoryCopy({ machine, faults, note, withProcess, run }: FakeParts): MemoryCopy {
  const migrationOf = (desktop: FakeDesktop, { moveId }: MoveKey): FakeMigration | null => {
    const { migration } = desktop;
    if (migration === null || migration.moveId !== moveId) return null;
    if (migration.state === 'active' && (faults.has('memory breaks') || migration.to?.memory !== 'waiting'))
      migration.state = 'failed';
    return migration;
  };
  const remainingBytes = () => (faults.has('memory never converges') ? TOO_MUCH_BYTES : LITTLE_BYTES);
  /** The pause: everything comes over, or the guest is back on its feet. */
  const handOver = async (
    desktop: FakeDesktop,
    move: MoveKey,
    onStopped: (atMs: number) => void,
    signal: AbortSignal,
  ): Promise<SwitchoverResult> => {
    const stoppedAtMs = Date.now();
    desktop.state = 'paused';
    note(`stop ${move.desktop}`);
    onStopped(stoppedAtMs);
    try {
      signal.throwIfAborted();
      const mirror = mirrorOf(desktop, move, faults);
      const migration = migrationOf(desktop, move);
      if (mirror?.state !== 'synchronous')
        throw diskError(move, `the copy is ${mirror?.state ?? 'none'}, expected synchronous`);
      if (migration?.state !== 'active' || migration.to === null)
        throw memoryError(move, 'the target is gone');
      migration.to.memory = 'complete';
      migration.state = 'completed';
      desktop.mirror = null;
      desktop.state = 'postmigrate';
      return resultOf(desktop, migration, stoppedAtMs);
    } catch (error) {
      if (desktop.migration !== null) desktop.migration.state = 'cancelled';
      run(desktop);
      throw error;
    }
  };
  return {
    startMemoryCopy: async (move, target) => {
      const desktop = withProcess(move.desktop);
      if (desktop.migration?.state === 'active') {
        if (desktop.migration.moveId === move.moveId) return;
        throw new VmshadowError('MOVE_IN_PROGRESS', `fake: ${move.desktop} is being copied by another move`);
      }
      if (desktop.state !== 'running') throw memoryError(move, 'it does not run');
      if (desktop.tpmLost) throw memoryError(move, 'its TPM is lost');
      const there = machine.wire.at(target);
      const from = there?.memoryFrom ?? null;
      const to = there !== undefined && from !== null && sameHost(from, machine.self) ? there : null;
      desktop.migration = { moveId: move.moveId, to, state: 'active', looks: 0 };
    },
    memoryProgress: async (move) => {
      const desktop = withProcess(move.desktop);
      machine.write(desktop);
      const migration = migrationOf(desktop, move);
      if (migration?.state === 'active') migration.looks += 1;
      return memoryFigures(desktop, migration, remainingBytes());
    },
    switchover: async (move, pauseBudgetMs, onStopped, signal) => {
      const desktop = withProcess(move.desktop);
      const migration = migrationOf(desktop, move);
      if (migration?.state === 'completed') return resultOf(desktop, migration, Date.now());
      if (migration?.state !== 'active') throw memoryError(move, 'there is no copy; start one first');
      if (desktop.tpmLost) throw memoryError(move, 'its TPM is lost');
      signal.throwIfAborted();
      const neededMs = (remainingBytes() / BYTES_PER_SECOND) * 1000;
      if (neededMs > pauseBudgetMs)
        throw new VmshadowError('CONVERGENCE', `fake: ${move.desktop} would need ${neededMs} ms`, {
          details: { pauseBudgetMs, neededMs },
        });
      return handOver(desktop, move, onStopped, signal);
    },
    cancelMemoryCopy: async (move) => {
      const desktop = machine.desktops.get(move.desktop);
      if (desktop?.migration?.moveId !== move.moveId || !hasProcess(desktop)) return;
      const { to } = desktop.migration;
      if (to?.memory === 'waiting') to.memory = 'gone';
      desktop.migration = null;
      run(desktop);
    },
  };
}

const wireBytesOf = ({ looks }: FakeMigration): number => looks * ROUND_BYTES;

function resultOf(
  { definition }: FakeDesktop,
  migration: FakeMigration,
  stoppedAtMs: number,
): SwitchoverResult {
  const wireBytes = { disk: definition.diskMiB * 2 ** 20, memory: wireBytesOf(migration) };
  return { stoppedAtMs, downtimeMs: PAUSE_MS, wireBytes };
}

function memoryFigures(
  { definition }: FakeDesktop,
  migration: FakeMigration | null,
  remainingBytes: number,
): MemoryProgress {
  const looks = migration?.looks ?? 0;
  return {
    state: migration?.state ?? 'none',
    round: looks,
    wireBytes: migration === null ? null : wireBytesOf(migration),
    remainingBytes: migration === null ? 0 : remainingBytes,
    totalBytes: migration === null ? 0 : definition.memoryMiB * 2 ** 20,
    dirtyBytesPerSecond: 0,
    bytesPerSecond: BYTES_PER_SECOND,
    error: migration?.state === 'failed' ? 'fake: the stream broke' : null,
  };
}

function memoryError(move: MoveKey, why: string): VmshadowError {
  return new VmshadowError('MEMORY_COPY', `fake: memory copy of ${move.desktop}: ${why}`);
}
