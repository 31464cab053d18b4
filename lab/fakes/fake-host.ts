// A host in memory for unit and workflow tests: the hypervisor and the network keep the promises of their ports, without a guest.
// Real stores and the real switchover logic stand on top of it. Faults are switched on by name.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { FingerprintKeeper } from '../../activities/host/fingerprint-keeper.js';
import { TargetSide } from '../../activities/switchover/target-side.js';
import { DesktopLocks } from '../../activities/host/desktop-locks.js';
import { CapacityGate } from '../../activities/host/capacity-gate.js';
import type { HostContext } from '../../activities/host/host-context.js';
import type { AddressChange, DesktopNetwork, UserEndpointReport } from '../../ports/desktop-network.js';
import type {
  CopyProgress,
  DesktopRuntime,
  Hypervisor,
  MemoryProgress,
  MoveKey,
} from '../../ports/hypervisor.js';
import type { PeerHost, Peers } from '../../ports/peers.js';
import { OwnershipStore } from '../../activities/stores/ownership-store.js';
import { ReservationStore } from '../../activities/stores/reservation-store.js';
import { VmshadowError } from '../../domain/errors.js';
import type { TrafficWindow } from '../../domain/fingerprint/model.js';
import type { DirtyRates } from '../../domain/migration/dirty-rates.js';
import { createdHere } from '../../domain/migration/ownership.js';
import type { Capacity } from '../../domain/model/capacity.js';
import { DesktopDefinition, type DesktopState } from '../../domain/model/desktop.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';

export type Fault =
  | 'target dies before confirm'
  | 'target dies after confirm'
  | 'copy cannot run'
  | 'commit answer is lost'
  | 'expect fails'
  | 'memory breaks'
  | 'disk breaks'
  | 'memory never converges'
  | 'disk never ends'
  | 'sync never comes';

interface Copy {
  definition: DesktopDefinition;
  state: DesktopState;
}

/** One cloud of fake hosts that know each other. */
export class FakeCloud {
  readonly hosts = new Map<string, FakeHost>();

  async add(self: HostRef, capacity: Capacity, external: string): Promise<FakeHost> {
    const dir = await mkdtemp(join(tmpdir(), 'vmshadow-fake-'));
    const host = new FakeHost(this, self, capacity, external, dir);
    this.hosts.set(hostKey(self), host);
    return host;
  }

  get(ref: HostRef): FakeHost {
    const host = this.hosts.get(hostKey(ref));
    if (host === undefined) throw new Error(`no fake host ${hostKey(ref)}`);
    return host;
  }

  /** Hosts on which a copy of the desktop runs right now. */
  runningAt(desktop: string): string[] {
    return [...this.hosts.values()]
      .filter((h) => h.desktops.get(desktop)?.state === 'running')
      .map((h) => hostKey(h.self));
  }

  async remove(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((h) => rm(h.dir, { recursive: true, force: true })));
  }
}

export class FakeHost {
  readonly self: HostRef;
  readonly dir: string;
  readonly desktops = new Map<string, Copy>();
  readonly incoming = new Map<string, { definition: DesktopDefinition; memory: boolean }>();
  readonly retired = new Set<string>();
  readonly externals = new Map<string, string>();
  readonly taps = new Set<string>();
  readonly held = new Set<string>();
  readonly forwarding = new Set<string>();
  readonly faults = new Set<Fault>();
  /** What happened, in order: for tests of the commit order. */
  readonly log: string[];
  windows: TrafficWindow[] = [];
  /** What the loop last asked to sample by. */
  sampling: SamplingPolicy | undefined;
  users: UserEndpointReport[] = [];
  /** What every desktop here is said to rewrite. */
  dirty: DirtyRates = { memoryMbps: null, diskMbps: null };
  alive = true;
  /** What a ping from here to any user takes. */
  pingMs: number | null = null;
  readonly #external: string;
  #disk: CopyProgress['state'] = 'none';
  #memory: MemoryProgress['state'] = 'none';
  #looks = 0;
  readonly context: HostContext;
  readonly target: TargetSide;

  constructor(cloud: FakeCloud, self: HostRef, capacity: Capacity, external: string, dir: string) {
    this.self = self;
    this.dir = dir;
    this.#external = external;
    this.log = [];
    const hypervisor = this.#hypervisor(cloud);
    const ownership = new OwnershipStore(join(dir, 'ownership'));
    const reservations = new ReservationStore(join(dir, 'reservations'));
    this.context = {
      self,
      capacity,
      capacityGate: new CapacityGate({ self, capacity, hypervisor, ownership, reservations }),
      hypervisor,
      network: this.#network(),
      traffic: {
        collect: async (policy) => {
          this.sampling = policy;
          return this.windows;
        },
      },
      fingerprints: new FingerprintKeeper(),
      locks: new DesktopLocks(),
      ownership,
      reservations,
      peers: fakePeers(cloud, self),
      linkCap: { cap: async () => undefined, uncap: async () => undefined },
      watchLink: () => () => undefined,
      ping: async () => this.pingMs,
      now: () => Date.now(),
      wait: (ms) => sleep(ms),
      logger: pino({ level: 'silent' }),
    };
    this.target = new TargetSide(this.context);
  }

