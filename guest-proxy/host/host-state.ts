// The records of all desktops and the kernel's rules made from them. Changes are made one at a time; each is recorded durably and put in force
// at the same time (a switchover waits for both): after a crash the records alone say what the rules are to be.
import { Mutex } from 'async-mutex';
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { isNotDurable } from '../../os/record-errors.js';
import type { HostPlane } from '../planes/plane.js';
import type { HostRules, RelayRules } from '../rules/host-rules.js';
import { tapName } from './tap.js';
import { addressesOf, type NetworkRecord, emptyRecord, type NetworkRecords } from './network-record.js';

export interface HostStateOptions {
  readonly records: NetworkRecords;
  readonly plane: HostPlane;
  readonly uplink: string;
  readonly controlPort: number;
  /** What the relays of earlier sites call for. */
  readonly relays: { rules(): RelayRules; addresses(): readonly string[] };
}

export class HostState {
  readonly #options: HostStateOptions;
  readonly #records = new Map<DesktopId, NetworkRecord>();
  /** External addresses whose packets are held; gone with the process, as the queue is. */
  readonly #held = new Set<string>();
  /** The rules in force, as text; null: not known. */
  #applied: string | null = null;
  /** How the kernel shows them; null: not read since they were changed. */
  #standing: string | null = null;
  readonly #changing = new Mutex();

  constructor(options: HostStateOptions) {
    this.#options = options;
  }

  /** Read all records and put their rules in force. */
  async load(): Promise<readonly NetworkRecord[]> {
    for (const record of await this.#options.records.list()) this.#records.set(record.desktop, record);
    await this.exclusively(() => this.#options.plane.apply(this.rules(), { afresh: true }));
    return this.all();
  }

  all(): readonly NetworkRecord[] {
    return [...this.#records.values()];
  }

  find(desktop: string): NetworkRecord | null {
    return this.#records.get(desktop as DesktopId) ?? null;
  }

  /** The record of a desktop that must be known here; UNKNOWN_DESKTOP otherwise. */
  get(desktop: DesktopId): NetworkRecord {
    const record = this.find(desktop);
    if (record === null)
      throw new VmshadowError(
        'UNKNOWN_DESKTOP',
        `this host's proxy knows no desktop ${desktop}: attach it first`,
      );
    return record;
  }

  /**
   * Change a record (a new one where none is): recorded and in force. `whenInForce` need not wait for the disk. Give the new record. When
   * it throws, memory and rules follow the record that stands, old or new.
   */
  async change(
    desktop: DesktopId,
    change: (record: NetworkRecord) => NetworkRecord,
    whenInForce: () => void = () => undefined,
  ): Promise<NetworkRecord> {
    return this.exclusively(async () => {
      const next = change(this.find(desktop) ?? emptyRecord(desktop));
      const before = this.#keep(desktop, next);
      const [recorded, inForce] = await Promise.allSettled([
        this.#options.records.put(desktop, next),
        this.#apply().then(whenInForce),
      ]);
      if (recorded.status === 'rejected') {
        await this.#followRecord(desktop, before);
        throw recorded.reason;
      }
      if (inForce.status === 'rejected') throw inForce.reason;
      return next;
    });
  }

  /** Forget a desktop. */
  async remove(desktop: DesktopId): Promise<void> {
    await this.exclusively(async () => {
      const before = this.find(desktop);
      try {
        await this.#options.records.remove(desktop);
      } catch (error) {
        await this.#followRecord(desktop, before);
        throw error;
      }
      this.#keep(desktop, null);
      await this.#apply();
    });
  }

  /** Remember a record, or that there is none; give the one before. */
  #keep(desktop: DesktopId, record: NetworkRecord | null): NetworkRecord | null {
    const before = this.find(desktop);
    if (record === null) this.#records.delete(desktop);
    else this.#records.set(desktop, record);
    return before;
  }

  /** After a change that failed: what stands on the disk counts, and `known` where that cannot be read. */
  async #followRecord(desktop: DesktopId, known: NetworkRecord | null): Promise<void> {
    try {
      this.#keep(desktop, await this.#options.records.get(desktop));
    } catch (error) {
      this.#keep(desktop, isNotDurable(error) ? (error.record as NetworkRecord | null) : known);
    }
    // The caller has an error to look at already; rules that are not in force are tried again with the next change.
    await this.#apply().catch(() => undefined);
  }

  /**
   * Put the rules back where somebody else has changed or removed them (promise 12); true where that was so. While packets are held nothing
   * is looked at: a pause is not to wait for it.
   */
  async keepInForce(): Promise<boolean> {
    if (this.#held.size > 0) return false;
    const { plane } = this.#options;
    const known = this.#standing;
    if (known !== null && (await plane.standing()) === known) return false;
    return this.exclusively(async () => {
      if (this.#standing !== known) return false;
      const standing = await plane.standing();
      if (known !== null && standing === known) return false;
      const rules = this.rules();
      await plane.apply(rules);
      this.#applied = JSON.stringify(rules);
      this.#standing = await plane.standing();
      // Rules that were just put in force and not read back yet are there, whatever they look like.
      return known !== null || standing === null;
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
    this.#standing = null;
  }

  /** Put the rules in force that the records and the relays call for now. */
  async refresh(): Promise<void> {
    await this.exclusively(() => this.#apply());
  }

  /** All external addresses that this host is to have. */
  addresses(): string[] {
    return [...new Set([...this.all().flatMap(addressesOf), ...this.#options.relays.addresses()])];
  }

  /** Put the rules in force unless they are. */
  async #apply(): Promise<void> {
    const rules = this.rules();
    const text = JSON.stringify(rules);
    if (text === this.#applied) return;
    this.#applied = null;
    this.#standing = null;
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
      guests: records.flatMap((r) => (r.network === null ? [] : [{ tap: tapName(r.desktop), ...r.network }])),
      owned: this.addresses(),
      internals: records.flatMap((r) => (r.network === null ? [] : [r.network.address])),
      active: records.flatMap((r) =>
        r.active && r.external !== null && r.network !== null
          ? [{ external: r.external, internal: r.network.address }]
          : [],
      ),
      moved: records.flatMap((r) => r.moved.map((m) => ({ from: m.oldExternal, to: m.newExternal }))),
      held: [...this.#held],
      guarded: records.flatMap((r) => (r.guardedUntilMs === null || r.external === null ? [] : [r.external])),
      relays: this.#options.relays.rules(),
    };
  }

  /** Run `work` after all changes asked for before it. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#changing.runExclusive(work);
  }
}
