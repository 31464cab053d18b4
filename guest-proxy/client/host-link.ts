// The client's session with the host that answers at one external address: HELLO until answered, keepalives, renewal.
// Driven by `tick`; sends through an injected function. A silent or restarted host is noticed by unanswered keepalives or its UNKNOWN.
import type { Identity } from '../protocol/identity.js';
import type { Message } from '../protocol/messages.js';
import { beginHandshake, finishHandshake, type ClientHandshake } from '../protocol/handshake.js';
import { Session } from '../protocol/session.js';
import { answerChallenge, isChallengeOf, proofKey } from '../protocol/proof.js';
import type { Challenge, Data, HelloReply, Unknown } from '../protocol/wire.js';

/** Below the 30 s after which Linux's NAT forgets a UDP flow that was answered only once. */
const KEEPALIVE_MS = 15_000;
/** While a move is prepared, either host may restart at any moment, and COMMIT must not wait for it. */
const KEEPALIVE_PENDING_MS = 2_000;
/** An unanswered keepalive is repeated this often... */
const RETRY_MS = 1_000;
/** ...and after so many the host has forgotten us, or the path is gone. */
const MAX_UNANSWERED = 3;
/** First HELLOs follow each other quickly: a move waits for them. Longer than most round trips. */
const HELLO_BACKOFF_MS = [300, 500, 1_000, 2_000, 5_000] as const;
/** Late replies to the last few HELLOs still count: the round trip may exceed the first intervals. */
const MAX_HANDSHAKES = 4;
/** Fresh keys from time to time; WireGuard takes 2 minutes for bulk data, this channel carries a few messages a minute. */
const RENEW_MS = 3_600_000;
/** UNKNOWN is not authenticated: however many come, one HELLO a second. */
const UNKNOWN_INTERVAL_MS = 1_000;

export interface HostLinkOptions {
  readonly address: string;
  readonly desktop: string;
  readonly identity: Identity;
  readonly send: (bytes: Buffer) => void;
  readonly epochs: () => { epoch: number; pendingEpoch: number };
  /** The next HELLO stamp. */
  readonly stamp: () => number;
  /** Tell whether a host may be talked to; called before its signature is verified, and after. */
  readonly accept: (reply: HelloReply, verified: boolean) => boolean;
  /** Tell whether a key (base64) is one of a host of the cloud. */
  readonly trusts: (hostKey: string) => boolean;
  /** A session stands, or the host has said what it can. */
  readonly onUp: (link: HostLink) => void;
  readonly onMessage: (link: HostLink, message: Message, newest: boolean) => void;
}

export class HostLink {
  readonly address: string;
  readonly #options: HostLinkOptions;
  #session: Session | null = null;
  /** Base64; of the host at the other end of the session. */
  #hostKey: string | null = null;
  #handshakes: ClientHandshake[] = [];
  /** Nonces of HELLOs whose challenge was answered: each once, so that nobody makes the client send more. */
  #challenged = new Set<string>();
  /** The key shared with the host that challenged last. */
  #proof: { host: string; key: Buffer | null } | null = null;
  #hellos = 0;
  #nextHelloAtMs = 0;
  #lastUnknownAtMs = -Infinity;
  #establishedAtMs = 0;
  #retryAtMs = 0;
  #answeredAtMs = 0;
  #unanswered = 0;
  lastHeardAtMs: number | null = null;
  /** The host answers proofs of flows' paths; null: it has not said so in this session. */
  proves: boolean | null = null;

  constructor(options: HostLinkOptions) {
    this.#options = options;
    this.address = options.address;
  }

  /** The key of the host that a session stands with; null when none stands. */
  get hostKey(): string | null {
    return this.#session === null ? null : this.#hostKey;
  }

  /** The session that stands; null when none does. */
  get session(): Session | null {
    return this.#session;
  }

