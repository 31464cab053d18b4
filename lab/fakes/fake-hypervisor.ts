// The hypervisor port without a guest: it keeps every promise that test/compliance/hypervisor.ts claims of the real driver. Faults are
// switched on by name.
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { VmshadowError } from '../../domain/errors.js';
import { UNKNOWN_RATES, type DirtyRates } from '../../domain/migration/dirty-rates.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { DesktopRuntime, Hypervisor } from '../../ports/hypervisor.js';
import { fakeDiskCopy } from './fake-disk-copy.js';
import {
  hasProcess,
  newFakeDesktop,
  type FakeDesktop,
  type FakeIncoming,
  type FakeMachine,
  type FakeParts,
} from './fake-machine.js';
import { bootNames } from '../../domain/model/desktop.js';
import { diskImages, mustBeImages } from './fake-images.js';
import { fakeMemoryCopy } from './fake-memory-copy.js';
import { fakeMoveTarget } from './fake-move-target.js';

export interface FakeHypervisorOptions extends Pick<FakeParts, 'faults' | 'note'> {
  /** What every running desktop is said to rewrite. */
  readonly dirty: () => DirtyRates;
}

/** Make the hypervisor of a machine; one made later finds what an earlier one has left. */
export function fakeHypervisor(machine: FakeMachine, options: FakeHypervisorOptions): Hypervisor {
  const find = (id: DesktopId): FakeDesktop => {
    const desktop = machine.desktops.get(id);
    if (desktop === undefined) throw new VmshadowError('UNKNOWN_DESKTOP', `fake: no ${id} here`);
    return desktop;
  };
  const run = (desktop: FakeDesktop): void => {
    if (desktop.state !== 'running') options.note(`run ${desktop.definition.id}`);
    desktop.state = 'running';
  };
  const withProcess = (id: DesktopId): FakeDesktop => {
    const desktop = find(id);
    if (hasProcess(desktop)) return desktop;
    throw new VmshadowError('DESKTOP_DOWN', `fake: ${id} has no process here; start it first`);
  };
  const parts: FakeParts = { ...options, machine, withProcess, run };
  const [disk, memory] = [fakeDiskCopy(parts), fakeMemoryCopy(parts)];
  return {
    info: async () => ({
      driver: 'fake',
      version: '1.0',
      machines: ['pc-i440fx-10.0'],
      cpuModel: machine.cpuModel,
      cpu: machine.cpu,
    }),
    resources: async () => machine.resources,
    create: async (definition, tap, image, onProgress, signal) => {
      mustBeImages([image, ...diskImages(definition), ...bootNames(definition)]);
      const known = machine.desktops.get(definition.id);
      if (known === undefined && image !== null)
        await copyImage(machine, definition, options.faults, onProgress, signal);
      if (known === undefined)
        machine.desktops.set(
          definition.id,
          newFakeDesktop({ definition, tap, state: 'stopped', disk: { image, writes: 0 } }),
        );
      else if (!isDeepStrictEqual([known.definition, known.tap], [definition, tap]))
        throw new VmshadowError('ALREADY_EXISTS', `fake: another ${definition.id} is here`);
    },
    start: async (id) => {
      const desktop = find(id);
      desktop.wanted = 'running';
      if (!hasProcess(desktop)) run(desktop);
    },
    stop: async (id) => {
      find(id).wanted = 'stopped';
      machine.crash(id);
    },
    redefine: async (definition) => {
      const desktop = find(definition.id);
      mustNotRun(desktop);
      machine.desktops.set(definition.id, { ...desktop, definition });
    },
    remove: async (id) => {
      const desktop = machine.desktops.get(id);
      if (desktop !== undefined) mustNotRun(desktop);
      machine.unfinished.delete(id);
      machine.desktops.delete(id);
    },
    list: async () => [
      ...[...machine.desktops.values()].map(runtimeOf),
      ...[...machine.incoming.values()].map(incomingRuntime),
    ],
    get: async (id) => {
      const desktop = machine.desktops.get(id);
      if (desktop !== undefined) return runtimeOf(desktop);
      const incoming = [...machine.incoming.values()].find((i) => i.desktop === id);
      return incoming === undefined ? null : incomingRuntime(incoming);
    },
    dirtyRates: async (id) =>
      machine.desktops.get(id)?.state === 'running' ? options.dirty() : UNKNOWN_RATES,
    setClock: async (id) => {
      const guest = agentOf(machine.desktops.get(id));
      if (guest === null) return null;
      options.note(`set the clock of ${id}`);
      const { behindMs } = guest;
      guest.behindMs = 0;
      return behindMs;
    },
    addresses: async (id) => {
      const guest = agentOf(machine.desktops.get(id));
      return guest === null ? null : [guest.definition.network.address];
    },
    resume: async (id) => {
      const desktop = withProcess(id);
      if (desktop.state !== 'out-of-space' || machine.resources.disk.freeMiB > 0) run(desktop);
    },
    moves: async (of) => {
      const wanted = (desktop: string) => of === undefined || desktop === of;
      return {
        incoming: [...machine.incoming.values()]
          .filter((i) => wanted(i.desktop))
          .map(({ definition, moveId }) => ({ desktop: definition.id, moveId })),
        retired: [...machine.retired]
          .filter(([, { definition }]) => wanted(definition.id))
          .map(([moveId, { definition }]) => ({ desktop: definition.id, moveId })),
        outgoing: [...machine.desktops.values()].flatMap(({ definition, mirror, migration }) => {
          const names = [mirror, migration].flatMap((copy) => (copy === null ? [] : [copy.moveId]));
          if (names.length === 0 || !wanted(definition.id)) return [];
          return [{ desktop: definition.id, copies: [...new Set(names)] }];
        }),
      };
    },
    endCopies: async (desktop, copies) => {
      for (const moveId of copies) {
        await memory.cancelMemoryCopy({ desktop, moveId });
        await disk.cancelDiskCopy({ desktop, moveId });
      }
    },
    cutLink: async () => undefined,
    ...fakeMoveTarget(parts),
    ...disk,
    ...memory,
  };
}

