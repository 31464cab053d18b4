// The relays that have an end at this host: records, flows and their progress; and the kernel's rules that follow from them.
import type { RecordStore } from '../../os/record-store.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { flowKey, isOver, newProgress, type RelayedFlow, seen } from '../relay/flow.js';
import type { ListNote } from '../relay/notes.js';
import type { SeenPacket } from '../relay/packet.js';
import { RelayEnd } from '../relay/relay-end.js';
import { flowTuple } from '../rules/flow-text.js';
import type { RelayRules } from '../rules/host-rules.js';
import { isDirect, LiveFlows } from './live-flows.js';
import type { NetworkRecord } from './network-record.js';
import { nameOf, type RelayRecord } from './relay-record.js';

/** One end of a relay. */
export interface LiveRelay {
  record: Omit<RelayRecord, 'flows'>;
  readonly end: RelayEnd;
  readonly flows: LiveFlows;
  /** The desktop has not left yet: nothing is in force, and nothing is on the disk. */
  offered: boolean;
  /** Notes that the other end has not confirmed. */
  readonly unlisted: Map<number, ListNote>;
  rttMs: number | null;
  readonly sinceMs: number;
  /** When the old host was last told that the desktop is here. */
  lastHereAtMs: number;
}

/** The flows of a relay that are not over and take no other path. */
export function flowsOf(relay: LiveRelay): RelayedFlow[] {
  return [...relay.flows.values()].filter((f) => !isDirect(f)).map(({ flow }) => flow);
}

/** A client whose flow has a path of its own sends by the relay no more after so long: a lost word is said again meanwhile. */
const CHANGED_MS = 10_000;

/** A desktop's stay at an address of this host. */
export interface Stay {
  readonly desktop: DesktopId;
  readonly epoch: number;
  readonly external: string;
  readonly internal: string;
}

/** The stay that a record tells of; null where the desktop has no address, or no tap, here. */
export function stayOf({ desktop, epoch, external, network }: NetworkRecord): Stay | null {
  return external === null || network === null
    ? null
    : { desktop, epoch, external, internal: network.address };
}

/** Where a desktop is at this host. */
export interface Presence {
  readonly internal: string;
  readonly external: string | null;
  /** It runs here, or is about to. */
  readonly active: boolean;
  /** Its clients have not been heard since it came: a RST for it may be a NAT's that does not know it yet. */
  readonly guarded: boolean;
}

/** Where a record says that its desktop is; null where it has no tap here. */
export function presenceOf(record: NetworkRecord | null): Presence | null {
  if (record?.network == null) return null;
  return {
    internal: record.network.address,
    external: record.external,
    active: record.active,
    guarded: record.guardedUntilMs !== null,
  };
}

export class RelayBook {
  readonly #records: RecordStore<typeof RelayRecord>;
  readonly #presence: (desktop: string) => Presence | null;
  readonly #now: () => number;
  /** By the record's name. */
  readonly #relays = new Map<string, LiveRelay>();

  constructor(
    records: RecordStore<typeof RelayRecord>,
    presence: (desktop: string) => Presence | null,
    now: () => number,
  ) {
    this.#records = records;
    this.#presence = presence;
    this.#now = now;
  }

