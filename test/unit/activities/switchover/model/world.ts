// Two hosts and one desktop for the model: what survives a crash of a dom0 (records, reservations, guests) apart from what does not (locks,
// attempts). The activities on top are the real ones.
import { pino } from 'pino';
import type { HostContext } from '../../../../../activities/host/host-context.js';
import { DesktopLocks } from '../../../../../activities/host/desktop-locks.js';
import { PowerKeeper } from '../../../../../activities/host/power-keeper.js';
import { sourceActivities } from '../../../../../activities/host/source.js';
import { targetActivities } from '../../../../../activities/host/target.js';
import type { ProgressReporter } from '../../../../../activities/host/progress-reporter.js';
import type { CapacityReservation } from '../../../../../activities/stores/reservation-store.js';
import type { SwitchoverRequest } from '../../../../../activities/host/inputs.js';
import { switchover } from '../../../../../activities/switchover/switchover.js';
import { TargetSide } from '../../../../../activities/switchover/target-side.js';
import { VmshadowError } from '../../../../../domain/errors.js';
import type { OwnershipRecord } from '../../../../../domain/migration/ownership.js';
import { HostRef } from '../../../../../domain/model/ids.js';
import { fakeDesktop } from '../../../../../lab/fakes/fake-host.js';
import type { DesktopRuntime } from '../../../../../ports/hypervisor.js';
import type { PeerHost } from '../../../../../ports/peers.js';
import { Process, type Scheduler } from './scheduler.js';

const WEST = HostRef.parse({ site: 'us-west', host: 'h1' });
const EAST = HostRef.parse({ site: 'us-east', host: 'h1' });
export const STRANGER = HostRef.parse({ site: 'us-north', host: 'h9' });
const DESKTOP = fakeDesktop('d1');
const MOVE = 'd1-model';

const REQUEST: SwitchoverRequest = {
  desktop: DESKTOP.id,
  moveId: MOVE,
  epoch: 2,
  sourceEpoch: 1,
  peer: { host: EAST, endpoint: { address: '192.0.2.1', port: 1 } },
  oldExternal: '198.51.100.10',
  newExternal: '203.0.113.10',
  targetKey: 'a2V5',
  pauseBudgetMs: 500,
  snapshot: false,
};

/** What is on a host's disk, and its guests: dom0 may die, these stay. */
interface Durable {
  record: OwnershipRecord | null;
  /** Changes of the record that have their room on a full disk. */
  room: number;
  /** What a power cut leaves of both: a rename whose folder could not be synced may be taken back, from the room kept to the record. */
  settled: { record: OwnershipRecord | null; room: number };
  full: boolean;
  reservation: CapacityReservation | null;
  /** `lost`: it should run, and its process has ended. */
  guest: 'none' | 'running' | 'paused' | 'retired' | 'lost';
  /** Of the source's memory copy. */
  memory: 'active' | 'completed' | 'cancelled';
  /** The target's waiting copy; `dead`: it ended before it ran. */
  incoming: 'none' | 'waiting' | 'complete' | 'dead';
}

export interface Mends {
  /** False: several operations of a desktop at a time, as before there was a lock. */
  readonly lock: boolean;
  /** False: a host refuses for whoever asks, as before strangers were fenced. */
  readonly fence: boolean;
  /** False: what should run is started by whoever has files of it, as if its owner did not matter. */
  readonly owner: boolean;
  /** False: no room is kept for changes of the records on a full disk. */
  readonly room: boolean;
}

export class World {
  readonly west: Durable = {
    record: owner(1),
    room: 0,
    settled: { record: owner(1), room: 0 },
    full: false,
    reservation: null,
    guest: 'running',
    memory: 'active',
    incoming: 'none',
  };
  readonly east: Durable = {
    record: null,
    // Kept with the reservation.
    room: 2,
    settled: { record: null, room: 2 },
    full: false,
    reservation: reservation(),
    guest: 'none',
    memory: 'cancelled',
    incoming: 'waiting',
  };
  readonly problems: string[] = [];
  /** The next write of an ownership record fails, before or after it stands. */
  failWrite: 'no' | 'before' | 'after' = 'no';
  source!: ModelHost;
  target!: ModelHost;
  readonly #scheduler: Scheduler;
  readonly #mends: Mends;

  constructor(scheduler: Scheduler, mends: Mends) {
    this.#scheduler = scheduler;
    this.#mends = mends;
    if (!mends.room) this.east.room = 0;
    settle(this.east);
    this.startSource();
    this.startTarget();
  }

