// What the fake hypervisor's desktops are made of, as plain state that outlives the driver: a restarted driver finds it again. A disk is what
// it was made from and the number of its guest's last write; a guest writes whenever somebody looks.
import { createHash } from 'node:crypto';
import type { CopyProgress, MemoryProgress } from '../../ports/hypervisor.js';
import type { Endpoint } from '../../domain/model/address.js';
import {
  isOff,
  type DesktopDefinition,
  type DesktopState,
  type PowerWish,
} from '../../domain/model/desktop.js';
import type { HostCpu } from '../../domain/model/cpu.js';
import type { MachineResources } from '../../domain/model/real-room.js';
import type { DesktopId, HostRef } from '../../domain/model/ids.js';
import type { FakeFaults } from './fault.js';

export interface FakeDisk {
  readonly image: string | null;
  writes: number;
}

/** The copy of a disk that a source keeps up at its target. */
export interface FakeMirror {
  readonly moveId: string;
  readonly replica: FakeIncoming;
  state: Exclude<CopyProgress['state'], 'none'>;
  looks: number;
}

/** Pre-copy of a desktop's memory. */
export interface FakeMigration {
  readonly moveId: string;
  readonly to: FakeIncoming | null;
  state: Exclude<MemoryProgress['state'], 'none'>;
  looks: number;
}

export interface FakeDesktop {
  readonly definition: DesktopDefinition;
  readonly tap: string;
  /** The move that brought it; null: it was made here. */
  readonly moveId: string | null;
  readonly disk: FakeDisk;
  state: DesktopState;
  wanted: PowerWish;
  /** The process of its TPM has died. */
  tpmLost: boolean;
  /** The guest's clock against the world's. */
  behindMs: number;
  /** The disk as it was when the desktop came, until it is hashed; then its hash. */
  view: { readonly disk: FakeDisk; hash: string | null } | null;
  mirror: FakeMirror | null;
  migration: FakeMigration | null;
}

export interface FakeIncoming {
  readonly desktop: string;
  readonly moveId: string;
  readonly definition: DesktopDefinition;
  readonly port: number;
  /** Whose disk, and whose memory, is taken. */
  readonly diskFrom: HostRef;
  memoryFrom: HostRef | null;
  disk: FakeDisk;
  tap: string | null;
  /** `gone`: its process ended. */
  memory: 'none' | 'waiting' | 'complete' | 'gone';
}

export interface FakeRetired {
  readonly definition: DesktopDefinition;
  readonly disk: FakeDisk;
}

/** What the machines of one cloud have in common: the way from an endpoint to whoever listens there. */
export class FakeWire {
  readonly #machines: FakeMachine[] = [];

  join(machine: FakeMachine): string {
    return `192.0.2.${this.#machines.push(machine)}`;
  }

  /** What comes in at an endpoint; undefined where nobody listens. */
  at(endpoint: Endpoint): FakeIncoming | undefined {
    const machine = this.#machines.find((m) => m.address === endpoint.address);
    return [...(machine?.incoming.values() ?? [])].find((i) => i.port === endpoint.port);
  }
}

export class FakeMachine {
  readonly wire: FakeWire;
  readonly self: HostRef;
  readonly address: string;
  readonly desktops = new Map<string, FakeDesktop>();
  /** By move. */
  readonly incoming = new Map<string, FakeIncoming>();
  /** By move. */
  readonly retired = new Map<string, FakeRetired>();
  /** Desktops whose image is being copied, or was when something crashed. */
  readonly unfinished = new Set<string>();
  /** A machine without end, unless a test gives it one. */
  resources: MachineResources = {
    disk: { fileSystem: '/fake', freeMiB: 1e9, totalMiB: 1e9 },
    memory: { availableMiB: 1e9, totalMiB: 1e9 },
  };
  /** Only equal machines exchange guests. */
  cpuModel = 'max';
  /** What it says of its processor; nothing, as a host of a release before. */
  cpu: HostCpu | undefined = undefined;
  #ports = 15_800;

  constructor(wire: FakeWire, self: HostRef) {
    this.wire = wire;
    this.self = self;
    this.address = wire.join(this);
  }

  nextPort(): number {
    return this.#ports++;
  }

  /** Let the guest of a desktop, if it runs, write another block; gives the number of its last one. */
  write(desktop: FakeDesktop): number {
    if (desktop.state === 'running') desktop.disk.writes += 1;
    if (desktop.mirror?.state === 'synchronous') desktop.mirror.replica.disk = { ...desktop.disk };
    return desktop.disk.writes;
  }

  /** End the processes of all copies of a desktop here, as a crash would. */
  crash(id: string): void {
    for (const incoming of this.incoming.values())
      if (incoming.desktop === id && incoming.memory !== 'none') incoming.memory = 'gone';
    const desktop = this.desktops.get(id);
    if (desktop === undefined) return;
    desktop.state = desktop.wanted === 'running' ? 'crashed' : 'stopped';
    desktop.mirror = null;
    desktop.migration = null;
    desktop.tpmLost = false;
  }

  /** End the process of a desktop's TPM here, as a crash would; one that comes in can never run then. */
  loseTpm(id: string): void {
    for (const incoming of this.incoming.values())
      if (incoming.desktop === id && incoming.memory !== 'none') incoming.memory = 'gone';
    const desktop = this.desktops.get(id);
    if (desktop?.definition.tpm === true && hasProcess(desktop)) desktop.tpmLost = true;
  }

  /** End every process here, as a power cut would. */
  powerCut(): void {
    for (const { desktop } of this.incoming.values()) this.crash(desktop);
    for (const id of this.desktops.keys()) this.crash(id);
  }

  /** Let the guest of a desktop shut itself down. */
  shutDown(id: string): void {
    const desktop = this.desktops.get(id);
    if (desktop?.state === 'running') desktop.state = 'stopped';
  }

  /** Let the guest of a desktop meet a full disk. */
  fill(id: string): void {
    this.resources = { ...this.resources, disk: { ...this.resources.disk, freeMiB: 0 } };
    const desktop = this.desktops.get(id);
    if (desktop?.state === 'running') desktop.state = 'out-of-space';
  }
}

/** Hash a disk: two are equal when they were made from the same image and hold the same writes. */
export function hashFakeDisk({ image, writes }: FakeDisk): string {
  return createHash('sha256')
    .update(JSON.stringify([image, writes]))
    .digest('hex');
}

/** A desktop with nothing under way. */
export function newFakeDesktop(
  desktop: Pick<FakeDesktop, 'definition' | 'tap' | 'state'> & Partial<FakeDesktop>,
): FakeDesktop {
  return {
    moveId: null,
    disk: { image: null, writes: 0 },
    view: null,
    mirror: null,
    migration: null,
    tpmLost: false,
    behindMs: 0,
    wanted: desktop.state === 'stopped' ? 'stopped' : 'running',
    ...desktop,
  };
}

/** Tell whether a desktop has a process, whatever that does. */
export function hasProcess(desktop: FakeDesktop): boolean {
  return !isOff(desktop.state);
}

/** What the parts of the fake hypervisor share. */
export interface FakeParts {
  readonly machine: FakeMachine;
  readonly faults: FakeFaults;
  /** Told what happens to guests, in order. */
  readonly note: (what: string) => void;
  /** The desktop, which must have a process here: UNKNOWN_DESKTOP or DESKTOP_DOWN otherwise. */
  readonly withProcess: (desktop: DesktopId) => FakeDesktop;
  /** Let a guest run. */
  readonly run: (desktop: FakeDesktop) => void;
}