  async load(): Promise<void> {
    for (const record of await this.#records.list()) this.hold(record, { offered: false, used: true });
  }

  all(): readonly LiveRelay[] {
    return [...this.#relays.values()];
  }

  /** Both ends, where a desktop has come home. */
  withId(id: string): readonly LiveRelay[] {
    return this.all().filter((r) => r.record.id === id);
  }

  of(desktop: string, role: RelayRecord['role']): readonly LiveRelay[] {
    return this.all().filter((r) => r.record.desktop === desktop && r.record.role === role);
  }

  /** How many flows all relays have, but the one of this name. */
  flowsBeside(name: string | null): number {
    return this.all().reduce((n, r) => (nameOf(r.record) === name ? n : n + r.flows.size), 0);
  }

  /** Know a relay from now on, in memory; one of the same name keeps its sessions. `used`: its key was, before. */
  hold(
    { flows, ...record }: RelayRecord,
    { offered, used = false }: { offered: boolean; used?: boolean },
  ): LiveRelay {
    const nowMs = this.#now();
    const known = this.#relays.get(nameOf(record));
    const relay: LiveRelay = {
      record,
      end:
        known?.end ??
        new RelayEnd(
          {
            id: record.id,
            key: Buffer.from(record.key, 'base64'),
            sends: record.role === 'old' ? 'from-old' : 'from-new',
            generation: record.generation,
            used,
          },
          nowMs,
        ),
      flows: new LiveFlows(
        flows.map((flow) => ({
          flow,
          progress: newProgress(nowMs),
          direct: known?.flows.get(flowKey(flow))?.direct ?? null,
        })),
      ),
      offered,
      unlisted: known?.unlisted ?? new Map<number, ListNote>(),
      rttMs: known?.rttMs ?? null,
      sinceMs: nowMs,
      lastHereAtMs: 0,
    };
    this.#relays.set(nameOf(record), relay);
    return relay;
  }

  /** Tell whether this end is still the one that counts: not dropped, nor replaced. */
  isCurrent(relay: LiveRelay): boolean {
    return this.#relays.get(nameOf(relay.record)) === relay;
  }

  /** Write what stands of a relay, unless it is only offered, or dropped. */
  async save(relay: LiveRelay): Promise<void> {
    if (!this.isCurrent(relay)) return;
    if (!relay.offered)
      await this.#records.put(nameOf(relay.record), { ...relay.record, flows: flowsOf(relay) });
  }

  async drop(relay: LiveRelay): Promise<void> {
    if (!this.isCurrent(relay)) return;
    const name = nameOf(relay.record);
    this.#relays.delete(name);
    await this.#records.remove(name);
  }

  /** Note a packet of a flow; false where the relay has no such flow. */
  note(relay: LiveRelay, packet: SeenPacket, direction: 'in' | 'out'): boolean {
    const known = relay.flows.get(flowKey(packet.flow));
    if (known === undefined || packet.opens) return false;
    known.progress = seen(known.progress, { direction, fin: packet.fin, rst: packet.rst }, this.#now());
    return true;
  }

  /** Forget the flows that are over, or that `also` names by what they are and how long they are silent; true where there were any. */
  prune(relay: LiveRelay, also: (flow: RelayedFlow, quietMs: number) => boolean = () => false): boolean {
    const before = relay.flows.size;
    for (const [key, { flow, progress, direct }] of relay.flows)
      if (
        also(flow, this.#now() - progress.lastAtMs) ||
        isOver(flow, progress, this.#now()) ||
        (direct?.untilMs != null && this.#now() >= direct.untilMs)
      )
        relay.flows.delete(key);
    return relay.flows.size < before;
  }

  /** A flow's own path is proved; its client is about to take it. */
  goDirect(relay: LiveRelay, key: string, client: string): void {
    const known = relay.flows.get(key);
    if (known !== undefined && !isDirect(known)) known.direct = { client, untilMs: null };
  }

  /** A client has changed to the proved paths: so do the desktop's packets; true where there are any. */
  changed(relay: LiveRelay, client: string): boolean {
    const ready = [...relay.flows.values()].filter((f) => f.direct?.client === client && !isDirect(f));
    relay.flows.letGo(ready, client, this.#now() + CHANGED_MS);
    return ready.length > 0;
  }

  add(relay: LiveRelay, flows: readonly RelayedFlow[]): void {
    for (const flow of flows) {
      const key = flowKey(flow);
      if (!relay.flows.has(key))
        relay.flows.set(key, { flow, progress: newProgress(this.#now()), direct: null });
    }
  }

  /** The old site's end for an address that is in force. */
  atOld(external: string): LiveRelay | null {
    return (
      this.all().find((r) => r.record.role === 'old' && !r.offered && r.record.oldExternal === external) ??
      null
    );
  }

  /** The present host's end that has a flow of the desktop with this internal address. */
  atNew(internal: string, flow: RelayedFlow): LiveRelay | null {
    const key = flowKey(flow);
    return (
      this.#inForceHere().find(({ relay, at }) => {
        const known = relay.flows.get(key);
        return at.internal === internal && known !== undefined && !isDirect(known);
      })?.relay ?? null
    );
  }

  /** The present host's ends of desktops that run here; an address that the desktop has again needs no relay. */
  #inForceHere(): { relay: LiveRelay; at: Presence }[] {
    return this.all().flatMap((relay) => {
      if (relay.record.role !== 'new') return [];
      const at = this.#presence(relay.record.desktop);
      return at?.active === true && at.external !== relay.record.oldExternal ? [{ relay, at }] : [];
    });
  }

  /** Addresses that are kept for the flows which use them. */
  addresses(): string[] {
    return this.all().flatMap(({ record, offered }) =>
      record.role === 'old' && !offered ? [record.oldExternal] : [],
    );
  }

  rules(): RelayRules {
    return {
      addresses: this.addresses(),
      inward: this.all().flatMap((relay) =>
        relay.record.role === 'old' && !relay.offered
          ? flowsOf(relay).map((flow) => flowTuple(relay.record.oldExternal, flow))
          : [],
      ),
      outward: this.#inForceHere().flatMap(({ relay, at }) =>
        flowsOf(relay).map((flow) => flowTuple(at.internal, flow)),
      ),
    };
  }

  /** Where packets of a relay go to; null while that is not known. */
  otherEnd({ record }: LiveRelay): Endpoint | null {
    return record.role === 'old' ? record.peer : record.oldHost;
  }
}