  startSource(): void {
    this.source = this.#host('west', WEST, this.west);
  }

  startTarget(): void {
    this.target = this.#host('east', EAST, this.east);
  }

  /** All processes of a host end, and what was not synced is lost; then it comes back, and its dom0 with it. */
  powerCut(where: 'west' | 'east'): void {
    const [host, durable] = where === 'west' ? [this.source, this.west] : [this.target, this.east];
    host.process.kill();
    Object.assign(durable, durable.settled);
    if (durable.guest === 'running' || durable.guest === 'paused') durable.guest = 'lost';
    if (durable.incoming !== 'none') durable.incoming = 'dead';
    durable.memory = 'cancelled';
    if (where === 'west') this.startSource();
    else this.startTarget();
  }

  /** The promises, looked at after each step. */
  check(): void {
    const running = [this.west, this.east].filter((h) => h.guest === 'running');
    if (running.length > 1) this.problems.push('the desktop runs at both hosts');
    for (const [name, host] of [
      ['west', this.west],
      ['east', this.east],
    ] as const)
      if (host.guest === 'running' && host.record?.state !== 'owner')
        this.problems.push(`it runs at ${name}, whose record is ${host.record?.state ?? 'missing'}`);
  }

  /** Where it runs, e.g. `west`; empty when nowhere. */
  runningAt(): string {
    return [this.west.guest === 'running' ? 'west' : '', this.east.guest === 'running' ? 'east' : ''].join(
      '',
    );
  }

