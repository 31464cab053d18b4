// What a thin client does about the moves of its desktop, as hosts tell of them: PREPARE, COMMIT, ABORT, VOUCH, DIRECT.
// Order of a PREPARE: rules first (guard G1), then the NAT is opened, then HELLO to the new address; PREPARED only when the target answered.
// The proxy calls it for one message after the other.
import { networkInterfaces } from 'node:os';
import type { Logger } from '../logger.js';
import type { ClientConfig } from '../protocol/client-config.js';
import type { Message } from '../protocol/messages.js';
import { isSignedBy } from '../protocol/signed-keys.js';
import { punchPacket } from '../punch/packets.js';
import { sendRaw } from '../punch/raw-sender.js';
import { clientRules, flowsToFollow } from '../rules/client-rules.js';
import { type ProxiedFlow, flowKey } from '../rules/flow.js';
import {
  addressesOf,
  type ClientState,
  committedFlows,
  type Decision,
  onAbort,
  onCommit,
  onDirect,
  onPrepare,
  onVouch,
  standsFor,
  trustedHosts,
} from './client-state.js';
import type { ClientStore } from './client-store.js';
import type { HostLink } from './host-link.js';
import type { PathProver } from './path-prover.js';
import { listSockets } from './proc-net.js';

/**
 * After a COMMIT, when the old host has surely switched to forwarding; again, since packets get lost. The last is later than a silence that the
 * session outlives (a keepalive and its repetitions): in a new session all is said anew.
 */
const CLOSE_AFTER_MS = [1_000, 3_000, 20_000] as const;
/** NATs forget a TCP opening that was never answered after 300 s (Linux) or less; a move may take longer than that. */
const PUNCH_AGAIN_MS = 30_000;

/** The IPv4 addresses of this machine. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((entry) => entry.address));
}

export interface MoveFollowerOptions {
  readonly config: ClientConfig;
  readonly store: ClientStore;
  readonly paths: PathProver;
  readonly link: (address: string) => HostLink | undefined;
  /** What was said at an address does not count for whom it is given to now. */
  readonly dropLink: (address: string) => void;
  /** The desktop's addresses have changed, or what is done about them. */
  readonly onAddresses: () => void;
  readonly onCommitted: () => void;
  /** Count a refusal; null for one. */
  readonly judge: (decision: Decision) => ClientState | null;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Sockets that go on over a site which the desktop has left. */
export const relayedOf = (state: ClientState): number =>
  state.flows.filter((flow) => flow.via !== undefined).length;

export class MoveFollower {
  readonly #options: MoveFollowerOptions;
  readonly #config: ClientConfig;
  readonly #store: ClientStore;
  readonly #paths: PathProver;
  readonly #logger: Logger;
  #punchAtMs = 0;
  #closeAtMs: number[] = [];
  readonly #punched = new Set<string>();
  /** Epoch whose rules are in force and whose NAT is open. */
  #preparedEpoch = 0;

  constructor(options: MoveFollowerOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#store = options.store;
    this.#paths = options.paths;
    this.#logger = options.logger;
  }

  /** Go on with a move that was prepared before the proxy started. */
  takeUp(): void {
    this.#preparedEpoch = this.#store.state.pending?.epoch ?? 0;
  }

  /** What is to be done now, each when what was asked before is done. */
  due(nowMs: number): (() => Promise<void>)[] {
    const work: (() => Promise<void>)[] = [];
    const closeAtMs = this.#closeAtMs[0];
    if (closeAtMs !== undefined && nowMs >= closeAtMs) {
      this.#closeAtMs.shift();
      work.push(() => this.#closeOldPaths());
    }
    if (this.#store.state.pending !== null && nowMs >= this.#punchAtMs) {
      this.#punchAtMs = nowMs + PUNCH_AGAIN_MS;
      this.#punched.clear();
      work.push(() => this.#punch());
    }
    return work;
  }

  #now(): number {
    return this.#options.now();
  }

  #link(address: string): HostLink | undefined {
    return this.#options.link(address);
  }

  #trusted(): string[] {
    return trustedHosts(this.#store.state, this.#config.hosts);
  }