/** Copy an image, in steps; what is not finished is there to be cleaned up by whoever comes after a crash. */
async function copyImage(
  machine: FakeMachine,
  { id }: DesktopDefinition,
  faults: FakeParts['faults'],
  onProgress?: (doneBytes: number, totalBytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  machine.unfinished.add(id);
  try {
    for (let step = 1; step <= IMAGE_STEPS || faults.has('image never ends'); step++) {
      signal?.throwIfAborted();
      onProgress?.(Math.min(step, IMAGE_STEPS - 1) * 10, IMAGE_STEPS * 10);
      await sleep(5);
    }
    onProgress?.(IMAGE_STEPS * 10, IMAGE_STEPS * 10);
  } catch (error) {
    machine.unfinished.delete(id);
    throw error;
  }
  machine.unfinished.delete(id);
}

/** A guest that runs, where its agent answers. */
function agentOf(desktop: FakeDesktop | undefined): FakeDesktop | null {
  return desktop?.state === 'running' && desktop.definition.guestAgent === true ? desktop : null;
}

function mustNotRun(desktop: FakeDesktop): void {
  if (hasProcess(desktop))
    throw new VmshadowError(
      'DESKTOP_RUNNING',
      `fake: ${desktop.definition.id} is ${desktop.state}; stop it first`,
    );
}

const IMAGE_STEPS = 4;

const runtimeOf = ({ definition, state, wanted, disk, tpmLost }: FakeDesktop): DesktopRuntime => ({
  ...(tpmLost ? { tpmLost } : {}),
  definition,
  state,
  wanted,
  memoryUsedBytes: 0,
  pid: null,
  diskUsedBytes: disk.writes,
});

const incomingRuntime = ({ definition, disk, memory }: FakeIncoming): DesktopRuntime => ({
  definition,
  state: memory === 'complete' ? 'paused' : 'incoming',
  wanted: 'running',
  memoryUsedBytes: 0,
  pid: null,
  diskUsedBytes: disk.writes,
});
