// The host side of the connection proxy, one a host, inside dom0's worker: taps and addresses, the rewrite rules of its desktops, packets
// held while a desktop is paused, and the control channel to the users' proxies. Implements the port DesktopNetwork.
// Each method brings records and rules to a state and may be called again: after a crash the caller simply repeats it.
import { join } from 'node:path';
import type {
  AddressChange,
  DesktopNetwork,
  DesktopNetworkState,
  HeldNetwork,
  RelayedConnections,
  UserEndpointReport,
} from '../../ports/desktop-network.js';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopDefinition, InternalNetwork } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { z } from 'zod';
import { steadyNow } from '../../os/steady-clock.js';
import type { Logger } from '../logger.js';
import { AnswerGuard } from '../planes/kernel/answer-guard.js';
import { kernelHostPlane } from '../planes/kernel/kernel-plane.js';
import type { HostPlane } from '../planes/plane.js';
import { PublicKey } from '../../domain/model/keys.js';
import { loadIdentity } from '../protocol/identity.js';
import { announceAddress } from './announce.js';
import { addressesOf, AddressChangeRecord, type NetworkRecord, networkRecords } from './network-record.js';
import { DesiredState } from './desired-state.js';
import { DhcpServers } from './dhcp.js';
import { ForeignLook } from './foreign-look.js';
import { HoldQueue } from './hold-queue.js';
import { HostState } from './host-state.js';
import { Relay, type Stay } from './relay.js';
import { RelayOffer } from './relay-record.js';
import type { Presence } from './relay-book.js';
import { KeyList } from './key-list.js';
import { addExternal, ensureTap, prepareHost, removeExternal, removeTap } from './tap.js';
import { UserChannel } from './user-channel.js';
import { prepareMessage } from './what-to-tell.js';

export interface HostProxyOptions {
  readonly stateDir: string;
  /** Network device towards users and other sites. */
  readonly uplink: string;
  /** External addresses that desktops may get. */
  readonly externalPool: readonly string[];
  readonly controlPort: number;
  /** Where RTT probes are answered. */
  readonly probe: Endpoint;
  readonly identityFile: string;
  /** UDP port at the probe's address where other hosts' relays arrive. */
  readonly relayPort?: number;
  /** An address that a desktop has left is kept for connections that still use it at most so long. */
  readonly relayLimitMs?: number;
  /** Where the authority's list of keys stands beside this host's certificates; null: there is none. */
  readonly pkiDir?: string;
  readonly logger: Logger;
  readonly now?: () => number;
  readonly plane?: HostPlane;
}

/** RST guards stand until the clients have been heard; without them, this long. */
const GUARD_EXPECTING_MS = 600_000;
/** After all confirmed, late packets may still be answered wrongly by a NAT on the way: some round trips. */
const GUARD_AFTER_COMMIT_MS = 3_000;
const GUARD_AFTER_SILENCE_MS = 30_000;
const ABORT_TIMEOUT_MS = 1_500;
/** A client whose session this host has lost (it restarted) finds out by a keepalive: every 2 s while a move is prepared. */
const COMMIT_PATIENCE_MS = 4_000;
const HOUSEKEEPING_MS = 1_000;
/** Queued packets that were not read yet pass before later ones do. */
const DRAIN_MS = 10;

/** Beside the control port, of which hosts' own addresses may be in use for probes. */
const RELAY_PORT = 7949;
const RELAY_LIMIT_MS = 3_600_000;

const ExportedFlows = z.object({
  version: z.literal(1),
  epoch: z.number().int().min(0),
  /** Hosts of a release before do not send any. */
  relays: z.array(RelayOffer).default([]),
});

export class HostProxy implements DesktopNetwork {
  readonly #options: HostProxyOptions;
  readonly #keys: KeyList;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #guard: AnswerGuard;
  readonly #state: HostState;
  readonly #queue = new HoldQueue((packet) => this.#relay.divert(packet));
  readonly #relay: Relay;
  readonly #dhcp: DhcpServers;
  #users: UserChannel | null = null;
  #publicKey: string | null = null;
  #timer: NodeJS.Timeout | null = null;
  readonly #desired: DesiredState;
  readonly #foreign: ForeignLook;
  #lastAllocated: string | null = null;

