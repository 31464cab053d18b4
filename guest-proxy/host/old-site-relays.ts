// Flows of peers without a proxy go on over the site that their desktop has left (docs/connections.md, "Peers without a proxy").
// At the old site packets for the address that was left, of flows that were open then, go to the desktop's present host; that host hands them
// to the desktop, and what the desktop answers goes back and leaves at the old site with the old address.
//
//   offered --leave--> old: until no flow is left, or `untilMs`        imported (new) --arrive--> tells the old host where the desktop is
//
// The kernel picks the packets (rules/host-rules.ts) and queues them; whatever is in the queue ends here: sent on, or dropped.
import { messageOf } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { RelayedConnections } from '../../ports/desktop-network.js';
import type { Logger } from '../logger.js';
import { flowKey, type RelayedFlow } from '../relay/flow.js';
import { listNotes, type Note } from '../relay/notes.js';
import { forgetFlows, keepFlowList, listFlows } from './flow-listing.js';
import { flowsOf, type LiveRelay, type Presence, RelayBook, type Stay } from './relay-book.js';
import {
  deriveRelay,
  MAX_GENERATION,
  nameOf,
  RelayOffer,
  type RelayRecord,
  relayRecords,
  within,
} from './relay-record.js';
import { RelayTraffic } from './relay-traffic.js';

/** Flows of one desktop that go on: what fits the request that hosts hand a desktop on with (4 MiB), thrice. */
const MAX_FLOWS = 15_000;
/** Of all relays of a desktop, so that they fit that request beside the rest; of all relays of a host: its rules are laid anew at each move. */
const MAX_OFFERED = 30_000;
const MAX_HELD = 60_000;
/** The old host's later words on flows are taken for so long after the relay is known. */
const LISTS_WITHIN_MS = 60_000;
/** Notes that were not confirmed are sent again: more than most round trips. */
const REPEAT_MS = 200;
/** How often the present host says that it is there, once it has been heard; NATs between hosts keep a path for 30 s. */
const HERE_MS = 5_000;
/** A present host without a flow waits so long for the old host's word. */
const EMPTY_MS = 60_000;

/** A user's connection that is silent for a day may be of a machine that is gone; the kernel's list forgets it then, too. */
const USERS_QUIET_MS = 24 * 3_600_000;

/** Addresses of the users of a desktop that is to leave whose proxies are ready for it. */
export interface Users {
  /** All their flows change to the new address at once. */
  readonly direct: readonly string[];
  /** Their flows do so when each one's path is proved. */
  readonly relayed: readonly string[];
}

/** A flow as it was seen on its own path, and whose it is. */
export interface ProvedPath {
  readonly flow: RelayedFlow;
  /** Base64. */
  readonly client: string;
}

export interface OldSiteRelaysOptions {
  readonly stateDir: string;
  /** Where this host takes the packets of other hosts' relays (UDP). */
  readonly endpoint: Endpoint;
  /** An address that was left is kept for its flows at most so long. */
  readonly limitMs: number;
  readonly logger: Logger;
  readonly presence: (desktop: string) => Presence | null;
  /** Put the rules in force; they have changed. */
  readonly apply: () => Promise<void>;
  /** An address is not kept any more. */
  readonly released: (address: string) => Promise<void>;
  readonly now: () => number;
}