  /**
   * Prove the paths of flows: to the new address while a move is prepared, else of those that came here by a move; where they are on their
   * own path already, their host may have started anew and not know it.
   */
  aimPaths(): void {
    const { state } = this.#store;
    const { pending, epoch, current } = state;
    const moved = state.flows.filter((flow) => flow.via !== undefined || flow.remote.address !== current);
    if (pending !== null && !pending.lapsed && pending.epoch === this.#preparedEpoch)
      this.#paths.aim({ address: pending.newExternal, epoch: pending.epoch, flows: state.flows });
    else this.#paths.aim(moved.length === 0 ? null : { address: current, epoch, flows: moved });
  }

  async vouch(message: Extract<Message, { kind: 'vouch' }>): Promise<void> {
    const { serial, revoked } = message;
    const key = message.key.toString('base64');
    const word = {
      kind: 'host' as const,
      key,
      serial,
      revoked,
      signature: message.signature.toString('base64'),
    };
    const { authority } = this.#config;
    const before = this.#store.state;
    const next = this.#options.judge(
      onVouch(before, word, () => authority !== null && isSignedBy(authority, word)),
    );
    if (next === null || next === before) return;
    await this.#store.save(next);
    this.#logger.info({ host: key, revoked }, "learnt of a host's key from the authority");
  }

  async prepare(message: Extract<Message, { kind: 'prepare' }>, hostKey: string): Promise<void> {
    const sockets = await listSockets();
    const before = this.#store.state;
    const next = this.#options.judge(
      onPrepare(before, message, hostKey, this.#trusted(), this.#now(), ownAddresses()),
    );
    if (next === null) return;
    const { pending } = before;
    const repeated =
      pending?.epoch === message.epoch &&
      pending.newExternal === message.newExternal &&
      pending.targetKey === next.pending?.targetKey;
    if (!repeated || pending.lapsed || this.#preparedEpoch !== message.epoch) {
      const flows = this.#flowsToFollow(next, sockets);
      await this.#store.apply({ ...next, flows });
      if (!repeated) {
        this.#punched.clear();
        this.#options.dropLink(message.newExternal);
      }
      await this.#punch();
      this.#punchAtMs = this.#now() + PUNCH_AGAIN_MS;
      this.#preparedEpoch = message.epoch;
      this.#options.onAddresses();
    }
    this.sayPrepared();
  }