  #host(name: string, self: HostRef, durable: Durable): ModelHost {
    const process = new Process(name);
    const locks = new DesktopLocks();
    const act = async <T>(label: string, work: () => T): Promise<T> => {
      await this.#scheduler.turn(process, label);
      const result = work();
      this.check();
      await this.#scheduler.turn(process, `${label}: answer`);
      return result;
    };
    const nothing = (label: string) => () => act(label, () => undefined);
    const context = {
      self,
      capacityGate: {
        claim: (_: unknown, make: () => Promise<unknown>) => make(),
        starting: (_: unknown, start: () => Promise<unknown>) => start(),
      },
      locks: this.#mends.lock
        ? locks
        : { run: (_d: string, _w: string, work: () => Promise<unknown>) => work() },
      hypervisor: this.#hypervisor(durable, act),
      network: {
        publicKey: 'a2V5',
        attach: () => act('attach', () => 'tap'),
        detach: nothing('detach'),
        allocateExternal: () => act('allocate', () => REQUEST.newExternal),
        externalOf: () => act('external', () => null),
        releaseExternal: nothing('release address'),
        activate: nothing('rules'),
        exportState: () => act('export', () => ({ clients: [], flows: null })),
        importState: nothing('import'),
        prepareClients: () => act('prepare clients', () => ({ prepared: 0, silent: 0 })),
        abortClients: nothing('abort clients'),
        hold: nothing('hold'),
        releaseHere: () => act('release here', () => ({ packets: 0 })),
        releaseTo: () => act('forward', () => ({ packets: 0 })),
        expect: nothing('guard'),
      },
      ownership: {
        keepRoom: (_: string, changes: number) =>
          act('keep room', () => {
            if (durable.full) throw new VmshadowError('RECORD_UNWRITTEN', 'model: no space left on device');
            durable.room = this.#mends.room ? changes : 0;
            settle(durable);
          }),
        dropRoom: () =>
          act('drop room', () => {
            durable.room = 0;
            settle(durable);
          }),
        get: () => act('read record', () => settle(durable)),
        list: () => act('list records', () => (durable.record === null ? [] : [durable.record])),
        change: (_: string, transition: (r: OwnershipRecord | null) => OwnershipRecord) =>
          act('write record', () => this.#write(name, durable, transition)),
      },
      reservations: {
        get: () => act('read reservation', () => durable.reservation),
        list: () =>
          act('list reservations', () => (durable.reservation === null ? [] : [durable.reservation])),
        put: (_: string, r: CapacityReservation) =>
          act('write reservation', () => {
            if (durable.full) throw new VmshadowError('RECORD_UNWRITTEN', 'model: no space left on device');
            durable.reservation = r;
          }),
        remove: () => act('remove reservation', () => void (durable.reservation = null)),
      },
      peers: { connect: () => this.#peer(process, self) },
      power: {
        note: () => undefined,
        restartsOf: () => Promise.resolve(null),
        remember: () => Promise.resolve(),
        forget: () => Promise.resolve(),
        keepOnly: () => Promise.resolve(),
      },
      linkCap: { cap: nothing('cap'), uncap: nothing('uncap') },
      watchLink: () => () => undefined,
      now: () => 0,
      wait: () => this.#scheduler.turn(process, 'wait'),
      logger: pino({ level: 'silent' }),
    } as unknown as HostContext;
    return new ModelHost(process, context, this.#mends);
  }

  #write(
    name: string,
    durable: Durable,
    transition: (r: OwnershipRecord | null) => OwnershipRecord,
  ): OwnershipRecord {
    const before = durable.record;
    const after = transition(before);
    if (after === before) return after;
    const fails = this.failWrite;
    this.failWrite = 'no';
    if (fails === 'before') throw new Error('model: no space left on device');
    if (durable.full && durable.room-- <= 0)
      throw new VmshadowError('RECORD_UNWRITTEN', 'model: no space left on device');
    if (
      before !== null &&
      (after.epoch < before.epoch || (after.epoch === before.epoch && before.state !== 'owner'))
    )
      this.problems.push(
        `the record at ${name} went from ${before.state}(${String(before.epoch)}) to ${after.state}(${String(after.epoch)})`,
      );
    durable.record = after;
    if (fails === 'after') throw new Error('model: the folder could not be synced');
    settle(durable);
    return after;
  }

  #hypervisor(durable: Durable, act: <T>(label: string, work: () => T) => Promise<T>): unknown {
    const resume = () => {
      if (durable.guest === 'paused') durable.guest = 'running';
    };
    return {
      switchover: async (_m: unknown, _b: number, onStopped: (atMs: number) => void) => {
        await act('stop the guest', () => {
          if (durable.memory === 'cancelled')
            throw new VmshadowError('MEMORY_COPY', 'model: the copy was ended');
          if (durable.guest === 'lost') throw new VmshadowError('DESKTOP_DOWN', 'model: no process');
          if (durable.guest === 'running') durable.guest = 'paused';
          onStopped(0);
        });
        return act('last round', () => {
          // Whoever resumed the guest meanwhile has ended the copy.
          if (durable.memory === 'cancelled')
            throw new VmshadowError('MEMORY_COPY', 'model: the copy was ended');
          if (this.east.incoming !== 'waiting' && this.east.incoming !== 'complete')
            throw new VmshadowError('MEMORY_COPY', 'model: the other end is gone');
          this.east.incoming = 'complete';
          durable.memory = 'completed';
          return { stoppedAtMs: 0, downtimeMs: 1, wireBytes: { disk: 1, memory: 1 } };
        });
      },
      cancelMemoryCopy: () =>
        act('resume the source', () => {
          durable.memory = 'cancelled';
          resume();
        }),
      cancelDiskCopy: () => act('end the mirror', () => undefined),
      cutLink: () => act('cut', () => undefined),
      resume: () =>
        act('resume', () => {
          if (durable.guest === 'lost') throw new VmshadowError('DESKTOP_DOWN', 'model: no process');
          resume();
        }),
      start: () =>
        act('start', () => {
          if (durable.guest === 'lost') durable.guest = 'running';
        }),
      // An agent that never answers holds nobody up.
      setClock: () => new Promise(() => undefined),
      get: () => act('look', () => runtimeOf(durable)),
      list: () => act('look at all', () => [runtimeOf(durable)].filter((r) => r !== null)),
      confirmComplete: () =>
        act('confirm complete', () => {
          if (durable.incoming !== 'complete') throw new VmshadowError('MEMORY_COPY', 'model: not complete');
        }),
      activate: () =>
        act('activate', () => {
          if (durable.guest === 'running') return;
          if (durable.guest === 'lost')
            throw new VmshadowError('DESKTOP_DOWN', 'model: it ran here and has ended');
          if (durable.full)
            throw new VmshadowError('MEMORY_COPY', 'model: no room to mark it', { details: { ran: false } });
          if (durable.incoming !== 'complete')
            throw new VmshadowError('MEMORY_COPY', 'model: the copy never ran', { details: { ran: false } });
          durable.incoming = 'none';
          durable.guest = 'running';
        }),
      discardTarget: () => act('discard', () => void (durable.incoming = 'none')),
    };
  }

