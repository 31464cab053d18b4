// The one place where this host says yes to one more desktop: one claim at a time, counting desktops that it owns, reservations of moves
// under way, and claims that are about to become one or the other (promise 5), by what is configured and by what the machine really has.
import { Mutex } from 'async-mutex';
import { VmshadowError } from '../../domain/errors.js';
import { shortages, usedBy, type Capacity } from '../../domain/model/capacity.js';
import { isOff, type DesktopDefinition } from '../../domain/model/desktop.js';
import {
  realRoom,
  realShortages,
  type GrowthPolicy,
  type MachineResources,
  type Promised,
} from '../../domain/model/real-room.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { DesktopRuntime, Hypervisor } from '../../ports/hypervisor.js';
import type { OwnershipStore } from '../stores/ownership-store.js';
import type { CreationStore } from '../stores/creation-store.js';
import type { ReservationStore } from '../stores/reservation-store.js';

export interface CapacityGateOptions {
  readonly self: HostRef;
  readonly capacity: Capacity;
  readonly growth: GrowthPolicy;
  readonly hypervisor: Hypervisor;
  readonly ownership: OwnershipStore;
  readonly reservations: ReservationStore;
  readonly creations: CreationStore;
}

/** What a host has and what of it is taken. */
export interface Inventory {
  readonly desktops: readonly DesktopRuntime[];
  readonly used: Capacity;
  /** What there is in all for planning: what is configured, or less where the machine really has less left. */
  readonly capacity: Capacity;
  readonly resources: MachineResources;
}

interface Counted {
  readonly desktops: readonly DesktopRuntime[];
  readonly definitions: ReadonlyMap<DesktopId, DesktopDefinition>;
  /** Those that are on their way here, or about to be made or started. */
  readonly coming: ReadonlySet<DesktopId>;
  /** Used of the disks that are on their way here, bytes. */
  readonly sure: ReadonlyMap<DesktopId, number>;
}

export class CapacityGate {
  readonly #options: CapacityGateOptions;
  readonly #claims = new Map<DesktopId, DesktopDefinition>();
  readonly #starting = new Map<DesktopId, DesktopDefinition>();
  readonly #counting = new Mutex();

  constructor(options: CapacityGateOptions) {
    this.#options = options;
  }

  /**
   * Claim room for a desktop, of whose disk `diskSureBytes` are used already, while `make` turns the claim into a reservation or a desktop.
   * Throws NO_CAPACITY with what is missing.
   */
  async claim<T>(definition: DesktopDefinition, make: () => Promise<T>, diskSureBytes = 0): Promise<T> {
    const { self, capacity, growth, hypervisor } = this.#options;
    await this.#counting.runExclusive(async () => {
      const counted = await this.#count();
      const resources = await hypervisor.resources();
      const others = [...counted.definitions.values()].filter((d) => d.id !== definition.id);
      const lacking = [
        ...shortages(capacity, usedBy(others), definition),
        ...realShortages(
          resources,
          promisedTo(counted, (d) => d.id !== definition.id),
          growth,
          { ...takenBy(counted, definition), runs: true, diskSureBytes },
        ),
      ];
      if (lacking.length > 0)
        throw new VmshadowError(
          'NO_CAPACITY',
          `${hostKey(self)} has no room for ${definition.id}: ${lacking.join('; ')}. Choose another host or free capacity there.`,
          { details: { lacking } },
        );
      this.#claims.set(definition.id, definition);
    });
    try {
      return await make();
    } finally {
      this.#claims.delete(definition.id);
    }
  }

  /** Start a desktop of this host while its memory is claimed. Throws NO_CAPACITY where the machine has too little left for those that run. */
  async starting<T>(definition: DesktopDefinition, start: () => Promise<T>): Promise<T> {
    const { self, growth, hypervisor } = this.#options;
    await this.#counting.runExclusive(async () => {
      const counted = await this.#count();
      const living = new Set(counted.desktops.filter((d) => !isOff(d.state)).map((d) => d.definition.id));
      if (!living.has(definition.id)) {
        const needed = (d: DesktopDefinition) =>
          d.id !== definition.id && (living.has(d.id) || counted.coming.has(d.id));
        const wanted = { ...takenBy(counted, definition), runs: true };
        // Its disk is here already: a full one does not keep it from starting.
        const noDisk = { ...wanted, diskSureBytes: 0, definition: { ...wanted.definition, diskMiB: 0 } };
        const lacking = realShortages(
          await hypervisor.resources(),
          promisedTo(counted, needed),
          { ...growth, disk: 0 },
          noDisk,
        );
        if (lacking.length > 0)
          throw new VmshadowError(
            'NO_CAPACITY',
            `${hostKey(self)} cannot start ${definition.id}: ${lacking.join('; ')}. Stop another desktop there, or move one away.`,
            { details: { lacking } },
          );
      }
      this.#starting.set(definition.id, definition);
    });
    try {
      return await start();
    } finally {
      this.#starting.delete(definition.id);
    }
  }

  /** List the desktops of this host, once, with what is taken here and what there is. */
  async inventory(): Promise<Inventory> {
    const { capacity, growth, hypervisor } = this.#options;
    const counted = await this.#count();
    const used = usedBy([...counted.definitions.values()]);
    const resources = await hypervisor.resources();
    const room = realRoom(
      resources,
      promisedTo(counted, () => true),
      growth,
    );
    // Never below what is taken: a host that has too little keeps what it has and takes nobody.
    const least = (key: 'diskMiB' | 'memoryMiB') =>
      Math.min(capacity[key], used[key] + Math.max(0, room[key]));
    return {
      desktops: counted.desktops,
      used,
      capacity: { ...capacity, diskMiB: least('diskMiB'), memoryMiB: least('memoryMiB') },
      resources,
    };
  }

  async #count(): Promise<Counted> {
    const { hypervisor, ownership, reservations, creations } = this.#options;
    // In this order: a claim ends when there is a reservation or a desktop, and a reservation or creation when there is a desktop.
    const definitions = new Map<DesktopId, DesktopDefinition>(this.#claims);
    const coming = new Set<DesktopId>([...this.#claims.keys(), ...this.#starting.keys()]);
    const reserved = await reservations.list();
    const begun = (await creations.list()).filter((c) => !c.made);
    const [desktops, records] = await Promise.all([hypervisor.list(), ownership.list()]);
    const owned = new Set(records.filter((r) => r.state === 'owner').map((r) => r.desktop));
    const sure = new Map(reserved.map((r) => [r.definition.id, r.diskUsedBytes]));
    for (const { definition } of [...reserved, ...begun]) {
      definitions.set(definition.id, definition);
      coming.add(definition.id);
    }
    for (const { definition } of desktops)
      if (owned.has(definition.id)) definitions.set(definition.id, definition);
    return { desktops, definitions, coming, sure };
  }
}

/** What a desktop takes here so far: of its own copy and of one that comes in. */
function takenBy({ desktops, coming, sure }: Counted, definition: DesktopDefinition): Promised {
  const here = desktops.filter((d) => d.definition.id === definition.id);
  return {
    definition,
    diskTakenBytes: Math.max(0, ...here.map((d) => d.diskUsedBytes)),
    diskSureBytes: sure.get(definition.id) ?? 0,
    memoryTakenBytes: Math.max(0, ...here.map((d) => d.memoryUsedBytes)),
    runs: coming.has(definition.id) || here.some((d) => d.wanted === 'running'),
  };
}

const promisedTo = (counted: Counted, which: (d: DesktopDefinition) => boolean): Promised[] =>
  [...counted.definitions.values()].filter(which).map((d) => takenBy(counted, d));
