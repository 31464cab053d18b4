// Where desktops went that have left this host, kept beyond the clean-up of their moves: a client that was off for all of it knows this host
// alone, and asks at the host's own address. One file a desktop; nothing of the kernel hangs on it.
import { join } from 'node:path';
import { z } from 'zod';
import { DesktopId } from '../../domain/model/ids.js';
import { PublicKey } from '../../domain/model/keys.js';
import { RecordStore, type RecordStoreOptions } from '../../os/record-store.js';
import { AddressChangeRecord, emptyRecord, type NetworkRecord } from './network-record.js';

const DepartedRecord = z.object({
  version: z.literal(1),
  desktop: DesktopId,
  /** Who may ask. */
  clients: z.array(PublicKey),
  /** Each time that it left, the oldest first. */
  changes: z.array(AddressChangeRecord).min(1),
  leftAtMs: z.number(),
});
type DepartedRecord = z.infer<typeof DepartedRecord>;

/** A thin client that was off for a season needs a new file. */
const KEPT_MS = 90 * 24 * 3_600_000;
/** Of one desktop: whoever missed more of them is sent to a later one by another host, or needs a new file. */
const MAX_CHANGES = 256;
/** How often is looked for what is too old. */
const LOOK_EVERY_MS = 3_600_000;
const MAX_DESKTOPS = 10_000;

export class Departed {
  readonly #store: RecordStore<typeof DepartedRecord, DesktopId>;
  readonly #now: () => number;
  readonly #records = new Map<DesktopId, DepartedRecord>();
  #lookedAtMs = -Infinity;

  /** `now`: the time of day, since it is compared over restarts. */
  constructor(stateDir: string, now: () => number = Date.now, options?: RecordStoreOptions) {
    this.#store = new RecordStore(
      join(stateDir, 'departed'),
      DepartedRecord,
      'record of where a desktop went',
      options,
    );
    this.#now = now;
  }

  /** Read what was kept. */
  async load(): Promise<void> {
    for (const record of await this.#store.list()) this.#records.set(record.desktop, record);
  }

  /** Let go of what is too old. */
  async tick(): Promise<void> {
    const nowMs = this.#now();
    if (Math.abs(nowMs - this.#lookedAtMs) < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    for (const [desktop, { leftAtMs }] of this.#records)
      if (leftAtMs < nowMs - KEPT_MS) {
        await this.#store.remove(desktop);
        this.#records.delete(desktop);
      }
  }

  /** Keep where a desktop went; its record is about to forget it. */
  async note({ desktop, clients }: NetworkRecord, change: AddressChangeRecord): Promise<void> {
    if (clients.length === 0) return;
    const before = this.#records.get(desktop)?.changes ?? [];
    const changes = [...before.filter((c) => c.epoch !== change.epoch), change]
      .sort((a, b) => a.epoch - b.epoch)
      .slice(-MAX_CHANGES);
    const record: DepartedRecord = { version: 1, desktop, clients, changes, leftAtMs: this.#now() };
    await this.#store.put(desktop, record);
    this.#records.delete(desktop);
    this.#records.set(desktop, record);
    for (const [oldest] of [...this.#records].slice(0, this.#records.size - MAX_DESKTOPS)) {
      this.#records.delete(oldest);
      await this.#store.remove(oldest);
    }
  }

  /**
   * What a client of this view has missed, as the record of a desktop that has left; null: there is nothing for it here. However often the desktop
   * came and went meanwhile, the way leads from where the client knows it to where it went last.
   */
  recordFor(
    desktop: string,
    client: string,
    view: { epoch: number; pendingEpoch: number },
  ): NetworkRecord | null {
    const known = this.#records.get(desktop as DesktopId);
    if (known?.clients.includes(client) !== true) return null;
    const reached = Math.max(view.epoch, view.pendingEpoch);
    const missed = known.changes.find((change) => change.epoch > reached);
    const last = known.changes.at(-1);
    if (missed === undefined || last === undefined) return null;
    return {
      ...emptyRecord(known.desktop),
      clients: known.clients,
      epoch: last.epoch - 1,
      moved: [{ ...last, oldExternal: missed.oldExternal }],
    };
  }

  /** Whether a client may ask here for a desktop at all. */
  knows(desktop: string, client: string): boolean {
    return this.#records.get(desktop as DesktopId)?.clients.includes(client) === true;
  }
}