  constructor(options: HostProxyOptions) {
    this.#options = options;
    this.#keys = new KeyList(options.pkiDir ?? null, options.logger);
    this.#now = options.now ?? steadyNow;
    this.#logger = options.logger;
    this.#guard = new AnswerGuard(options.logger);
    this.#dhcp = new DhcpServers(options.stateDir);
    this.#foreign = new ForeignLook(options);
    this.#relay = new Relay({
      stateDir: options.stateDir,
      endpoint: { address: options.probe.address, port: options.relayPort ?? RELAY_PORT },
      limitMs: options.relayLimitMs ?? RELAY_LIMIT_MS,
      logger: options.logger,
      presence: (desktop) => presenceOf(this.#state.find(desktop)),
      apply: () => this.#state.refresh(),
      released: (address) => this.#stopAnsweringFor(address),
    });
    this.#state = new HostState({
      relays: this.#relay.rules,
      records: networkRecords(options.stateDir),
      plane: this.#guarded(options.plane ?? kernelHostPlane),
      uplink: options.uplink,
      controlPort: options.controlPort,
    });
    this.#desired = new DesiredState({
      uplink: options.uplink,
      state: this.#state,
      queue: this.#queue,
      keepRelays: () => this.#relay.keep(),
      logger: options.logger,
      plugIn: (desktop, network) => this.#plugIn(desktop, network),
    });
  }

  /** This host's Ed25519 public key, base64; known after `start`. */
  get publicKey(): string {
    if (this.#publicKey === null) throw new VmshadowError('INTERNAL', 'the host proxy is not started');
    return this.#publicKey;
  }

  /** Take up what stands: taps, addresses, rules; and ask the clients of before to say hello again. */
  async start(): Promise<void> {
    const { stateDir, uplink, controlPort, probe, identityFile } = this.#options;
    const identity = await loadIdentity(identityFile);
    this.#publicKey = identity.publicKey;
    await prepareHost(uplink);
    await this.#queue.open();
    await this.#relay.load(identity.secretBytes);
    await this.#keys.start();
    this.#users = new UserChannel({
      keys: this.#keys,
      identity,
      controlPort,
      hintsFile: join(stateDir, 'client-sessions.json'),
      logger: this.#logger,
      now: this.#now,
      find: (desktop) => this.#state.find(desktop),
      onCommitted: (desktop, address) =>
        void this.#relay
          .direct(desktop, address)
          .catch((e: unknown) => this.#logger.warn({ error: messageOf(e) }, 'a relay could not be changed')),
    });
    for (const record of await this.#state.load()) {
      if (record.network !== null) await this.#plugIn(record.desktop, record.network);
      for (const address of addressesOf(record)) await this.#answerFor(address);
    }
    for (const address of this.#relay.addresses()) await addExternal(uplink, address);
    await this.#relay.start();
    await this.#users.start(probe);
    this.#timer = setInterval(() => void this.#housekeeping(), HOUSEKEEPING_MS);
    this.#guard.start();
    this.#desired.start();
    this.#foreign.start();
  }

  /** Stop answering; rules, taps and addresses stay, so that desktops go on. */
  async stop(): Promise<void> {
    this.#keys.stop();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#desired.stop();
    await this.#foreign.stop();
    await this.#guard.stop();
    this.#users?.stop();
    this.#relay.stop();
    await this.#state.exclusively(() => Promise.resolve());
  }

  async attach(definition: DesktopDefinition): Promise<string> {
    const name = await this.#plugIn(definition.id, definition.network);
    await this.#state.change(definition.id, (r) => ({ ...r, network: definition.network }));
    return name;
  }

  async detach(desktop: DesktopId): Promise<void> {
    const record = this.#state.find(desktop);
    await this.#relay.forget(desktop);
    if (record !== null) {
      await this.#state.remove(desktop);
      for (const address of addressesOf(record)) await this.#stopAnsweringFor(address);
    }
    await this.#dhcp.remove(desktop);
    await removeTap(desktop);
  }

  async allocateExternal(desktop: DesktopId): Promise<string> {
    const record = await this.#state.change(desktop, (r) => {
      if (r.external !== null) return r;
      const used = new Set(this.#state.all().flatMap(addressesOf));
      const unused = this.#inTurn().filter((address) => !used.has(address));
      const kept = this.#relay.addresses();
      // An address that only old connections use is given away last: the one that has been kept longest.
      const free = unused.find((address) => !kept.includes(address)) ?? kept.find((a) => unused.includes(a));
      if (free === undefined)
        throw new VmshadowError(
          'NO_CAPACITY',
          `no external address is free for ${desktop}: all ${this.#options.externalPool.length} of this host's pool are in use; add some to externalPool in dom0.yaml`,
        );
      this.#lastAllocated = free;
      return { ...r, external: free };
    });
    const external = record.external;
    if (external === null) throw new VmshadowError('INTERNAL', `no address was allocated for ${desktop}`);
    await this.#relay.evict(external);
    await this.#answerFor(external);
    return external;
  }

  externalOf(desktop: DesktopId): Promise<string | null> {
    return Promise.resolve(this.#state.find(desktop)?.external ?? null);
  }

  async releaseExternal(desktop: DesktopId): Promise<void> {
    const external = this.#state.find(desktop)?.external ?? null;
    if (external === null) return;
    await this.#state.change(desktop, (r) => ({
      ...r,
      external: null,
      active: false,
      expecting: null,
      guardedUntilMs: null,
    }));
    await this.#stopAnsweringFor(external);
  }

  async activate(definition: DesktopDefinition): Promise<void> {
    const { external } = this.#state.get(definition.id);
    if (external === null)
      throw new VmshadowError(
        'INPUT_INVALID',
        `${definition.id} has no external address yet: allocate one first`,
      );
    await this.#state.change(definition.id, (r) => ({ ...r, network: definition.network, active: true }));
    this.#relay.arrive(definition.id);
    // Not waited for: the desktop is about to run.
    void announceAddress(this.#options.uplink, external, this.#logger);
  }

  async enroll(desktop: DesktopId, clients: readonly string[]): Promise<void> {
    const keys = parseInput(z.array(PublicKey), clients, `clients of ${desktop}`);
    await this.#state.change(desktop, (r) => ({ ...r, clients: [...new Set([...r.clients, ...keys])] }));
  }

  async exportState(desktop: DesktopId): Promise<DesktopNetworkState> {
    const record = this.#state.get(desktop);
    const { clients, epoch } = record;
    const stay = stayOf(record);
    const relays = stay === null ? [] : await this.#relay.offer(stay, this.#direct(record));
    return { clients, flows: { version: 1, epoch, relays } };
  }

  async importState(desktop: DesktopId, state: DesktopNetworkState): Promise<void> {
    const { epoch, relays } = parseInput(ExportedFlows, state.flows, `network state of ${desktop}`);
    await this.enroll(desktop, state.clients);
    await this.#relay.import(desktop, relays);
    await this.#state.change(desktop, (r) => ({ ...r, epoch: Math.max(r.epoch, epoch) }));
  }

  async prepareClients(
    change: AddressChange,
    timeoutMs: number,
  ): Promise<{ prepared: number; silent: number }> {
    const { record, checked } = this.#check(change, change.oldExternal);
    await this.#state.change(record.desktop, (r) => ({ ...r, outgoing: checked }));
    const limits = { timeoutMs, patienceMs: 0 };
    const message = prepareMessage(checked);
    const prepared = (await this.#users?.ask(checked, checked.oldExternal, message, 'prepared', limits)) ?? 0;
    return { prepared, silent: record.clients.length - prepared };
  }

  async abortClients(change: AddressChange): Promise<void> {
    const record = this.#state.get(change.desktop);
    if (record.outgoing?.epoch === change.epoch)
      await this.#state.change(record.desktop, (r) => ({ ...r, outgoing: null }));
    const message = { kind: 'abort', desktop: change.desktop, epoch: change.epoch } as const;
    const limits = { timeoutMs: ABORT_TIMEOUT_MS, patienceMs: 0 };
    await this.#users?.ask(change, change.oldExternal, message, 'aborted', limits);
  }

  async hold(desktop: DesktopId): Promise<void> {
    const record = this.#state.get(desktop);
    const { external } = record;
    if (external === null) return;
    this.#queue.hold(external);
    await this.#state.setHeld(external, true);
    const stay = stayOf(record);
    // Not waited for: the guest stands still.
    if (stay !== null)
      this.#relay
        .pause(stay, this.#direct(record))
        .catch((e: unknown) => this.#logger.warn({ desktop, error: messageOf(e) }, 'a relay lacks flows'));
  }

  async releaseHere(desktop: DesktopId): Promise<{ packets: number }> {
    const { external } = this.#state.get(desktop);
    if (external === null) return { packets: 0 };
    const packets = this.#queue.release(external);
    await this.#endHold(external);
    await this.#relay.stay(desktop);
    return { packets };
  }

  async releaseTo(change: AddressChange): Promise<{ packets: number }> {
    const checked = parseInput(AddressChangeRecord, change, `change of address of ${change.desktop}`);
    let packets = 0;
    const record = this.#state.find(change.desktop);
    const stay = record?.external === change.oldExternal ? stayOf(record) : null;
    if (record !== null && stay !== null) await this.#relay.leave(stay, this.#direct(record));
    await this.#state.change(
      change.desktop,
      (r) => ({
        ...r,
        external: r.external === change.oldExternal ? null : r.external,
        active: r.external === change.oldExternal ? false : r.active,
        outgoing: null,
        guardedUntilMs: null,
        moved: [...r.moved.filter((m) => m.oldExternal !== change.oldExternal), checked],
      }),
      () => (packets = this.#queue.release(change.oldExternal)),
    );
    await this.#endHold(change.oldExternal);
    return { packets };
  }

  async forgetMoved(change: AddressChange): Promise<void> {
    if (this.#state.find(change.desktop)?.moved.some((m) => m.epoch === change.epoch) !== true) return;
    await this.#state.change(change.desktop, (r) => ({
      ...r,
      moved: r.moved.filter((m) => m.epoch !== change.epoch),
    }));
    await this.#stopAnsweringFor(change.oldExternal);
  }

  async expect(change: AddressChange): Promise<void> {
    const { record, checked } = this.#check(change, change.newExternal);
    await this.#state.change(record.desktop, (r) => ({
      ...r,
      expecting: checked,
      guardedUntilMs: this.#now() + GUARD_EXPECTING_MS,
    }));
  }

  async commitClients(
    change: AddressChange,
    timeoutMs: number,
  ): Promise<{ confirmed: number; silent: number }> {
    const { record, checked } = this.#check(change, change.newExternal);
    const { desktop, epoch } = checked;
    if (change.targetKey !== this.publicKey)
      throw new VmshadowError('NOT_OWNER', `epoch ${epoch} of ${desktop} belongs to another host's key`);
    // Recorded before the first COMMIT leaves: no older epoch can be committed from here after a crash.
    await this.#state.change(desktop, (r) => ({ ...r, epoch, expecting: null }));
    const limits = { timeoutMs, patienceMs: record.clients.length === 0 ? 0 : COMMIT_PATIENCE_MS };
    const message = { kind: 'commit', desktop, epoch } as const;
    const confirmed =
      (await this.#users?.ask(checked, checked.newExternal, message, 'committed', limits)) ?? 0;
    const silent = record.clients.length - confirmed;
    const guardMs = silent === 0 ? GUARD_AFTER_COMMIT_MS : GUARD_AFTER_SILENCE_MS;
    await this.#state.change(desktop, (r) => ({ ...r, guardedUntilMs: this.#now() + guardMs }));
    return { confirmed, silent };
  }

  held(desktop?: DesktopId): Promise<HeldNetwork[]> {
    const records = this.#state.all().filter((r) => desktop === undefined || r.desktop === desktop);
    return Promise.resolve(
      records.map((r) => ({
        desktop: r.desktop,
        attached: r.network !== null,
        external: r.external,
        outgoing: r.outgoing,
        moved: r.moved,
      })),
    );
  }

  notes(): Promise<readonly string[]> {
    return Promise.resolve([...this.#foreign.notes(), ...this.#desired.notes()]);
  }

  userEndpoints(): Promise<UserEndpointReport[]> {
    return Promise.resolve(this.#users?.userEndpoints() ?? []);
  }

  relayed(): Promise<RelayedConnections[]> {
    return Promise.resolve(this.#relay.connections());
  }

  /** Peers of a desktop that is to go whose flows have a path of their own. */
  #direct({ desktop, external, outgoing }: NetworkRecord): readonly string[] {
    if (external === null || outgoing === null) return [];
    return this.#users?.preparedAt(desktop, external, outgoing.epoch) ?? [];
  }

  /** The pool from the address after the last one given: NATs remember connections of an address for a while after they have left it. */
  #inTurn(): readonly string[] {
    const pool = this.#options.externalPool;
    const next = this.#lastAllocated === null ? 0 : pool.indexOf(this.#lastAllocated) + 1;
    return [...pool.slice(next), ...pool.slice(0, next)];
  }

  /** Refuse a change that does not concern this host's address, or is older than what is recorded. */
  #check(change: AddressChange, ownAddress: string): { record: NetworkRecord; checked: AddressChangeRecord } {
    const checked = parseInput(AddressChangeRecord, change, `change of address of ${change.desktop}`);
    const record = this.#state.get(checked.desktop);
    if (record.external !== ownAddress)
      throw new VmshadowError(
        'INPUT_INVALID',
        `${change.desktop} has the address ${record.external ?? '(none)'} on this host, not ${ownAddress}`,
      );
    if (change.epoch < record.epoch)
      throw new VmshadowError(
        'FENCED',
        `epoch ${change.epoch} of ${change.desktop} is older than ${record.epoch}, which is recorded here`,
      );
    return { record, checked };
  }

  /** Make the tap and its DHCP server; a guest with an address of its own does without the latter. */
  async #plugIn(desktop: DesktopId, network: InternalNetwork): Promise<string> {
    const tap = await ensureTap(desktop, network);
    await this.#dhcp.ensure(desktop, tap, network).catch((e: unknown) => {
      const fields = { desktop, error: messageOf(e) };
      this.#logger.warn(fields, 'no DHCP for this desktop: a guest that asks for its address gets none');
    });
    return tap;
  }

  async #answerFor(address: string): Promise<void> {
    await addExternal(this.#options.uplink, address);
    await this.#users?.listen(address);
  }

  async #stopAnsweringFor(address: string): Promise<void> {
    // Given to somebody else meanwhile.
    if (this.#state.all().some((r) => addressesOf(r).includes(address))) return;
    this.#queue.release(address);
    await this.#state.setHeld(address, false);
    this.#users?.close(address);
    if (!this.#state.addresses().includes(address)) await removeExternal(this.#options.uplink, address);
  }

  /** After the queue was released: packets that were on their way into it pass first, then none are queued any more. */
  async #endHold(external: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
    await this.#state.setHeld(external, false);
  }

  /** Whatever rules are in force, the guard knows the addresses. One that a desktop has left is answered for: by RST to new connections. */
  #guarded(plane: HostPlane): HostPlane {
    return {
      apply: async (rules, options) => {
        await plane.apply(rules, options);
        const left = new Set([...rules.moved.map((m) => m.from), ...rules.relays.addresses]);
        this.#guard.set(rules.owned.filter((address) => !left.has(address)));
      },
      setHeld: (external, held) => plane.setHeld(external, held),
      standing: () => plane.standing(),
    };
  }

  async #housekeeping(): Promise<void> {
    this.#users?.remind();
    await this.#relay
      .tick()
      .catch((e: unknown) => this.#logger.warn({ error: messageOf(e) }, 'relays could not be looked at'));
    const now = this.#now();
    // A time that is further off than the longest guard is of a clock that went back while dom0 was down.
    const over = (untilMs: number | null) =>
      untilMs !== null && (untilMs <= now || untilMs > now + GUARD_EXPECTING_MS);
    for (const record of this.#state.all())
      if (over(record.guardedUntilMs))
        await this.#state
          .change(record.desktop, (r) => ({ ...r, guardedUntilMs: null }))
          .catch((e: unknown) => this.#logger.warn({ error: messageOf(e) }, 'could not lift the RST guard'));
  }
}

function presenceOf(record: NetworkRecord | null): Presence | null {
  if (record?.network == null) return null;
  return {
    internal: record.network.address,
    external: record.external,
    active: record.active,
    guarded: record.guardedUntilMs !== null,
  };
}

function stayOf({ desktop, epoch, external, network }: NetworkRecord): Stay | null {
  return external === null || network === null
    ? null
    : { desktop, epoch, external, internal: network.address };
}
