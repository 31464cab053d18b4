// What dom0 remembers of desktops that it starts by itself, and what it has to say of those that are not as they should be.
import type { Logger } from 'pino';
import { messageOf } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { RestartRecord } from '../../domain/model/restarts.js';
import type { RestartStore } from '../stores/restart-store.js';

export class PowerMemory {
  readonly #store: RestartStore;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #known = new Map<DesktopId, RestartRecord | null>();
  readonly #notes = new Map<DesktopId, string>();

  constructor(store: RestartStore, logger: Pick<Logger, 'warn'>) {
    this.#store = store;
    this.#logger = logger;
  }

  /** What is wrong with a desktop, in words for `status`; null when nothing is. */
  noteOf(desktop: DesktopId): string | null {
    return this.#notes.get(desktop) ?? null;
  }

  /** Say what is wrong with a desktop; null: nothing is. What is new goes to the log. */
  note(desktop: DesktopId, text: string | null): void {
    if (text === null) this.#notes.delete(desktop);
    else {
      if (this.#notes.get(desktop) !== text) this.#logger.warn({ desktop }, text);
      this.#notes.set(desktop, text);
    }
  }

  async restartsOf(desktop: DesktopId): Promise<RestartRecord | null> {
    const known = this.#known.get(desktop);
    if (known !== undefined) return known;
    const stored = await this.#store.get(desktop);
    this.#known.set(desktop, stored);
    return stored;
  }

  /** Remember a restart. Where it cannot be written (a full disk) this process alone knows: better than no start. */
  async remember(record: RestartRecord): Promise<void> {
    this.#known.set(record.desktop, record);
    await this.#store.put(record.desktop, record).catch((error: unknown) => {
      this.#logger.warn({ desktop: record.desktop }, messageOf(error));
    });
  }

  /** Begin anew: an operator has spoken, or all has been well for long. */
  async forget(desktop: DesktopId): Promise<void> {
    this.#notes.delete(desktop);
    if (this.#known.get(desktop) === null) return;
    this.#known.set(desktop, null);
    await this.#store.remove(desktop).catch((error: unknown) => {
      this.#logger.warn({ desktop }, messageOf(error));
    });
  }

  /** Forget all that belong to this host no more. */
  async keepOnly(owned: ReadonlySet<DesktopId>): Promise<void> {
    for (const desktop of [...this.#notes.keys(), ...this.#known.keys()])
      if (!owned.has(desktop)) {
        await this.forget(desktop);
        this.#known.delete(desktop);
      }
  }
}
