// What dom0 wants of the agents in guests: that clocks are right after a pause, and to know addresses. Guests are slow, absent or hostile: nobody waits.
import { messageOf } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { DesktopRuntime } from '../../ports/hypervisor.js';
import type { HostContext } from './host-context.js';

/** Set the clock of a guest that has stood still, in the background; whatever becomes of it, the caller goes on. */
export function setClockSoon({ hypervisor, logger }: HostContext, desktop: DesktopId): void {
  const set = async () => {
    const behindMs = await hypervisor.setClock(desktop);
    if (behindMs !== null) logger.info({ desktop, behindMs }, "the guest's clock was set");
  };
  set().catch((error: unknown) => {
    logger.warn({ desktop, error: messageOf(error) }, "the guest's clock could not be set");
  });
}

/** A guest's addresses seldom change. */
const ASK_AGAIN_MS = 60_000;

/** The addresses of guests as they were told last. */
export class AddressKeeper {
  readonly #known = new Map<DesktopId, { askedAtMs: number; addresses: readonly string[] | null }>();

  /** What is known of a desktop, null: nothing; begins to ask where that was long ago. */
  of(
    { hypervisor, now }: HostContext,
    { definition: { id, guestAgent }, state }: DesktopRuntime,
  ): readonly string[] | null {
    if (guestAgent !== true || state !== 'running') {
      this.#known.delete(id);
      return null;
    }
    const known = this.#known.get(id);
    if (known !== undefined && now() < known.askedAtMs + ASK_AGAIN_MS) return known.addresses;
    const asked = { askedAtMs: now(), addresses: known?.addresses ?? null };
    this.#known.set(id, asked);
    hypervisor.addresses(id).then(
      (addresses) => (asked.addresses = addresses),
      () => (asked.addresses = null),
    );
    return asked.addresses;
  }

  /** Forget all desktops but these. */
  keepOnly(owned: ReadonlySet<DesktopId>): void {
    for (const desktop of this.#known.keys()) if (!owned.has(desktop)) this.#known.delete(desktop);
  }
}