  /** Put a running desktop here, as `createDesktop` would. */
  async give(definition: DesktopDefinition): Promise<void> {
    this.desktops.set(definition.id, { definition, state: 'running' });
    this.externals.set(definition.id, this.#external);
    await this.context.ownership.change(definition.id, (r) => createdHere(r, definition.id, 0));
  }

  /** Everything that a move could leave behind here, in words. */
  async leftovers(): Promise<string[]> {
    const reservations = (await this.context.reservations.list()).map((r) => `reservation ${r.moveId}`);
    return [
      ...reservations,
      ...[...this.incoming.keys()].map((m) => `incoming ${m}`),
      ...[...this.retired].map((m) => `retired ${m}`),
      ...[...this.held].map((d) => `held ${d}`),
      ...[...this.forwarding].map((d) => `forwarding ${d}`),
      ...[...this.externals.keys()].filter((d) => !this.desktops.has(d)).map((d) => `address of ${d}`),
      ...[...this.taps].filter((d) => !this.desktops.has(d)).map((d) => `tap of ${d}`),
    ];
  }

  #copy(desktop: string): Copy {
    const copy = this.desktops.get(desktop);
    if (copy === undefined)
      throw new VmshadowError('UNKNOWN_DESKTOP', `fake: no ${desktop} on ${hostKey(this.self)}`);
    return copy;
  }