  /** Answer the PREPARE when the target has proved that it is at the new address. */
  sayPrepared(): void {
    const { state } = this.#store;
    const { pending } = state;
    if (pending?.epoch !== this.#preparedEpoch) return;
    const target = this.#link(pending.newExternal);
    if (target?.hostKey !== pending.targetKey || target.proves === null) return;
    const flowByFlow = pending.relays === true && target.proves;
    if (flowByFlow && !this.#paths.isSettled(this.#now())) return;
    const { desktop, flows } = state;
    const relayed = flows.filter((flow) => !this.#paths.isDirect(flow)).length;
    this.#link(state.current)?.send({
      ...{ kind: 'prepared', desktop, epoch: pending.epoch, flows: flows.length },
      ...(flowByFlow ? { relayed } : {}),
    });
  }

  #sayCommitted(link: HostLink): void {
    const { desktop, epoch, flows } = this.#store.state;
    const relayed = relayedOf(this.#store.state);
    link.send({
      ...{ kind: 'committed', desktop, epoch, flows: flows.length },
      ...(link.proves === false ? {} : { relayed }),
    });
  }

  /** The paths of these flows are proved, as their host knows, too: they change to them, from the COMMIT on. The host follows. */
  async direct(epoch: number): Promise<void> {
    const before = this.#store.state;
    if (epoch !== before.epoch) return;
    const next = onDirect(before, (flow) => this.#paths.isDirect(flow), this.#now());
    if (next !== before) await this.#store.apply(next);
    this.#options.onAddresses();
    const link = this.#link(next.current);
    if (link !== undefined) this.#sayCommitted(link);
    this.#closeAtMs = CLOSE_AFTER_MS.map((ms) => this.#now() + ms);
    this.#logger.info({ relayed: relayedOf(this.#store.state) }, 'connections take their own path now');
  }

  async commit(link: HostLink, message: { desktop: string; epoch: number }, hostKey: string): Promise<void> {
    const sockets = await listSockets();
    const before = this.#store.state;
    // Whether its host proves paths says how flows change; it tells that before anything else, and says COMMIT again.
    if (before.pending?.relays === true && link.proves === null) return;
    const followed = this.#flowsToFollow(before, sockets);
    const flowByFlow = before.pending?.relays === true && link.proves !== false;
    const isDirect = flowByFlow ? (flow: ProxiedFlow) => this.#paths.isDirect(flow) : null;
    const follow = committedFlows(followed, before, isDirect);
    const address = this.#link(link.address) === link ? link.address : standsFor(before, hostKey);
    const from = { hostKey, address: address ?? link.address };
    const next = this.#options.judge(onCommit(before, message, from, follow, this.#now()));
    if (next === null) return;
    if (next !== before || !this.#store.inForce) {
      // Not confirmed before it is recorded: until then the host repeats COMMIT.
      await this.#store.apply(next);
      this.#options.onAddresses();
      this.#closeAtMs = CLOSE_AFTER_MS.map((ms) => this.#now() + ms);
      this.#logger.info(
        { epoch: next.epoch, external: next.current, flows: next.flows.length },
        'desktop moved',
      );
    }
    this.#sayCommitted(link);
    this.#options.onCommitted();
  }

  async abort(link: HostLink, message: { desktop: string; epoch: number }, hostKey: string): Promise<void> {
    const before = this.#store.state;
    const next = this.#options.judge(onAbort(before, message, hostKey));
    if (next === null) return;
    if (next !== before || !this.#store.inForce) {
      await this.#store.apply(next);
      this.#options.onAddresses();
      this.#logger.info({ epoch: message.epoch }, 'move called off');
    }
    link.send({ kind: 'aborted', desktop: message.desktop, epoch: message.epoch });
  }

  /** Have sockets reach the desktop that were opened to where it was before: a viewer that was closed and opened again. */
  async followReopened(): Promise<void> {
    const sockets = await listSockets();
    const before = this.#store.state;
    const { left, current } = before;
    const known = new Set(before.flows.map(flowKey));
    const reopened = sockets.filter((s) => left.includes(s.remote.address) && s.remote.address !== current);
    if (!reopened.some((s) => s.remote.port !== this.#config.controlPort && !known.has(flowKey(s)))) return;
    const flows = this.#flowsToFollow(before, sockets);
    await this.#store.apply({ ...before, flows });
    this.#logger.info({ flows: flows.length - known.size }, 'opened to where the desktop was: sent on');
  }

  #flowsToFollow({ flows, current, left }: ClientState, sockets: readonly ProxiedFlow[]): ProxiedFlow[] {
    return flowsToFollow(flows, sockets, [current, ...left], this.#config.controlPort);
  }

  async #punch(): Promise<void> {
    const { state } = this.#store;
    const { pending } = state;
    if (pending === null) return;
    const fresh = (flow: ProxiedFlow) => !this.#punched.has(flowKey(flow));
    // Also flows whose sockets were opened to the very address: the NAT was made to forget that path when the desktop left it.
    const flows = state.flows.filter(fresh);
    await sendRaw(
      flows.map((flow) => ({
        destination: pending.newExternal,
        bytes: punchPacket(flow, pending.newExternal, 'open'),
      })),
    );
    for (const flow of flows) this.#punched.add(flowKey(flow));
  }

  /** Make the NAT forget the flows' path to the address that the desktop has left. */
  async #closeOldPaths(): Promise<void> {
    // Said again, as it may have been lost: the host waits for it to take the flows' own paths.
    const link = this.#link(this.#store.state.current);
    if (link !== undefined && link.proves !== false) this.#sayCommitted(link);
    const packets = clientRules(this.#store.state.flows, addressesOf(this.#store.state)).closing.map(
      ({ flow, wire }) => ({
        destination: wire,
        bytes: punchPacket(flow, wire, 'close'),
      }),
    );
    await sendRaw(packets);
  }
}
