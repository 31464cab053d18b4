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
import type { ForeignProblem } from '../rules/foreign-rules.js';
import { leftAddresses } from '../rules/host-rules.js';
import { PublicKey } from '../../domain/model/keys.js';
import { loadIdentity } from '../protocol/identity.js';
import { announceAddress } from './announce.js';
import { addressesOf, AddressChangeRecord, networkRecords } from './network-record.js';
import { DesiredState } from './desired-state.js';
import { DhcpServers } from './dhcp.js';
import { nextAddress } from './external-pool.js';
import { ForeignLook } from './foreign-look.js';
import { Departed } from './departed.js';
import { Handoff } from './handoff.js';
import { HoldQueue } from './hold-queue.js';
import { HostState } from './host-state.js';
import { OldSiteRelays } from './old-site-relays.js';
import { PathProofs } from './path-proofs.js';
import { presenceOf, stayOf } from './relay-book.js';
import { RelayOffer } from './relay-record.js';
import { KeyList } from './key-list.js';
import { addExternal, ensureTap, prepareHost, removeExternal, removeTap } from './tap.js';
import { UserChannel } from './user-channel.js';

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
  readonly relayPort: number;
  /** An address that a desktop has left is kept for connections that still use it at most so long. */
  readonly relayLimitMs: number;
  /** Where the authority's list of keys stands beside this host's certificates; null: there is none. */
  readonly pkiDir?: string;
  /** Gives what of other programs is in the way of moves, to be said with what is in the way of packets. */
  readonly lookFurther?: () => Promise<readonly ForeignProblem[]>;
  readonly logger: Logger;
  readonly now?: () => number;
  readonly plane?: HostPlane;
}

