// A cloud of hosts in memory for unit and workflow tests: real stores and the real switchover over fakes of the ports, each of which keeps
// its port's promises (test/compliance). Faults are switched on by name.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { CapacityGate } from '../../activities/host/capacity-gate.js';
import { DesktopLocks } from '../../activities/host/desktop-locks.js';
import { FingerprintKeeper } from '../../activities/host/fingerprint-keeper.js';
import type { HostContext } from '../../activities/host/host-context.js';
import { PowerMemory } from '../../activities/host/power-memory.js';
import { OwnershipStore } from '../../activities/stores/ownership-store.js';
import { CreationStore } from '../../activities/stores/creation-store.js';
import { ReservationStore } from '../../activities/stores/reservation-store.js';
import { RestartStore } from '../../activities/stores/restart-store.js';
import { TargetSide } from '../../activities/switchover/target-side.js';
import type { TrafficWindow } from '../../domain/fingerprint/model.js';
import type { DirtyRates } from '../../domain/migration/dirty-rates.js';
import { createdHere } from '../../domain/migration/ownership.js';
import type { Capacity } from '../../domain/model/capacity.js';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';
import type { UserEndpointReport } from '../../ports/desktop-network.js';
import { fakeDesktopNetwork, newFakeNetworkRecord, type FakeNetworkRecord } from './fake-desktop-network.js';
import { fakeHypervisor } from './fake-hypervisor.js';
import { fakeLinkCap, type FakeCap } from './fake-link-cap.js';
import { FakeMachine, FakeWire, newFakeDesktop } from './fake-machine.js';
import { fakePeers } from './fake-peers.js';
import { FakeTraffic } from './fake-traffic.js';
import type { Fault } from './fault.js';

export type { Fault } from './fault.js';

/** The public key of every fake host, and of clients of which nothing else matters. */
export const FAKE_KEY = Buffer.alloc(32, 'key').toString('base64');
/** External addresses of a host, from its first one on. */
const POOL_SIZE = 16;

/** One cloud of fake hosts that know each other. */
export class FakeCloud {
  readonly wire = new FakeWire();
  readonly hosts = new Map<string, FakeHost>();

  /** Add a host whose desktops get addresses from `external` on. */
  async add(self: HostRef, capacity: Capacity, external: string): Promise<FakeHost> {
    const dir = await mkdtemp(join(tmpdir(), 'vmshadow-fake-'));
    const host = new FakeHost(this, self, capacity, external, dir);
    this.hosts.set(hostKey(self), host);
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
  readonly dir: string;
  readonly machine: FakeMachine;
  readonly network = new Map<string, FakeNetworkRecord>();
  readonly caps = new Map<string, FakeCap>();
  readonly faults = new Set<Fault>();
  /** What happened, in order: for tests of the commit order. */
  readonly log: string[] = [];
  /** Traffic that goes on and on. */
  windows: TrafficWindow[] = [];
  users: UserEndpointReport[] = [];
  /** What every desktop here is said to rewrite. */
  dirty: DirtyRates = { memoryMbps: null, diskMbps: null };
  alive = true;
  /** What a ping from here to any user takes. */
  pingMs: number | null = null;
  readonly context: HostContext;
  readonly target: TargetSide;
  readonly #traffic: FakeTraffic;

  constructor(cloud: FakeCloud, self: HostRef, capacity: Capacity, external: string, dir: string) {
    this.dir = dir;
    this.machine = new FakeMachine(cloud.wire, self);
    const shared = { faults: this.faults, note: (what: string) => void this.log.push(what) };
    const hypervisor = fakeHypervisor(this.machine, { ...shared, dirty: () => this.dirty });
    const ownership = new OwnershipStore(join(dir, 'ownership'));
    const reservations = new ReservationStore(join(dir, 'reservations'));
    const creations = new CreationStore(join(dir, 'creations'));
    this.#traffic = new FakeTraffic({
      owns: async (desktop) => (await ownership.get(desktop))?.state === 'owner',
      steady: () => this.windows,
    });
    const logger = pino({ level: 'silent' });
    this.context = {
      self,
      capacityGate: new CapacityGate({
        self,
        capacity,
        growth: { disk: 1, memory: 1 },
        hypervisor,
        ownership,
        reservations,
        creations,
      }),
      hypervisor,
      network: fakeDesktopNetwork({
        ...shared,
        records: this.network,
        publicKey: FAKE_KEY,
        externalPool: poolFrom(external),
        users: () => this.users,
      }),
      traffic: this.#traffic,
      fingerprints: new FingerprintKeeper(),
      locks: new DesktopLocks(),
      ownership,
      reservations,
      creations,
      power: new PowerMemory(new RestartStore(join(dir, 'restarts')), logger),
      peers: fakePeers(self, (ref) => {
        const host = cloud.hosts.get(hostKey(ref));
        return host === undefined ? null : { alive: host.alive, requests: host.target, faults: host.faults };
      }),
      linkCap: fakeLinkCap(this.caps),
      certificateDaysLeft: () => 800,
      watchLink: () => () => undefined,
      ping: async () => this.pingMs,
      now: () => Date.now(),
      wait: (ms) => sleep(ms),
      logger,
    };
    this.target = new TargetSide(this.context);
  }

  get self(): HostRef {
    return this.context.self;
  }

  get desktops(): FakeMachine['desktops'] {
    return this.machine.desktops;
  }

  /** What the loop last asked to sample by. */
  get sampling(): SamplingPolicy | undefined {
    return this.#traffic.sampling;
  }

  /** Put a running desktop here, as `createDesktop` would. */
  async give(definition: DesktopDefinition): Promise<void> {
    const { network, ownership } = this.context;
    const tap = await network.attach(definition);
    const external = await network.allocateExternal(definition.id);
    this.desktops.set(definition.id, newFakeDesktop({ definition, tap, state: 'running' }));
    const known = { network: definition.network, external, active: true };
    this.network.set(definition.id, newFakeNetworkRecord(known));
    await ownership.change(definition.id, (r) => createdHere(r, definition.id, 0));
  }

  /** Everything that a move could leave behind here, in words. */
  async leftovers(): Promise<string[]> {
    const reservations = (await this.context.reservations.list()).map((r) => `reservation ${r.moveId}`);
    const networks = [...this.network].flatMap(([desktop, record]) => [
      ...(record.held ? [`held ${desktop}`] : []),
      ...record.moved.map(() => `forwarding ${desktop}`),
      ...(record.external !== null && !this.desktops.has(desktop) ? [`address of ${desktop}`] : []),
      ...(record.network !== null && !this.desktops.has(desktop) ? [`tap of ${desktop}`] : []),
    ]);
    return [
      ...reservations,
      ...(await this.context.creations.list()).map((c) => `creation of ${c.definition.id}`),
      ...[...this.machine.unfinished].map((id) => `half an image of ${id}`),
      ...[...this.machine.incoming.keys()].map((moveId) => `incoming ${moveId}`),
      ...[...this.machine.retired.keys()].map((moveId) => `retired ${moveId}`),
      ...[...this.caps.keys()].map((moveId) => `cap of ${moveId}`),
      ...networks,
    ];
  }
}

function poolFrom(first: string): string[] {
  const [prefix, last] = [
    first.slice(0, first.lastIndexOf('.')),
    Number(first.slice(first.lastIndexOf('.') + 1)),
  ];
  return Array.from({ length: POOL_SIZE }, (_, i) => `${prefix}.${String(last + i)}`);
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
