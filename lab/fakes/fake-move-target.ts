// The target side of a move at the fake hypervisor: a replica and a copy that waits for memory, until one of them is activated or dropped.
import { isDeepStrictEqual } from 'node:util';
import { VmshadowError } from '../../domain/errors.js';
import type { Hypervisor, MoveKey } from '../../ports/hypervisor.js';
import { bootNames } from '../../domain/model/desktop.js';
import { mustBeImages } from './fake-images.js';
import {
  hashFakeDisk,
  newFakeDesktop,
  type FakeDesktop,
  type FakeIncoming,
  type FakeParts,
} from './fake-machine.js';

/** What a pause costs a guest's clock. */
const PAUSE_MS = 300;

type MoveTarget = Pick<
  Hypervisor,
  'prepareDisk' | 'prepareMemory' | 'confirmComplete' | 'activate' | 'discardTarget' | 'hashSnapshot'
>;

export function fakeMoveTarget({ machine, faults, note, run }: FakeParts): MoveTarget {
  const activated = ({ desktop, moveId }: MoveKey): FakeDesktop | null => {
    const here = machine.desktops.get(desktop);
    return here?.moveId === moveId ? here : null;
  };
  const incoming = (move: MoveKey): FakeIncoming => {
    const found = machine.incoming.get(move.moveId);
    if (found !== undefined) return found;
    throw activated(move) === null
      ? new VmshadowError('NO_MOVE', `fake: no move ${move.moveId} comes in`)
      : new VmshadowError('TOO_LATE', `fake: move ${move.moveId} has been activated`);
  };
  return {
    prepareDisk: async (move, definition, from) => {
      const known = machine.incoming.get(move.moveId);
      if (activated(move) !== null) incoming(move);
      mustBeImages(bootNames(definition));
      if (machine.desktops.has(move.desktop))
        throw new VmshadowError('ALREADY_THERE', `fake: ${move.desktop} is here already`);
      if (known !== undefined && !isDeepStrictEqual(known.definition, definition))
        throw new VmshadowError('INPUT_INVALID', `fake: ${move.moveId} was prepared with another definition`);
      const fresh: FakeIncoming = known ?? {
        desktop: move.desktop,
        moveId: move.moveId,
        definition,
        port: machine.nextPort(),
        diskFrom: from,
        memoryFrom: null,
        disk: { image: null, writes: 0 },
        tap: null,
        memory: 'none',
      };
      machine.incoming.set(move.moveId, fresh);
      return { endpoint: { address: machine.address, port: fresh.port }, exportName: move.moveId };
    },
    prepareMemory: async (move, _definition, tap, from) => {
      Object.assign(incoming(move), { tap, memory: 'waiting', memoryFrom: from });
      return { address: machine.address, port: incoming(move).port };
    },
    confirmComplete: async (move) => {
      const { memory } = incoming(move);
      if (memory !== 'complete' || faults.has('target dies before confirm'))
        throw new VmshadowError(
          'MEMORY_COPY',
          `fake: the memory of ${move.desktop} is ${memory}, not complete`,
        );
      note(`confirm ${move.desktop}`);
      if (faults.has('target dies after confirm')) faults.add('target dies before confirm');
    },
    activate: async (move, snapshot) => {
      if (activated(move) !== null) return;
      const { definition, tap, disk, memory } = incoming(move);
      // A copy that cannot be marked as running here does not run.
      const full = machine.resources.disk.freeMiB === 0;
      if (memory !== 'complete' || full || faults.has('copy cannot run'))
        throw new VmshadowError('MEMORY_COPY', `fake: the copy of ${move.desktop} is gone and never ran`, {
          details: { ran: false },
        });
      const desktop = newFakeDesktop({
        definition,
        tap: tap ?? '',
        moveId: move.moveId,
        disk,
        state: 'paused',
        behindMs: PAUSE_MS,
        view: snapshot && !faults.has('view is lost') ? { disk: { ...disk }, hash: null } : null,
      });
      machine.desktops.set(move.desktop, desktop);
      machine.incoming.delete(move.moveId);
      run(desktop);
    },
    discardTarget: async (move) => {
      const here = activated(move);
      if (here?.view?.hash === null) here.view = null;
      machine.incoming.delete(move.moveId);
    },
    hashSnapshot: async (move, signal) => {
      signal.throwIfAborted();
      const view = activated(move)?.view;
      if (!machine.desktops.has(move.desktop))
        throw new VmshadowError('UNKNOWN_DESKTOP', `fake: no ${move.desktop} here`);
      if (view === null || view === undefined)
        throw new VmshadowError(
          'DISK_COPY',
          `fake: no view of the disk of ${move.desktop} at ${move.moveId}`,
        );
      view.hash ??= hashFakeDisk(view.disk);
      return view.hash;
    },
  };
}
