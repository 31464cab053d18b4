// The one place where this host says yes to one more desktop: one claim at a time, counting desktops that it owns, reservations of moves
// under way, and claims that are about to become one or the other (promise 5).
import { Mutex } from 'async-mutex';
import { VmshadowError } from '../../domain/errors.js';
import { shortages, usedBy, type Capacity } from '../../domain/model/capacity.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { DesktopRuntime, Hypervisor } from '../../ports/hypervisor.js';
import type { OwnershipStore } from '../stores/ownership-store.js';
import type { ReservationStore } from '../stores/reservation-store.js';

export interface CapacityGateOptions {
  readonly self: HostRef;
  readonly capacity: Capacity;
  readonly hypervisor: Hypervisor;
  readonly ownership: OwnershipStore;
  readonly reservations: ReservationStore;
}

export class CapacityGate {
  readonly #options: CapacityGateOptions;
  readonly #claims = new Map<DesktopId, DesktopDefinition>();
  readonly #counting = new Mutex();

  constructor(options: CapacityGateOptions) {
    this.#options = options;
  }

  /** Claim room for a desktop while `make` turns the claim into a reservation or a desktop. Throws NO_CAPACITY with what is missing. */
  async claim<T>(definition: DesktopDefinition, make: () => Promise<T>): Promise<T> {
    const { self, capacity } = this.#options;
    await this.#counting.runExclusive(async () => {
      const { used } = await this.inventory(definition.id);
      const lacking = shortages(capacity, used, definition);
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

  /** List the desktops of this host, once, with what is taken here; `except` is not counted. */
  async inventory(
    except: DesktopId | null = null,
  ): Promise<{ desktops: readonly DesktopRuntime[]; used: Capacity }> {
    const { hypervisor, ownership, reservations } = this.#options;
    // In this order: a claim ends when there is a reservation or a desktop, and a reservation when there is a desktop.
    const counted = new Map<DesktopId, DesktopDefinition>(this.#claims);
    const reserved = await reservations.list();
    const [desktops, records] = await Promise.all([hypervisor.list(), ownership.list()]);
    const owned = new Set(records.filter((r) => r.state === 'owner').map((r) => r.desktop));
    for (const { definition } of reserved) counted.set(definition.id, definition);
    for (const { definition } of desktops)
      if (owned.has(definition.id)) counted.set(definition.id, definition);
    return { desktops, used: usedBy([...counted.values()].filter((d) => d.id !== except)) };
  }
}