  #hypervisor(cloud: FakeCloud): Hypervisor {
    const note = (text: string) => this.log.push(text);
    const resume = async (desktop: DesktopId) => {
      const copy = this.#copy(desktop);
      if (copy.state !== 'running') note(`run ${desktop}`);
      copy.state = 'running';
    };
    return {
      info: async () => ({ driver: 'fake', version: '1.0', machines: ['pc-i440fx-10.0'], cpuModel: 'max' }),
      create: async (definition) => {
        this.desktops.set(definition.id, { definition, state: 'stopped' });
      },
      start: resume,
      stop: async (desktop) => {
        this.#copy(desktop).state = 'stopped';
      },
      dirtyRates: async () => this.dirty,
      remove: async (desktop) => {
        this.desktops.delete(desktop);
      },
      list: async () =>
        [...this.desktops.values()].map(({ definition, state }): DesktopRuntime => ({
          definition,
          state,
          pid: null,
          diskUsedBytes: 0,
        })),
      get: async (desktop) => {
        const copy = this.desktops.get(desktop);
        return copy === undefined ? null : { ...copy, pid: null, diskUsedBytes: 0 };
      },
      resume,
      prepareDisk: async (move, definition) => {
        this.incoming.set(move.moveId, { definition, memory: false });
        return { endpoint: { address: '192.0.2.1', port: 10809 }, exportName: 'disk' };
      },
      prepareMemory: async (move, definition) => {
        this.incoming.set(move.moveId, { definition, memory: false });
        return { address: '192.0.2.1', port: 4444 };
      },
      confirmComplete: async (move) => {
        if (this.faults.has('target dies before confirm'))
          throw new VmshadowError('MEMORY_COPY', 'fake: the target copy is gone');
        if (this.incoming.get(move.moveId)?.memory !== true)
          throw new VmshadowError('MEMORY_COPY', 'fake: memory is not complete');
        note(`confirm ${move.desktop}`);
        if (this.faults.has('target dies after confirm')) this.faults.add('target dies before confirm');
      },
      activate: async (move) => {
        if (this.faults.has('copy cannot run'))
          throw new VmshadowError('MEMORY_COPY', 'fake: the copy died before it ran', {
            details: { ran: false },
          });
        const incoming = this.incoming.get(move.moveId);
        if (incoming !== undefined) {
          this.incoming.delete(move.moveId);
          this.desktops.set(move.desktop, { definition: incoming.definition, state: 'paused' });
        }
        await resume(move.desktop);
      },
      discardTarget: async (move) => {
        this.incoming.delete(move.moveId);
      },
      hashSnapshot: async () => 'same',
      startDiskCopy: async () => {
        if (this.#disk === 'none') this.#disk = 'copying';
        this.#looks = 0;
      },
      diskProgress: async () => {
        if (this.faults.has('disk breaks'))
          return { state: 'failed', doneBytes: 1, totalBytes: 4, wireBytes: 1, error: 'fake: I/O error' };
        if (++this.#looks > 1 && this.#disk === 'copying' && !this.faults.has('disk never ends'))
          this.#disk = 'ready';
        const doneBytes = this.#disk === 'copying' ? 1 : 4;
        return { state: this.#disk, doneBytes, totalBytes: 4, wireBytes: doneBytes, error: null };
      },
      makeSynchronous: async (_, signal) => {
        if (this.faults.has('sync never comes'))
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          });
        this.#disk = 'synchronous';
      },
      startMemoryCopy: async () => {
        if (this.#memory === 'none' || this.#memory === 'cancelled' || this.#memory === 'failed')
          this.#memory = 'active';
        this.#looks = 0;
      },
      memoryProgress: async () => {
        if (this.faults.has('memory breaks')) this.#memory = 'failed';
        const round = ++this.#looks;
        const remainingBytes = this.faults.has('memory never converges') ? 1e9 : 10;
        return {
          state: this.#memory,
          round,
          wireBytes: 100,
          remainingBytes,
          totalBytes: 1e9,
          dirtyBytesPerSecond: 0,
          bytesPerSecond: 1e6,
          error: null,
        };
      },
      switchover: async (move, _budget, onStopped) => {
        this.#copy(move.desktop).state = 'postmigrate';
        note(`stop ${move.desktop}`);
        onStopped(Date.now());
        for (const host of cloud.hosts.values()) {
          const incoming = host.incoming.get(move.moveId);
          if (incoming !== undefined) incoming.memory = true;
        }
        this.#memory = 'completed';
        return { stoppedAtMs: Date.now(), downtimeMs: 7, wireBytes: { disk: 4, memory: 100 } };
      },
      cancelMemoryCopy: async (move) => {
        if (this.#memory !== 'none') this.#memory = 'cancelled';
        if (this.desktops.has(move.desktop)) await resume(move.desktop);
      },
      cancelDiskCopy: async () => {
        this.#disk = 'none';
      },
      cutLink: async () => undefined,
      retireSource: async (move: MoveKey) => {
        this.desktops.delete(move.desktop);
        this.retired.add(move.moveId);
        this.#disk = 'none';
        this.#memory = 'none';
      },
      hashRetired: async () => 'same',
      removeRetired: async (move) => {
        this.retired.delete(move.moveId);
      },
    };
  }

  #network(): DesktopNetwork {
    const note = (text: string) => this.log.push(text);
    return {
      publicKey: 'a2V5',
      attach: async (definition) => {
        this.taps.add(definition.id);
        return `tap-${definition.id}`;
      },
      detach: async (desktop) => {
        this.taps.delete(desktop);
      },
      allocateExternal: async (desktop) => {
        this.externals.set(desktop, this.#external);
        return this.#external;
      },
      externalOf: async (desktop) => this.externals.get(desktop) ?? null,
      releaseExternal: async (desktop) => {
        this.externals.delete(desktop);
      },
      activate: async (definition) => {
        note(`rules ${definition.id}`);
      },
      enroll: async (_, clients) => {
        for (const client of clients) note(`enroll ${client}`);
      },
      exportState: async () => ({ clients: [], flows: null }),
      importState: async () => undefined,
      prepareClients: async () => ({ prepared: 1, silent: 0 }),
      abortClients: async () => {
        note('abort clients');
      },
      hold: async (desktop) => {
        this.held.add(desktop);
      },
      releaseHere: async (desktop) => {
        this.held.delete(desktop);
        return { packets: 0 };
      },
      releaseTo: async (change: AddressChange) => {
        this.held.delete(change.desktop);
        this.forwarding.add(change.desktop);
        note(`forward ${change.desktop}`);
        return { packets: 3 };
      },
      forgetMoved: async (change) => {
        this.forwarding.delete(change.desktop);
        this.externals.delete(change.desktop);
      },
      expect: async () => {
        if (this.faults.has('expect fails')) throw new VmshadowError('NETWORK', 'fake: no guard');
      },
      commitClients: async () => ({ confirmed: 1, silent: 0 }),
      userEndpoints: async () => this.users,
    };
  }
}

function fakePeers(cloud: FakeCloud, self: HostRef): Peers {
  return {
    connect: (ref): PeerHost => {
      const host = () => {
        const found = cloud.get(ref);
        if (!found.alive) throw new VmshadowError('HOST_UNREACHABLE', `fake: ${hostKey(ref)} is down`);
        return found;
      };
      return {
        ping: async () => cloud.get(ref).alive,
        expect: async (key, change, state) => host().target.expect(self, key, change, state),
        confirm: async (key) => host().target.confirm(self, key),
        commit: async (key, options) => {
          const answer = await host().target.commit(self, key, options);
          if (host().faults.delete('commit answer is lost'))
            throw new VmshadowError('HOST_UNREACHABLE', 'fake: the answer was lost');
          return answer;
        },
      };
    },
  };
}

/** A small desktop. */
export function fakeDesktop(id: string): DesktopDefinition {
  return DesktopDefinition.parse({
    id,
    memoryMiB: 64,
    diskMiB: 64,
    network: { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:0a:4d:00:02' },
  });
}
