// The records of all desktops and the kernel's rules made from them. Changes are made one at a time; each is recorded durably and put in force
// at the same time (a switchover waits for both): after a crash the records alone say what the rules are to be.
import { Mutex } from 'async-mutex';
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { HostPlane } from '../planes/plane.js';
import type { HostRules } from '../rules/host-rules.js';
import { addressesOf, type DesktopRecord, emptyRecord, type RecordStore } from './desktop-record.js';

export interface HostStateOptions {
  readonly store: RecordStore;
  readonly plane: HostPlane;
  readonly uplink: string;
  readonly controlPort: number;
}

export class HostState {
  readonly #options: HostStateOptions;
  readonly #records = new Map<DesktopId, DesktopRecord>();
  /** External addresses whose packets are held; gone with the process, as the queue is. */
  readonly #held = new Set<string>();
  /** The rules in force, as text; null: not known. */
  #applied: string | null = null;
  readonly #changing = new Mutex();

  constructor(options: HostStateOptions) {
    this.#options = options;
  }

  /** Read all records and put their rules in force. */
  async load(): Promise<readonly DesktopRecord[]> {
    for (const record of await this.#options.store.loadAll()) this.#records.set(record.desktop, record);
    await this.exclusively(() => this.#options.plane.apply(this.rules(), { afresh: true }));
    return this.all();
  }

  all(): readonly DesktopRecord[] {
    return [...this.#records.values()];
  }

  find(desktop: string): DesktopRecord | null {
    return this.#records.get(desktop as DesktopId) ?? null;
  }

  /** The record of a desktop that must be known here; UNKNOWN_DESKTOP otherwise. */
  get(desktop: DesktopId): DesktopRecord {
    const record = this.find(desktop);
    if (record === null)
      throw new VmshadowError(
        'UNKNOWN_DESKTOP',
        `this host's proxy knows no desktop ${desktop}: attach it first`,
      );
    return record;
  }

  /** Change a record (a new one where none is): recorded and in force. `whenInForce` need not wait for the disk. Give the new record. */
  async change(
    desktop: DesktopId,
    change: (record: DesktopRecord) => DesktopRecord,
    whenInForce: () => void = () => undefined,
  ): Promise<DesktopRecord> {
    return this.exclusively(async () => {
      const before = this.find(desktop);
      const next = change(before ?? emptyRecord(desktop));
      this.#records.set(desktop, next);
      try {
        await Promise.all([this.#options.store.save(next), this.#apply().then(whenInForce)]);
      } catch (error) {
        if (before === null) this.#records.delete(desktop);
        else this.#records.set(desktop, before);
        throw error;
      }
      return next;
    });
  }

  /** Forget a desktop. */
  async remove(desktop: DesktopId): Promise<void> {
    await this.exclusively(async () => {
      await this.#options.store.remove(desktop);
      this.#records.delete(desktop);
      await this.#apply();
    });
  }

  /** Mark packets for an address to be held, or no more. */
  async setHeld(external: string, held: boolean): Promise<void> {
    if (held === this.#held.has(external)) return;
    if (held) this.#held.add(external);
    else this.#held.delete(external);
    // Not through the whole rules: a pause begins with it.
    await this.exclusively(() => this.#options.plane.setHeld(external, held));
    this.#applied = null;
  }

  /** Put the rules in force unless they are. */
  async #apply(): Promise<void> {
    const rules = this.rules();
    const text = JSON.stringify(rules);
    if (text === this.#applied) return;
    this.#applied = null;
    await this.#options.plane.apply(rules);
    this.#applied = text;
  }

  /** The rules that the records call for. */
  rules(): HostRules {
    const records = this.all();
    const { uplink, controlPort } = this.#options;
    return {
      uplink,
      controlPort,
      owned: records.flatMap((r) => addressesOf(r)),
      internals: records.flatMap((r) => (r.network === null ? [] : [r.network.address])),
      active: records.flatMap((r) =>
        r.active && r.external !== null && r.network !== null
          ? [{ external: r.external, internal: r.network.address }]
          : [],
      ),
      moved: records.flatMap((r) => r.moved.map((m) => ({ from: m.oldExternal, to: m.newExternal }))),
      held: [...this.#held],
      guarded: records.flatMap((r) => (r.guardedUntilMs === null || r.external === null ? [] : [r.external])),
    };
  }

  /** Run `work` after all changes asked for before it. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#changing.runExclusive(work);
  }
}