const HOUSEKEEPING_MS = 1_000;
/** Queued packets that were not read yet pass before later ones do. */
const DRAIN_MS = 10;

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
  readonly #queue = new HoldQueue((packet) => this.#relays.divert(packet));
  readonly #relays: OldSiteRelays;
  readonly #paths: PathProofs;
  readonly #handoff: Handoff;
  readonly #departed: Departed;
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
    this.#departed = new Departed(options.stateDir);
    this.#relays = new OldSiteRelays({
      now: this.#now,
      stateDir: options.stateDir,
      endpoint: { address: options.probe.address, port: options.relayPort },
      limitMs: options.relayLimitMs,
      logger: options.logger,
      presence: (desktop) => presenceOf(this.#state.find(desktop)),
      apply: () => this.#state.refresh(),
      released: (address) => this.#stopAnsweringFor(address),
    });
    this.#state = new HostState({
      relays: this.#relays,
      records: networkRecords(options.stateDir),
      plane: this.#guarded(options.plane ?? kernelHostPlane),
      uplink: options.uplink,
      controlPort: options.controlPort,
    });
    this.#paths = new PathProofs({
      sessionById: (id) => this.#users?.sessionById(id) ?? null,
      find: (desktop) => this.#state.find(desktop),
      relays: this.#relays,
      tell: (session, message) => this.#users?.tell(session, message),
      logger: options.logger,
    });
    this.#handoff = new Handoff({
      state: this.#state,
      users: () => this.#users,
      publicKey: () => this.publicKey,
      now: this.#now,
      logger: options.logger,
    });
    this.#desired = new DesiredState({
      uplink: options.uplink,
      state: this.#state,
      queue: this.#queue,
      keepRelays: async () => [...(await this.#relays.keep()), ...(await this.#paths.keep())],
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
    await this.#relays.load(identity.secretBytes);
    await this.#keys.start();
    await this.#departed.load();
    this.#users = new UserChannel({
      departed: this.#departed,
      keys: this.#keys,
      identity,
      controlPort,
      hintsFile: join(stateDir, 'client-sessions.json'),
      logger: this.#logger,
      now: this.#now,
      find: (desktop) => this.#state.find(desktop),
      onCommitted: (session, flowByFlow) => {
        if (flowByFlow) this.#relays.changed(session.desktop, session.client);
        else this.#relays.direct(session.desktop, session.seenAs.address);
      },
      onProved: (session, message) => this.#paths.proved(session, message),
    });
    for (const record of await this.#state.load()) {
      if (record.network !== null) await this.#plugIn(record.desktop, record.network);
      for (const address of addressesOf(record)) await this.#answerFor(address);
    }
    for (const address of this.#relays.addresses()) await addExternal(uplink, address);
    await this.#relays.start();
    await this.#paths.open();
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
    this.#paths.close();
    this.#relays.stop();
    await this.#state.exclusively(() => Promise.resolve());
  }

  async attach(definition: DesktopDefinition): Promise<string> {
    const name = await this.#plugIn(definition.id, definition.network);
    await this.#state.change(definition.id, (r) => ({ ...r, network: definition.network }));
    return name;
  }

  async detach(desktop: DesktopId): Promise<void> {
    const record = this.#state.find(desktop);
    await this.#relays.forget(desktop);
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
      const free = nextAddress(
        this.#options.externalPool,
        this.#lastAllocated,
        used,
        this.#relays.addresses(),
      );
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
    await this.#relays.evict(external);
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
    this.#relays.arrive(definition.id);
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
    const relays = stay === null ? [] : await this.#relays.offer(stay, this.#handoff.ready(record));
    return { clients, flows: { version: 1, epoch, relays } };
  }

  async importState(desktop: DesktopId, state: DesktopNetworkState): Promise<void> {
    const { epoch, relays } = parseInput(ExportedFlows, state.flows, `network state of ${desktop}`);
    await this.enroll(desktop, state.clients);
    await this.#relays.import(desktop, relays);
    await this.#state.change(desktop, (r) => ({ ...r, epoch: Math.max(r.epoch, epoch) }));
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
      this.#relays
        .pause(stay, this.#handoff.ready(record))
        .catch((e: unknown) => this.#logger.warn({ desktop, error: messageOf(e) }, 'a relay lacks flows'));
  }

  async releaseHere(desktop: DesktopId): Promise<{ packets: number }> {
    const { external } = this.#state.get(desktop);
    if (external === null) return { packets: 0 };
    const packets = this.#queue.release(external);
    await this.#endHold(external);
    await this.#relays.stay(desktop);
    return { packets };
  }

  async releaseTo(change: AddressChange): Promise<{ packets: number }> {
    const checked = parseInput(AddressChangeRecord, change, `change of address of ${change.desktop}`);
    let packets = 0;
    const record = this.#state.find(change.desktop);
    const stay = record?.external === change.oldExternal ? stayOf(record) : null;
    if (record !== null && stay !== null) await this.#relays.leave(stay, this.#handoff.ready(record));
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
    const record = this.#state.find(change.desktop);
    const left = record?.moved.find((m) => m.epoch === change.epoch);
    if (record === null || left === undefined) return;
    // Without it a client that was off all the while needs a new file: no reason to keep the address.
    await this.#departed
      .note(record, left)
      .catch((e: unknown) =>
        this.#logger.warn({ desktop: change.desktop, error: messageOf(e) }, 'not kept where it went'),
      );
    await this.#state.change(change.desktop, (r) => ({
      ...r,
      moved: r.moved.filter((m) => m.epoch !== change.epoch),
    }));
    await this.#stopAnsweringFor(change.oldExternal);
  }

  prepareClients(change: AddressChange, timeoutMs: number): Promise<{ prepared: number; silent: number }> {
    return this.#handoff.prepare(change, timeoutMs);
  }

  abortClients(change: AddressChange): Promise<void> {
    return this.#handoff.abort(change);
  }

  expect(change: AddressChange): Promise<void> {
    return this.#handoff.expect(change);
  }

  commitClients(change: AddressChange, timeoutMs: number): Promise<{ confirmed: number; silent: number }> {
    return this.#handoff.commit(change, timeoutMs);
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
    return Promise.resolve(this.#relays.connections());
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
        const left = new Set(leftAddresses(rules));
        this.#guard.set(rules.owned.filter((address) => !left.has(address)));
      },
      setHeld: (external, held) => plane.setHeld(external, held),
      standing: () => plane.standing(),
    };
  }

  async #housekeeping(): Promise<void> {
    this.#users?.remind();
    await this.#relays
      .tick()
      .catch((e: unknown) => this.#logger.warn({ error: messageOf(e) }, 'relays could not be looked at'));
    await this.#departed
      .tick()
      .catch((e: unknown) => this.#logger.warn({ error: messageOf(e) }, 'old departures are still kept'));
    await this.#handoff.liftGuards();
  }
}
