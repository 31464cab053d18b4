// The disk of a move at the fake hypervisor's source: a mirror that is ready at the second look, and what is set aside afterwards.
import { VmshadowError } from '../../domain/errors.js';
import { sameHost } from '../../domain/model/ids.js';
import type { CopyProgress, Hypervisor, MoveKey } from '../../ports/hypervisor.js';
import { hashFakeDisk, type FakeDesktop, type FakeMirror, type FakeParts } from './fake-machine.js';
import type { FakeFaults } from './fault.js';

type DiskCopy = Pick<
  Hypervisor,
  | 'startDiskCopy'
  | 'diskProgress'
  | 'makeSynchronous'
  | 'cancelDiskCopy'
  | 'retireSource'
  | 'hashRetired'
  | 'removeRetired'
>;

export function fakeDiskCopy({ machine, faults, withProcess }: FakeParts): DiskCopy {
  return {
    startDiskCopy: async (move, target) => {
      const desktop = withProcess(move.desktop);
      desktop.view = null;
      if (desktop.mirror !== null && desktop.mirror.moveId !== move.moveId)
        throw new VmshadowError('MOVE_IN_PROGRESS', `fake: ${move.desktop} is being copied by another move`);
      if (desktop.mirror !== null && desktop.mirror.state !== 'failed') return;
      const replica = machine.wire.at(target.endpoint);
      if (replica === undefined)
        throw new VmshadowError('HOST_UNREACHABLE', 'fake: no disk export answers there');
      if (!sameHost(replica.diskFrom, machine.self))
        throw diskError(move, 'the target takes it from another host');
      desktop.mirror = { moveId: move.moveId, replica, state: 'copying', looks: 0 };
    },
    diskProgress: async (move) => {
      const desktop = withProcess(move.desktop);
      machine.write(desktop);
      const mirror = mirrorOf(desktop, move, faults);
      if (mirror === null)
        return { state: 'none', doneBytes: 0, totalBytes: 0, wireBytes: null, error: null };
      if (++mirror.looks > 1 && mirror.state === 'copying' && !faults.has('disk never ends'))
        mirror.state = 'ready';
      return diskFigures(desktop, mirror);
    },
    makeSynchronous: async (move, signal) => {
      const desktop = withProcess(move.desktop);
      const mirror = mirrorOf(desktop, move, faults);
      if (mirror?.state === 'synchronous') return;
      if (mirror === null || mirror.state === 'failed')
        throw diskError(move, 'there is no copy of the disk to make synchronous');
      if (faults.has('sync never comes'))
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      signal.throwIfAborted();
      mirror.state = 'synchronous';
      mirror.replica.disk = { ...desktop.disk };
    },
    cancelDiskCopy: async (move) => {
      const desktop = machine.desktops.get(move.desktop);
      if (desktop?.mirror?.moveId === move.moveId) desktop.mirror = null;
    },
    retireSource: async (move) => {
      const desktop = machine.desktops.get(move.desktop);
      if (desktop?.moveId === move.moveId)
        throw new VmshadowError(
          'INPUT_INVALID',
          `fake: ${move.desktop} came by move ${move.moveId}: not retired`,
        );
      if (machine.retired.has(move.moveId)) return;
      if (desktop === undefined)
        throw new VmshadowError('UNKNOWN_DESKTOP', `fake: no ${move.desktop} to retire`);
      machine.desktops.delete(move.desktop);
      machine.retired.set(move.moveId, { definition: desktop.definition, disk: desktop.disk });
    },
    hashRetired: async (move, signal) => {
      signal.throwIfAborted();
      const retired = machine.retired.get(move.moveId);
      if (retired === undefined)
        throw new VmshadowError('NO_MOVE', `fake: no disk is kept of ${move.moveId}`);
      return hashFakeDisk(faults.has('disks differ') ? { image: 'another', writes: 0 } : retired.disk);
    },
    removeRetired: async (move) => {
      machine.retired.delete(move.moveId);
    },
  };
}

/** The mirror of this move, if there is one. */
export function mirrorOf(
  { mirror }: FakeDesktop,
  { moveId }: MoveKey,
  faults: FakeFaults,
): FakeMirror | null {
  if (mirror === null || mirror.moveId !== moveId) return null;
  if (faults.has('disk breaks')) mirror.state = 'failed';
  return mirror;
}

function diskFigures({ definition }: FakeDesktop, { state }: FakeMirror): CopyProgress {
  const totalBytes = definition.diskMiB * 2 ** 20;
  const doneBytes = state === 'copying' || state === 'failed' ? totalBytes / 4 : totalBytes;
  return {
    state,
    doneBytes,
    totalBytes,
    wireBytes: doneBytes,
    error: state === 'failed' ? 'fake: I/O error' : null,
  };
}

/** The error of a disk copy. */
export function diskError(move: MoveKey, why: string): VmshadowError {
  return new VmshadowError('DISK_COPY', `fake: disk copy of ${move.desktop}: ${why}`);
}
