// The client side of the connection proxy (`vmshadow proxy`): follows one desktop. Keeps sessions with the host that serves it and with the
// one it is about to move to, has moves followed (move-follower.ts), and keeps the kernel's rules equal to its state.
// Messages are handled one after the other. On a crash rules stay in the kernel; `start` takes them up again from the state file.
import { createSocket, type Socket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { Mutex } from 'async-mutex';
import type { Endpoint } from '../../domain/model/address.js';
import { messageOf } from '../../domain/errors.js';
import type { Logger } from '../logger.js';
import type { ClientPlane } from '../planes/plane.js';
import { ChangeWatch } from '../planes/kernel/change-watch.js';
import { kernelClientPlane } from '../planes/kernel/kernel-plane.js';
import type { ClientConfig } from '../protocol/client-config.js';
import { identityOf } from '../protocol/identity.js';
import type { Message } from '../protocol/messages.js';
import { decodeControlPacket, type HelloReply } from '../protocol/wire.js';
import { AnswerSocket } from '../punch/answer-socket.js';
import { sendRaw } from '../punch/raw-sender.js';
import { clientRules, withoutClosed } from '../rules/client-rules.js';
import {
  addressesOf,
  type ClientState,
  type Decision,
  onHostAnswer,
  onSeekAnswer,
  onTime,
  trustedHosts,
} from './client-state.js';
import { ClientStore } from './client-store.js';
import { HostLink } from './host-link.js';
import { MoveFollower, relayedOf } from './move-follower.js';
import { PathProver } from './path-prover.js';
import { Prober } from './prober.js';
import { Seeker } from './seeker.js';
import { listSockets } from './proc-net.js';
import { steadyNow } from '../../os/steady-clock.js';

/** Resolution of all timers of the proxy; the shortest interval is 300 ms. */
const TICK_MS = 50;
/** Closed sockets leave rules behind for so long; a port is not used again sooner (TIME_WAIT is 60 s). */
const COLLECT_MS = 5_000;
/** What somebody else took away is back within this and the time of a look. */
const WATCH_MS = 2_000;
/** A SYN to where the desktop was is sent again after a second: its socket has a rule by then. */
const REOPENED_MS = 300;
/** Twice the longest time between two HELLOs: the host would have answered one. */
const SEEK_AFTER_MS = 10_000;
export interface ClientProxyOptions {
  readonly config: ClientConfig;
  /** Where the proxy keeps what it knows of its desktop. */
  readonly stateFile: string;
  readonly logger: Logger;
  readonly plane?: ClientPlane;
  readonly now?: () => number;
}

export interface ClientProxyStatus {
  readonly desktop: string;
  readonly epoch: number;
  readonly external: string;
  readonly pending: { readonly epoch: number; readonly newExternal: string } | null;
  /** The host that a session stands with at the present address, base64; null: none answers. */
  readonly host: string | null;
  readonly lastHeardAtMs: number | null;
  /** Sockets that are followed, and how many of them are rewritten. */
  readonly flows: number;
  readonly rewritten: number;
  /** Sockets that go on over a site which the desktop has left, as no path of their own to it is proved. */
  readonly relayed: number;
  readonly rtts: readonly { readonly site: string; readonly rttMs: number; readonly ageMs: number }[];
  /** How often which reason refused a message. */
  readonly refused: Readonly<Record<string, number>>;
  /** How often its rules were put back that others had taken away. */
  readonly restored: number;
}

export class ClientProxy {
  readonly #config: ClientConfig;
  readonly #logger: Logger;
  readonly #plane: ClientPlane;
  readonly #now: () => number;
  readonly #store: ClientStore;
  readonly #prober: Prober;
  readonly #paths: PathProver;
  readonly #moves: MoveFollower;
  readonly #links = new Map<string, HostLink>();
  readonly #seeker: Seeker;
  /** Since when no host answers; null: one does. */
  #aloneSinceMs: number | null = null;
  readonly #refused: Record<string, number> = {};
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  readonly #working = new Mutex();
  #collectAtMs = 0;
  #watchAtMs = 0;
  #reopenedAtMs = 0;
  readonly #changes = new ChangeWatch(() => this.#enqueue(() => this.#keepRules()));
  #restored = 0;

  constructor(options: ClientProxyOptions) {
    this.#config = options.config;
    this.#logger = options.logger;
    this.#plane = options.plane ?? kernelClientPlane;
    this.#now = options.now ?? steadyNow;
    this.#store = new ClientStore(options.stateFile, options.config, this.#plane);
    this.#prober = new Prober(
      options.config.probes,
      (bytes, to) => this.#sendTo(bytes, to),
      () => this.#report(),
    );
    this.#paths = new PathProver({
      desktop: options.config.desktop,
      answers: (from) => new AnswerSocket(from),
      link: (address) => this.#links.get(address),
      send: sendRaw,
      onSettled: () => this.#moves.sayPrepared(),
      logger: options.logger,
    });
    this.#moves = new MoveFollower({
      config: options.config,
      store: this.#store,
      paths: this.#paths,
      link: (address) => this.#links.get(address),
      dropLink: (address) => this.#links.delete(address),
      onAddresses: () => this.#followAddresses(),
      onCommitted: () => this.#report(),
      judge: (decision) => this.#judge(decision),
      logger: options.logger,
      now: this.#now,
    });
    const endpoints = options.config.probes.map((p) => p.endpoint);
    this.#seeker = new Seeker(endpoints, (endpoint) => this.#makeLink(endpoint, true));
  }

  /** Take up the saved state and its rules, and look for the desktop's host. */
  async start(): Promise<void> {
    await this.#store.load(this.#now());
    this.#socket = createSocket('udp4');
    this.#socket.on('error', (e) => this.#logger.warn({ error: messageOf(e) }, 'control socket failed'));
    this.#socket.on('message', (bytes, from) => this.#receive(bytes, from));
    await new Promise<void>((resolve) => this.#socket?.bind(0, resolve));
    const { state } = this.#store;
    await this.#store.apply({ ...state, flows: withoutClosed(state.flows, await listSockets()) });
    this.#moves.takeUp();
    this.#followAddresses();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#changes.start();
    this.#logger.info(
      { desktop: state.desktop, external: state.current, epoch: state.epoch },
      'proxy started',
    );
  }

  /** Stop; the rules stay in the kernel, so that open connections go on. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#changes.stop();
    await this.#paths.stop();
    await this.#working.waitForUnlock();
    this.#socket?.close();
    this.#socket = null;
  }

  /** Remove the rules and what is known of the desktop; connections that were moved break. */
  async forget(): Promise<void> {
    await this.stop();
    await this.#plane.remove(this.#config.desktop);
    await this.#store.remove();
  }

  status(): ClientProxyStatus {
    const { state } = this.#store;
    const link = this.#links.get(state.current);
    return {
      desktop: state.desktop,
      epoch: state.epoch,
      external: state.current,
      pending: state.pending && { epoch: state.pending.epoch, newExternal: state.pending.newExternal },
      host: link?.hostKey ?? null,
      lastHeardAtMs: link?.lastHeardAtMs ?? null,
      flows: state.flows.length,
      rewritten: clientRules(state.flows, addressesOf(state)).outgoing.length,
      relayed: relayedOf(state),
      rtts: this.#prober.results(performance.now()),
      refused: { ...this.#refused },
      restored: this.#restored,
    };
  }

  #sendTo(bytes: Buffer, to: Endpoint): void {
    this.#socket?.send(bytes, to.port, to.address, (error) => {
      if (error !== null) this.#logger.debug({ to, error: messageOf(error) }, 'could not send');
    });
  }

  #tick(): void {
    const now = this.#now();
    for (const link of this.#links.values()) link.tick(now);
    this.#seek(now);
    this.#prober.tick(performance.now());
    this.#paths.tick(now);
    if (now >= this.#collectAtMs) {
      this.#collectAtMs = now + COLLECT_MS;
      this.#enqueue(() => this.#collect());
    }
    if (now >= this.#watchAtMs) {
      this.#watchAtMs = now + WATCH_MS;
      this.#enqueue(() => this.#keepRules());
    }
    if (this.#store.state.left.length > 0 && now >= this.#reopenedAtMs) {
      this.#reopenedAtMs = now + REOPENED_MS;
      this.#enqueue(() => this.#moves.followReopened());
    }
    for (const work of this.#moves.due(now)) this.#enqueue(work);
  }

  /** Ask the hosts themselves where the desktop went, while none answers where it should be. */
  #seek(nowMs: number): void {
    if ([...this.#links.values()].some((link) => link.hostKey !== null)) {
      this.#aloneSinceMs = null;
      this.#seeker.end();
      return;
    }
    this.#aloneSinceMs ??= nowMs;
    if (nowMs - this.#aloneSinceMs >= SEEK_AFTER_MS) this.#seeker.tick(nowMs);
  }

  async #keepRules(): Promise<void> {
    if (!(await this.#store.keepInForce())) return;
    this.#restored += 1;
    this.#logger.warn({ times: this.#restored }, 'somebody else took away the rules of this proxy: put back');
  }

  /** Do `work` after all that was asked before; a failure is logged and what failed is asked for again by the host. */
  #enqueue(work: () => Promise<void>): void {
    void this.#working.runExclusive(work).catch((e: unknown) => {
      this.#logger.error({ error: messageOf(e) }, 'could not follow the desktop; it is tried again');
    });
  }

  #receive(bytes: Buffer, from: Endpoint): void {
    const packet = decodeControlPacket(bytes);
    if (packet === null) return;
    if (packet.kind === 'probeReply') {
      this.#prober.receive(packet, from, performance.now());
      return;
    }
    const atDesktop = from.port === this.#config.controlPort ? this.#links.get(from.address) : undefined;
    const link = atDesktop ?? this.#seeker.find(from);
    if (link === undefined) return;
    if (packet.kind === 'helloReply') link.receiveReply(packet, this.#now());
    if (packet.kind === 'challenge') link.receiveChallenge(packet);
    if (packet.kind === 'data') link.receiveData(packet, this.#now());
    if (packet.kind === 'unknown') link.receiveUnknown(packet, this.#now());
  }

  #judge(decision: Decision): ClientState | null {
    if ('state' in decision) return decision.state;
    this.#refused[decision.refused] = (this.#refused[decision.refused] ?? 0) + 1;
    this.#logger.warn({ reason: decision.refused }, 'refused a message');
    return null;
  }

  #accept(address: string, reply: HelloReply, verified: boolean, sought: boolean): boolean {
    const answer = {
      address,
      hostKey: reply.hostKey.toString('base64'),
      role: reply.role,
      epoch: reply.epoch,
    };
    const decide = sought ? onSeekAnswer : onHostAnswer;
    const next = this.#judge(decide(this.#store.state, answer, this.#trusted()));
    if (next !== null && verified && next !== this.#store.state) {
      this.#store.state = next;
      this.#enqueue(() => this.#store.save(this.#store.state));
    }
    return next !== null;
  }

  /** Have a link to each address that matters, and no other. */
  #followAddresses(): void {
    const { state } = this.#store;
    this.#moves.aimPaths();
    const wanted = [state.current, ...(state.pending === null ? [] : [state.pending.newExternal])];
    for (const address of this.#links.keys()) if (!wanted.includes(address)) this.#links.delete(address);
    for (const address of wanted) {
      if (this.#links.has(address)) continue;
      const link = this.#makeLink({ address, port: this.#config.controlPort }, false);
      this.#links.set(address, link);
      link.tick(this.#now());
    }
  }

  /** A link to the host at an endpoint: where the desktop is or comes, or (`sought`) where it may have been. */
  #makeLink(endpoint: Endpoint, sought: boolean): HostLink {
    const { address } = endpoint;
    return new HostLink({
      address,
      desktop: this.#config.desktop,
      identity: identityOf(this.#config.identity),
      send: (bytes) => this.#sendTo(bytes, endpoint),
      epochs: () => ({
        epoch: this.#store.state.epoch,
        pendingEpoch: this.#store.state.pending?.epoch ?? 0,
      }),
      stamp: () => this.#store.nextStamp(),
      accept: (reply, verified) => this.#accept(address, reply, verified, sought),
      trusts: (hostKey) => this.#trusted().includes(hostKey),
      onUp: () => this.#moves.sayPrepared(),
      onMessage: (from, message, newest) => this.#onMessage(from, message, newest),
    });
  }

  #onMessage(link: HostLink, message: Message, newest: boolean): void {
    // A change that was overtaken by a later message of the host is out of date; the host repeats what it still wants.
    if (!newest) return;
    const hostKey = link.hostKey;
    if (hostKey === null) return;
    if (message.kind === 'vouch') this.#enqueue(() => this.#moves.vouch(message));
    if (message.kind === 'prepare') this.#enqueue(() => this.#moves.prepare(message, hostKey));
    if (message.kind === 'commit') this.#enqueue(() => this.#moves.commit(link, message, hostKey));
    if (message.kind === 'abort') this.#enqueue(() => this.#moves.abort(link, message, hostKey));
    // Taken at once and carried out in turn: of many that come together the first changes the rules for all.
    if (message.kind === 'direct' && this.#paths.confirm(link.address, message.epoch, message.tokens))
      this.#enqueue(() => this.#moves.direct(message.epoch));
  }

  #trusted(): string[] {
    return trustedHosts(this.#store.state, this.#config.hosts);
  }

  /** Drop rules whose time is over or whose socket is closed. */
  async #collect(): Promise<void> {
    const sockets = await listSockets();
    const before = this.#store.state;
    const flows = withoutClosed(before.flows, sockets);
    const next = onTime(before, this.#now());
    const changed = next !== before || flows.length !== before.flows.length;
    if (changed || !this.#store.inForce) await this.#store.apply({ ...next, flows });
    if (changed) this.#moves.aimPaths();
  }

  #report(): void {
    const rtts = this.#prober.results(performance.now());
    if (rtts.length > 0) this.#links.get(this.#store.state.current)?.send({ kind: 'rttReport', rtts });
  }
}
