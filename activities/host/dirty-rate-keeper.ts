// Averages how fast the desktops of this host rewrite their state, where it is measured, as ranks are (docs/decisions/ranking-at-the-hosts.md).
import { UNKNOWN_RATES, smoothDirtyRates, type DirtyRates } from '../../domain/migration/dirty-rates.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { Hypervisor } from '../../ports/hypervisor.js';

export class DirtyRateKeeper {
  readonly #rates = new Map<DesktopId, DirtyRates>();

  /** Take a measurement of a running desktop into its average. */
  async measure(hypervisor: Hypervisor, desktop: DesktopId): Promise<void> {
    const measured = await hypervisor.dirtyRates(desktop);
    this.#rates.set(desktop, smoothDirtyRates(this.known(desktop), measured));
  }

  /** The average so far. */
  known(desktop: DesktopId): DirtyRates {
    return this.#rates.get(desktop) ?? UNKNOWN_RATES;
  }

  /** Forget all desktops but these. */
  keepOnly(owned: ReadonlySet<DesktopId>): void {
    for (const desktop of this.#rates.keys()) if (!owned.has(desktop)) this.#rates.delete(desktop);
  }
}