  /** Send what is due. */
  tick(nowMs: number): void {
    const renew = this.#session !== null && nowMs - this.#establishedAtMs >= RENEW_MS;
    if ((this.#session === null || renew) && nowMs >= this.#nextHelloAtMs) this.#sendHello(nowMs);
    if (this.#session === null || nowMs < this.#keepaliveDueMs()) return;
    if (this.#unanswered >= MAX_UNANSWERED) {
      this.#session = null;
      this.#hellos = 0;
      this.#sendHello(nowMs);
      return;
    }
    this.keepalive(nowMs);
  }

  /** Send a keepalive now: it tells the host the client's epochs. */
  keepalive(nowMs: number): void {
    this.#unanswered += 1;
    this.#retryAtMs = nowMs + RETRY_MS;
    this.send({ kind: 'keepalive', ...this.#options.epochs() });
  }

  /** Send a message when a session stands; tell whether one does. */
  send(message: Message): boolean {
    if (this.#session === null) return false;
    this.#options.send(this.#session.seal(message));
    return true;
  }

  receiveReply(reply: HelloReply, nowMs: number): void {
    const handshake = this.#handshakes.find((h) => h.nonce.equals(reply.nonce));
    if (handshake === undefined || !this.#options.accept(reply, false)) return;
    const keys = finishHandshake(handshake, reply);
    if (keys === null || !this.#options.accept(reply, true)) return;
    this.#handshakes = [];
    this.#hellos = 0;
    this.#session = new Session(keys, 'client');
    this.#hostKey = reply.hostKey.toString('base64');
    this.#establishedAtMs = nowMs;
    this.#unanswered = 0;
    this.lastHeardAtMs = nowMs;
    // The host believes in the session only when it has heard a message in it.
    this.keepalive(nowMs);
    this.#options.onUp(this);
  }

  /** Prove to a host of the cloud that this client has sent its HELLO: it holds it for a replay, or is flooded. */
  receiveChallenge(challenge: Challenge): void {
    const handshake = this.#handshakes.find((h) => h.nonce.equals(challenge.nonce));
    const host = challenge.hostKey.toString('base64');
    const nonce = challenge.nonce.toString('hex');
    if (handshake === undefined || this.#challenged.has(nonce) || !this.#options.trusts(host)) return;
    if (this.#proof?.host !== host)
      this.#proof = { host, key: proofKey(this.#options.identity, challenge.hostKey) };
    const { key } = this.#proof;
    if (key === null || !isChallengeOf(challenge, key)) return;
    this.#challenged = new Set([...this.#challenged, nonce].slice(-MAX_HANDSHAKES));
    this.#options.send(answerChallenge(challenge, handshake.packet, key));
  }

  receiveData(packet: Data, nowMs: number): void {
    const opened = this.#session?.open(packet) ?? null;
    if (opened === null) return;
    this.lastHeardAtMs = nowMs;
    if (opened.message.kind === 'alive') {
      this.#unanswered = 0;
      this.#answeredAtMs = nowMs;
      const first = this.proves === null;
      this.proves = opened.message.proves === true;
      if (first) this.#options.onUp(this);
    } else this.#options.onMessage(this, opened.message, opened.newest);
  }

  receiveUnknown(packet: Unknown, nowMs: number): void {
    if (this.#session?.id.equals(packet.session) !== true) return;
    if (nowMs - this.#lastUnknownAtMs < UNKNOWN_INTERVAL_MS) return;
    this.#lastUnknownAtMs = nowMs;
    this.#sendHello(nowMs);
  }

  #keepaliveDueMs(): number {
    if (this.#unanswered > 0) return this.#retryAtMs;
    const pending = this.#options.epochs().pendingEpoch > 0;
    return this.#answeredAtMs + (pending ? KEEPALIVE_PENDING_MS : KEEPALIVE_MS);
  }

  #sendHello(nowMs: number): void {
    const { desktop, identity, epochs, stamp } = this.#options;
    const handshake = beginHandshake({ desktop, epoch: epochs().epoch, stamp: stamp() }, identity);
    this.#handshakes = [...this.#handshakes, handshake].slice(-MAX_HANDSHAKES);
    const backoff = HELLO_BACKOFF_MS[Math.min(this.#hellos, HELLO_BACKOFF_MS.length - 1)] ?? RETRY_MS;
    this.#hellos += 1;
    this.#nextHelloAtMs = nowMs + backoff;
    this.#options.send(handshake.packet);
  }
}