  /** A question that may be lost on the way there, or whose answer may be lost on the way back. */
  #peer(asker: Process, from: HostRef): PeerHost {
    const ask = async <T>(label: string, answer: (target: TargetSide) => Promise<T>): Promise<T> => {
      await this.#scheduler.turn(asker, `ask: ${label}`);
      const { side, process } = this.target;
      try {
        return await Promise.race([answer(side), process.died]);
      } finally {
        await this.#scheduler.turn(asker, `answer: ${label}`);
      }
    };
    return {
      ping: () => Promise.resolve(true),
      expect: (key, change, state) => ask('expect', (t) => t.expect(from, key, change, state)),
      confirm: (key) => ask('confirm', (t) => t.confirm(from, key)),
      commit: (key, options) => ask('commit', (t) => t.commit(from, key, options)),
    };
  }
}

/** One life of a host's dom0. */
export class ModelHost {
  readonly process: Process;
  readonly side: TargetSide;
  readonly #context: HostContext;
  readonly #owner: boolean;

  constructor(process: Process, context: HostContext, mends: Mends) {
    this.process = process;
    this.#context = context;
    this.#owner = mends.owner;
    this.side = new TargetSide(mends.fence ? context : unfenced(context));
  }

  attempt(signal: AbortSignal): Promise<unknown> {
    return switchover(
      this.#context,
      REQUEST,
      Object.assign(() => undefined, { signal }),
    );
  }

  /** What a workflow does after a move that failed, or a person after one that was terminated. */
  rollBack(part: 'source' | 'target'): Promise<void> {
    const move = { desktop: REQUEST.desktop, moveId: REQUEST.moveId };
    return part === 'source'
      ? sourceActivities(this.#context, quietReporter).cancelMemory({ ...move, epochs: [1, 3] })
      : targetActivities(this.#context).dropTarget(move);
  }

  /** What dom0 does when it starts, and every few seconds. */
  look(): Promise<void> {
    return new PowerKeeper(this.#owner ? this.#context : everyonesOwner(this.#context)).look();
  }

  commitFrom(from: HostRef, epoch: number): Promise<unknown> {
    return this.side.commit(from, { ...REQUEST, epoch }, { snapshot: false });
  }
}

const quietReporter = (): ProgressReporter =>
  Object.assign(() => Promise.resolve(), { signal: new AbortController().signal });

/** The context as it was when a host refused for anybody: any question finds a reservation of a copy that cannot run. */
function unfenced(context: HostContext): HostContext {
  const { reservations, hypervisor } = context;
  const get = async (moveId: string) => {
    const known = await reservations.get(moveId);
    return known ?? { ...reservation(), from: STRANGER, epoch: HUGE };
  };
  return {
    ...context,
    hypervisor,
    reservations: Object.assign(Object.create(reservations), { get }) as HostContext['reservations'],
  };
}

/** The context of a keeper that starts what its host has files of, whatever the record says. */
function everyonesOwner(context: HostContext): HostContext {
  const ownership = { list: () => Promise.resolve([owner(1)]), get: () => Promise.resolve(owner(1)) };
  return { ...context, ownership: ownership as unknown as HostContext['ownership'] };
}

export const HUGE = Number.MAX_SAFE_INTEGER;

/** The folder of the records is synced: what stands, stays. */
function settle(durable: Durable): OwnershipRecord | null {
  durable.settled = { record: durable.record, room: durable.room };
  return durable.record;
}

/** As the hypervisor tells it: a copy that waits, or one that is gone and never ran, is no desktop of this host yet. */
function runtimeOf({ guest, incoming }: Durable): DesktopRuntime | null {
  const what = {
    definition: DESKTOP,
    wanted: 'running',
    pid: null,
    diskUsedBytes: 0,
    memoryUsedBytes: 0,
  } as const;
  if (guest === 'running' || guest === 'paused') return { ...what, state: guest };
  if (guest === 'lost') return { ...what, state: 'crashed' };
  return incoming === 'none' ? null : { ...what, state: 'incoming' };
}

function owner(epoch: number): OwnershipRecord {
  return { desktop: DESKTOP.id, epoch, state: 'owner', peer: null, atMs: 0 };
}

function reservation(): CapacityReservation {
  return {
    moveId: MOVE,
    definition: DESKTOP,
    from: WEST,
    epoch: 2,
    atMs: 0,
    diskUsedBytes: 0,
    oldExternal: null,
  };
}