export class OldSiteRelays {
  readonly #options: OldSiteRelaysOptions;
  readonly #now: () => number;
  readonly #book: RelayBook;
  readonly #traffic: RelayTraffic;
  #secret: Buffer = Buffer.alloc(0);
  #timer: NodeJS.Timeout | null = null;
  constructor(options: OldSiteRelaysOptions) {
    this.#options = options;
    this.#now = options.now;
    this.#book = new RelayBook(relayRecords(options.stateDir), options.presence, this.#now);
    this.#traffic = new RelayTraffic({
      ...options,
      book: this.#book,
      onHears: (relay, hears) => {
        relay.record = { ...relay.record, hears };
        this.#later(this.#book.save(relay));
      },
      onNote: (relay, note, newest, from) => this.#take(relay, note, newest, from),
    });
  }

  /** Read what stands; the rules that follow from it are not in force yet. */
  async load(secret: Buffer): Promise<void> {
    this.#secret = secret;
    await this.#book.load();
  }

  async start(): Promise<void> {
    await keepFlowList();
    await this.#traffic.open();
    for (const relay of this.#book.all())
      if (relay.record.role === 'old') this.#traffic.send(relay, { note: 'anew' });
    this.#timer = setInterval(() => this.#repeat(), REPEAT_MS);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#traffic.close();
  }

  rules = () => this.#book.rules();
  addresses = () => this.#book.addresses();

  /** Put back what somebody else has taken away; says what. */
  async keep(): Promise<string[]> {
    return [
      ...((await this.#traffic.keepRule()) ? ['the rule that queues packets of relayed flows'] : []),
      ...((await keepFlowList()) ? ['the list of open flows'] : []),
    ];
  }

  /** What the desktop's next host needs: the relay of its stay here, should it leave, and those that it has from before. */
  async offer(stay: Stay, users: Users): Promise<RelayOffer[]> {
    const flows = (await this.#flowsOf(stay, users.direct)) ?? [];
    const record = this.#recordOf(stay, flows, users);
    if (this.#book.atOld(stay.external) === null) this.#book.hold(record, { offered: true });
    // The lower its generation, the later the stay that it is of.
    const earlier = this.#book
      .of(stay.desktop, 'new')
      .map((r) => ({ ...r.record, flows: flowsOf(r) }))
      .sort((a, b) => a.generation - b.generation);
    const offer = [{ ...record, untilMs: null }, ...earlier];
    return this.#within(offer, MAX_OFFERED).map((relay) => RelayOffer.parse(relay));
  }

  /** Know the relays that come with a desktop; they are in force when it runs here. */
  async import(desktop: DesktopId, offers: readonly RelayOffer[]): Promise<void> {
    for (const offer of offers) {
      const [known] = this.#book.withId(offer.id).filter((r) => r.record.role === 'new');
      const generation = Math.min(
        MAX_GENERATION,
        Math.max(offer.generation + 1, known?.record.generation ?? 0),
      );
      const relay = this.#book.hold(
        {
          ...offer,
          ...this.#roomFor({ ...offer, role: 'new' }),
          ...{ generation, version: 1, desktop, role: 'new', peer: null },
          untilMs: offer.untilMs ?? this.#now() + this.#options.limitMs,
        },
        // What hosts of the desktop before have got by it may come again.
        { offered: false, used: offer.generation > 0 },
      );
      relay.end.renew(generation, this.#now());
      await this.#book.save(relay);
      // The host that the desktop is leaving may need to tell us more; hosts before it must not follow us yet.
      if (offer.generation === 0) this.#sayHere(relay);
    }
  }

  /** The desktop runs here: tell the hosts of its earlier sites. */
  arrive(desktop: DesktopId): void {
    for (const relay of this.#book.of(desktop, 'new')) this.#sayHere(relay);
  }

  /** The desktop stands still and is about to leave: tell its next host of the flows that began since `offer`. */
  async pause(stay: Stay, { direct }: Users): Promise<void> {
    const { id } = this.#recordOf(stay, []);
    const offered = this.#book.withId(id).find((r) => r.record.role === 'old' && r.offered);
    if (offered === undefined) return;
    const flows = (await this.#flowsOf(stay, direct)) ?? [];
    const added = flows.filter((flow) => !offered.flows.has(flowKey(flow)));
    const gone = new Set(direct.filter((a) => flowsOf(offered).some((f) => f.peer.address === a)));
    this.#book.add(offered, added);
    this.#book.prune(offered, (f) => gone.has(f.peer.address));
    for (const note of listNotes(added, [...gone])) offered.unlisted.set(note.number, note);
    this.#sendList(offered);
  }

  /** The desktop stays: whoever else has told the hosts of its earlier sites that it is there is overtaken. */
  async stay(desktop: DesktopId): Promise<void> {
    for (const relay of this.#book.of(desktop, 'new')) {
      const generation = Math.min(MAX_GENERATION, relay.record.generation + 2);
      relay.record = { ...relay.record, generation };
      relay.end.renew(relay.record.generation, this.#now());
      await this.#book.save(relay);
      this.#sayHere(relay);
    }
    for (const relay of this.#book.of(desktop, 'old')) if (relay.offered) await this.#book.drop(relay);
  }

  /** The desktop has left: from the next change of the rules on its flows take the relay. */
  async leave(stay: Stay, users: Users): Promise<void> {
    const { direct } = users;
    if (this.#book.atOld(stay.external) === null) {
      const { id } = this.#recordOf(stay, []);
      const [offered] = this.#book.withId(id).filter((r) => r.record.role === 'old');
      // Where the kernel does not say what is open, what it said before counts.
      const flows =
        (await this.#flowsOf(stay, direct)) ??
        (offered === undefined ? [] : flowsOf(offered).filter((f) => !direct.includes(f.peer.address)));
      const record = this.#recordOf(stay, flows, users);
      if (flows.length > 0) {
        const peer = offered?.record.peer ?? null;
        const relay = this.#book.hold({ ...record, ...this.#roomFor(record), peer }, { offered: false });
        await this.#book.save(relay);
      } else if (offered !== undefined) {
        this.#traffic.send(offered, { note: 'over' });
        await this.#book.drop(offered);
      }
    }
    for (const relay of this.#book.of(stay.desktop, 'new')) await this.#book.drop(relay);
    this.#unlist(stay.internal);
  }

  /** Nothing of the desktop is here any more; what it left behind at an address of this host goes on. */
  async forget(desktop: DesktopId): Promise<void> {
    const at = this.#options.presence(desktop);
    if (at !== null) this.#unlist(at.internal);
    for (const relay of [...this.#book.of(desktop, 'new'), ...this.#book.of(desktop, 'old')])
      if (relay.record.role === 'new' || relay.offered) await this.#book.drop(relay);
  }

  /** Flows with this peer have a path of their own: its proxy says so. */
  direct(desktop: string, address: string): void {
    for (const relay of this.#book.of(desktop, 'new'))
      if (this.#book.prune(relay, (flow) => flow.peer.address === address))
        this.#later(this.#book.save(relay).then(this.#options.apply));
  }

  /**
   * Let a flow leave by its own path, which its client has shown to be proved, as soon as the client does; tell whether it will. One that is not listed, of a client
   * with flows that are, may have another port at its NAT than on the old path: it stays where it is.
   */
  goDirect(desktop: string, path: ProvedPath): boolean {
    const relays = this.#book.of(desktop, 'new');
    const key = flowKey(path.flow);
    const listed = relays.filter((r) => r.flows.has(key));
    if (listed.length === 0) return !relays.some((r) => r.flows.hasAlike(path.flow));
    for (const relay of listed) this.#book.goDirect(relay, key, path.client);
    return true;
  }

  /** Tell whether a flow is on the list of one of the relays of a desktop that is here, or is to come. */
  isListed(desktop: string, flow: RelayedFlow): boolean {
    return this.#book.of(desktop, 'new').some((r) => r.flows.has(flowKey(flow)));
  }

  /** A client has changed to the paths that are proved: so do the desktop's packets. */
  changed(desktop: string, client: string): void {
    for (const relay of this.#book.of(desktop, 'new'))
      if (this.#book.changed(relay, client)) this.#later(this.#book.save(relay).then(this.#options.apply));
  }

  /** Send a packet of a relayed flow on; false where it belongs to none. */
  divert = (packet: Buffer): boolean => this.#traffic.divert(packet);

  /** End the relay of an address, which somebody else needs more. */
  async evict(address: string): Promise<void> {
    const relay = this.#book.atOld(address);
    if (relay !== null) await this.#end(relay, 'its address is needed');
  }

  /** How many connections of desktops that are here still go over an earlier site. */
  connections(): RelayedConnections[] {
    return this.#book
      .all()
      .filter((r) => r.record.role === 'new' && flowsOf(r).length > 0)
      .map((relay) => ({
        desktop: relay.record.desktop,
        oldExternal: relay.record.oldExternal,
        connections: flowsOf(relay).length,
        rttMs: relay.rttMs,
      }));
  }

  /** End what is over. */
  async tick(): Promise<void> {
    for (const relay of this.#book.all().filter((r) => !r.offered)) {
      const over = this.#now() >= relay.record.untilMs;
      const users = new Set(relay.record.users);
      const isKept = (flow: RelayedFlow, quietMs: number) =>
        users.has(flow.peer.address) && quietMs < USERS_QUIET_MS;
      const pruned = this.#book.prune(relay, (flow, quietMs) => over && !isKept(flow, quietMs));
      if (over && relay.flows.size === 0) await this.#end(relay, 'its time is over');
      else if (relay.flows.size === 0 && this.#mayEnd(relay)) await this.#end(relay, 'no flow is left');
      else if (pruned) {
        await this.#book.save(relay);
        await this.#options.apply();
      }
    }
  }

  #within<R extends Pick<RelayRecord, 'flows'>>(relays: readonly R[], room: number): R[] {
    const { relays: kept, left } = within(relays, room);
    if (left > 0) this.#traffic.refuse('noRoom', left);
    return kept;
  }

  /** The flows of a relay that this host has room for. */
  #roomFor(relay: Pick<RelayRecord, 'role' | 'id' | 'flows'>): Pick<RelayRecord, 'flows'> {
    const [kept] = this.#within([relay], MAX_HELD - this.#book.flowsBeside(nameOf(relay)));
    return { flows: kept?.flows ?? [] };
  }

  /** Flows that were open when a desktop went must not be taken for open when it comes again. Not waited for: users may be waiting. */
  #unlist(internal: string): void {
    this.#later(forgetFlows(internal));
  }

  #mayEnd({ record, unlisted, sinceMs }: LiveRelay): boolean {
    return record.role === 'old' ? unlisted.size === 0 : this.#now() - sinceMs > EMPTY_MS;
  }

  async #end(relay: LiveRelay, why: string): Promise<void> {
    if (!this.#book.isCurrent(relay)) return;
    const { role, desktop, oldExternal } = relay.record;
    if (role === 'old') this.#traffic.send(relay, { note: 'over' });
    await this.#book.drop(relay);
    await this.#options.apply();
    if (role === 'old') await this.#options.released(oldExternal);
    this.#options.logger.info({ desktop, oldExternal, role }, `a relay of ${desktop} has ended: ${why}`);
  }

  #recordOf(stay: Stay, flows: readonly RelayedFlow[], users?: Users): RelayRecord {
    const { desktop, external } = stay;
    return {
      ...deriveRelay(this.#secret, stay),
      version: 1,
      desktop,
      role: 'old',
      oldExternal: external,
      oldHost: this.#options.endpoint,
      generation: 0,
      flows: [...flows],
      untilMs: this.#now() + this.#options.limitMs,
      peer: null,
      ...(users === undefined || users.relayed.length === 0 ? {} : { users: users.relayed.slice(0, 1_000) }),
    };
  }

  /**
   * The flows of a stay that need a relay, should the desktop leave: not those of earlier stays, nor those of peers with a path of their own.
   * Null where the kernel does not say.
   */
  async #flowsOf(stay: Stay, direct: readonly string[]): Promise<RelayedFlow[] | null> {
    const earlier = new Set(this.#book.of(stay.desktop, 'new').flatMap((r) => flowsOf(r).map(flowKey)));
    const flows = await listFlows(stay.internal).catch((error: unknown) => {
      this.#options.logger.warn(
        { desktop: stay.desktop, error: messageOf(error) },
        'the open flows of this desktop cannot be listed: those of peers without a proxy may not outlive a move',
      );
      return null;
    });
    if (flows === null) return null;
    return flows
      .filter((flow) => !direct.includes(flow.peer.address) && !earlier.has(flowKey(flow)))
      .sort((a, b) => (flowKey(a) < flowKey(b) ? -1 : 1))
      .slice(0, MAX_FLOWS);
  }

  /** Notes that wait for an answer, again. */
  #repeat(): void {
    for (const relay of this.#book.all()) {
      if (relay.record.role === 'old') this.#sendList(relay);
      else if (this.#options.presence(relay.record.desktop)?.active === true) {
        const every = relay.rttMs === null ? 5 * REPEAT_MS : HERE_MS;
        if (this.#now() - relay.lastHereAtMs >= every) this.#sayHere(relay);
      }
    }
  }

  #sendList(relay: LiveRelay): void {
    for (const note of [...relay.unlisted.values()].slice(0, 20)) this.#traffic.send(relay, note);
  }

  #sayHere(relay: LiveRelay): void {
    relay.lastHereAtMs = this.#now();
    this.#traffic.send(relay, { note: 'here', atMs: performance.now(), flows: relay.flows.size });
  }

  #take(relay: LiveRelay, note: Note, newest: boolean, from: Endpoint): void {
    if (relay.record.role === 'old') {
      if (note.note === 'here') this.#takeHere(relay, note, newest, from);
      else if (note.note === 'listed') relay.unlisted.delete(note.number);
    } else if (note.note === 'anew') {
      // Hosts before must not follow us yet where the desktop has not come.
      if (this.#options.presence(relay.record.desktop)?.active === true) this.#sayHere(relay);
    } else if (note.note === 'heard') relay.rttMs = Math.max(0, performance.now() - note.atMs);
    else if (note.note === 'over') this.#later(this.#end(relay, 'the old site has ended it'));
    else if (note.note === 'list') {
      // Flows that began between the offer and the pause: soon after the move, and no more than one list may have.
      if (this.#now() - relay.sinceMs > LISTS_WITHIN_MS) return;
      const { length } = note.add;
      if (relay.flows.size + length > MAX_FLOWS || this.#book.flowsBeside(null) + length > MAX_HELD) {
        this.#traffic.refuse('noRoom', length);
        return;
      }
      this.#book.add(relay, note.add);
      this.#book.prune(relay, (flow) => note.direct.includes(flow.peer.address));
      this.#later(
        this.#book
          .save(relay)
          .then(this.#options.apply)
          .then(() => this.#traffic.send(relay, { note: 'listed', number: note.number })),
      );
    }
  }

  #takeHere(relay: LiveRelay, note: Extract<Note, { note: 'here' }>, newest: boolean, from: Endpoint): void {
    const { peer } = relay.record;
    if (newest && (peer?.address !== from.address || peer.port !== from.port)) {
      relay.record = { ...relay.record, peer: from };
      this.#later(this.#book.save(relay));
    }
    this.#traffic.send(relay, { note: 'heard', atMs: note.atMs });
    if (newest && note.flows === 0 && !relay.offered && relay.unlisted.size === 0)
      this.#later(this.#end(relay, 'the present host has no flow left'));
  }

  #later(work: Promise<unknown>): void {
    work.catch((error: unknown) =>
      this.#options.logger.warn({ error: messageOf(error) }, 'a relay could not be changed'),
    );
  }
}
