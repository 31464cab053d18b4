// The host's end of the control channel: one UDP socket an external address (answers must come from where the client sent to), and one
// that echoes RTT probes. Checks in order of cost: layout, known desktop and client, stamp or proof, signature. Never answers with more than it got.
// Only what a client has proved counts against it: a HELLO that is stale, or one too many of those that anybody can send, is challenged
// (protocol/proof.ts), and what answers the challenge is served however many others are forged.
// A new session replaces an old one only when its client has shown that it holds the keys: a replayed HELLO changes nothing.
import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '../../domain/model/address.js';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { Logger } from '../logger.js';
import { answerHandshake, systemRandom, verifyHello } from '../protocol/handshake.js';
import type { Identity } from '../protocol/identity.js';
import type { Message, SiteRtt } from '../protocol/messages.js';
import { cookieOf, hasCookie, isProved, makeChallenge, proofKey } from '../protocol/proof.js';
import { Session } from '../protocol/session.js';
import {
  type Data,
  decodeControlPacket,
  encodeProbe,
  encodeUnknown,
  type Hello,
  type HelloAgain,
  type Role,
} from '../protocol/wire.js';
import { TokenBucket } from '../protocol/token-bucket.js';

/** One client of one desktop, heard at one external address. */
export interface ClientSession {
  readonly desktop: string;
  /** Base64. */
  readonly client: string;
  readonly localAddress: string;
  readonly session: Session;
  seenAs: Endpoint;
  lastHeardAtMs: number;
  epoch: number;
  pendingEpoch: number;
  rtts: readonly SiteRtt[];
  rttsAtMs: number;
  /** Its client changes each flow's path when that is proved; null: it has not said so in this session. */
  flowByFlow: boolean | null;
}

export interface ControlServerOptions {
  readonly identity: Identity;
  readonly controlPort: number;
  readonly logger: Logger;
  readonly now: () => number;
  /** What this host is to a desktop at an external address; null: it does not know the client there. */
  readonly lookup: (
    desktop: string,
    client: string,
    localAddress: string,
  ) => { role: Role; epoch: number } | null;
  readonly onKeepalive: (session: ClientSession) => void;
  readonly onMessage: (session: ClientSession, message: Message) => void;
}

/** HELLOs without proof whose signature is verified, of all clients together: at 0.12 ms each some 2 % of a core. */
const UNPROVED_A_SECOND = 200;
const UNPROVED_BURST = 100;
/** A challenge is answered at once: this is more than any round trip. */
const CHALLENGE_MS = 10_000;
/** Keys shared with clients that are kept; made again when they are needed. */
const MAX_PROOF_KEYS = 10_000;
/** Answers that wait for the kernel; what would be more is not sent. */
const MAX_QUEUED_ANSWERS = 1_000;
/** A client says at most a few HELLOs a second; each answer costs about 0.3 ms. Counted when the signature was verified. */
const HELLOS_A_SECOND = 5;
const HELLO_BURST = 10;
/** Messages in sessions beside keepalives: a client with 10,000 flows tells of their paths in 250. What is beyond is said again by whom it matters to. */
const MESSAGES_A_SECOND = 100;
const MESSAGE_BURST = 500;
/** A client that was not heard for so long (four keepalives) has no session any more. */
const SESSION_SILENCE_MS = 60_000;

const keyOf = (desktop: string, client: string, local: string): string => `${desktop} ${client} ${local}`;
const idOf = (session: Buffer): string => session.toString('hex');

export class ControlServer {
  readonly counters = {
    malformed: 0,
    unknownClient: 0,
    /** Verified, and more than a client needs. */
    limited: 0,
    /** Challenged: the stamp is not newer than the last one. */
    stale: 0,
    /** Challenged: too many HELLOs without proof, whoever sent them. */
    unproved: 0,
    /** An answer to a challenge that this host did not give, or by somebody without the client's key. */
    badProof: 0,
    badSignature: 0,
    refusedData: 0,
    /** Messages of a client that says more than any needs to. */
    tooMany: 0,
  };
  readonly #options: ControlServerOptions;
  readonly #sockets = new Map<string, Socket>();
  readonly #sessions = new Map<string, ClientSession>();
  /** Answered, not yet confirmed by a message in the session: at most one a client. */
  readonly #unconfirmed = new Map<string, ClientSession>();
  readonly #byId = new Map<string, ClientSession>();
  readonly #lastStamp = new Map<string, number>();
  /** Time of issue of the last challenge that a client has answered: none is answered twice. */
  readonly #lastIssued = new Map<string, number>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #messages = new Map<string, TokenBucket>();
  readonly #unproved: TokenBucket;
  readonly #cookieSecret = systemRandom(32);
  readonly #proofKeys = new Map<string, Buffer | null>();
  #issued = 0;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#unproved = new TokenBucket(UNPROVED_A_SECOND, UNPROVED_BURST, options.now());
  }

  /** Answer control packets that are sent to an address of this host; fine when it does already. */
  async listen(address: string): Promise<void> {
    const port = this.#options.controlPort;
    await this.#bind(`control ${address}`, { address, port }, (bytes, from) =>
      this.#receive(address, bytes, from),
    );
  }

  /** Echo RTT probes at an endpoint of the host itself, and answer clients there that do not find their desktop any more. */
  async listenForProbes(endpoint: Endpoint): Promise<void> {
    await this.#bind(`control ${endpoint.address}`, endpoint, (bytes, from, socket) => {
      const packet = decodeControlPacket(bytes);
      if (packet?.kind === 'probe')
        socket.send(encodeProbe('probeReply', packet.nonce), from.port, from.address);
      else this.#receive(endpoint.address, bytes, from);
    });
  }

  /** Stop answering at an address and forget its sessions. */
  close(address: string): void {
    this.#sockets.get(`control ${address}`)?.close();
    this.#sockets.delete(`control ${address}`);
    for (const [key, session] of this.#sessions)
      if (session.localAddress === address) this.#drop(this.#sessions, key, session);
    for (const [key, session] of this.#unconfirmed)
      if (session.localAddress === address) this.#drop(this.#unconfirmed, key, session);
  }

  /** Forget the sessions of clients that may not be here any more. */
  dropClients(gone: (client: string) => boolean): void {
    for (const sessions of [this.#sessions, this.#unconfirmed])
      for (const [key, session] of sessions) if (gone(session.client)) this.#drop(sessions, key, session);
  }

  closeAll(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  /** The live sessions of a desktop's clients at one external address. */
  sessionsAt(desktop: string, localAddress: string): ClientSession[] {
    return this.all().filter((s) => s.desktop === desktop && s.localAddress === localAddress);
  }

  /** All sessions whose client was heard lately. */
  all(): ClientSession[] {
    const oldest = this.#options.now() - SESSION_SILENCE_MS;
    return [...this.#sessions.values()].filter((s) => s.lastHeardAtMs >= oldest);
  }

  /** The session of that name; null where none is known. */
  sessionById(id: Buffer): ClientSession | null {
    return this.#byId.get(idOf(id)) ?? null;
  }

  send(session: ClientSession, message: Message): void {
    this.#sendRaw(session.localAddress, session.session.seal(message), session.seenAs);
  }

  /** Tell a client that its session is not known here (any more), so that it says HELLO at once. */
  hint(localAddress: string, sessionId: Buffer, to: Endpoint): void {
    this.#sendRaw(localAddress, encodeUnknown(sessionId), to);
  }

  async #bind(
    key: string,
    endpoint: Endpoint,
    onMessage: (bytes: Buffer, from: Endpoint, socket: Socket) => void,
  ): Promise<void> {
    if (this.#sockets.has(key)) return;
    const socket = createSocket('udp4');
    await new Promise<void>((resolve, reject) => {
      socket.once('error', (cause) =>
        reject(
          new VmshadowError(
            'NETWORK',
            `cannot listen on UDP ${endpoint.address}:${endpoint.port}: ${cause.message}; is another dom0 running on this host?`,
            { cause },
          ),
        ),
      );
      socket.bind(endpoint.port, endpoint.address, resolve);
    });
    socket.removeAllListeners('error');
    socket.on('error', (e) =>
      this.#options.logger.warn({ endpoint, error: messageOf(e) }, 'control socket failed'),
    );
    socket.on('message', (bytes, from) =>
      onMessage(bytes, { address: from.address, port: from.port }, socket),
    );
    this.#sockets.set(key, socket);
  }

  #sendRaw(localAddress: string, bytes: Buffer, to: Endpoint): void {
    const socket = this.#sockets.get(`control ${localAddress}`);
    if (socket === undefined || socket.getSendQueueCount() > MAX_QUEUED_ANSWERS) return;
    socket.send(bytes, to.port, to.address, (error) => {
      if (error !== null) this.#options.logger.debug({ to, error: messageOf(error) }, 'could not send');
    });
  }

  #receive(localAddress: string, bytes: Buffer, from: Endpoint): void {
    const packet = decodeControlPacket(bytes);
    if (packet?.kind === 'hello') this.#receiveHello(localAddress, packet, from, null);
    else if (packet?.kind === 'helloAgain') this.#receiveHello(localAddress, packet.hello, from, packet);
    else if (packet?.kind === 'data') this.#receiveData(localAddress, packet, from);
    else this.counters.malformed += 1;
  }

  #receiveHello(localAddress: string, hello: Hello, from: Endpoint, again: HelloAgain | null): void {
    const { counters } = this;
    const { now, lookup, identity } = this.#options;
    const client = hello.clientKey.toString('base64');
    const known = lookup(hello.desktop, client, localAddress);
    if (known === null) {
      counters.unknownClient += 1;
      return;
    }
    const key = keyOf(hello.desktop, client, localAddress);
    const claim = `${key} ${from.address} ${String(from.port)}`;
    if (again === null) {
      const stale = hello.stamp <= (this.#lastStamp.get(key) ?? -1);
      if (stale || !this.#unproved.take(now())) {
        counters[stale ? 'stale' : 'unproved'] += 1;
        this.#challenge(localAddress, hello, from, claim);
        return;
      }
    } else if (!this.#isProof(again, key, claim)) {
      counters.badProof += 1;
      return;
    }
    if (!verifyHello(hello)) counters.badSignature += 1;
    else if (!this.#mayGoOn(this.#buckets, key, HELLOS_A_SECOND, HELLO_BURST)) counters.limited += 1;
    else {
      this.#lastStamp.set(key, Math.max(hello.stamp, this.#lastStamp.get(key) ?? 0));
      if (again !== null) this.#lastIssued.set(key, again.issued);
      const answer = answerHandshake(hello, known, identity);
      if (answer === null) return;
      const previous = this.#unconfirmed.get(key);
      if (previous !== undefined) this.#drop(this.#unconfirmed, key, previous);
      const session: ClientSession = {
        desktop: hello.desktop,
        client,
        localAddress,
        session: new Session(answer.keys, 'host'),
        seenAs: from,
        lastHeardAtMs: now(),
        epoch: hello.epoch,
        pendingEpoch: 0,
        rtts: [],
        rttsAtMs: 0,
        flowByFlow: null,
      };
      this.#unconfirmed.set(key, session);
      this.#byId.set(idOf(answer.keys.id), session);
      this.#sendRaw(localAddress, answer.packet, from);
    }
  }

  /** Ask the sender to prove that it is the client; nothing is kept for it. */
  #challenge(localAddress: string, hello: Hello, from: Endpoint, claim: string): void {
    const key = this.#proofKey(hello.clientKey);
    if (key === null) return;
    this.#issued = Math.max(this.#issued + 1, Math.floor(this.#options.now()));
    const cookie = cookieOf(this.#cookieSecret, claim, this.#issued);
    const { publicBytes: hostKey } = this.#options.identity;
    const { nonce } = hello;
    this.#sendRaw(localAddress, makeChallenge({ hostKey, nonce, issued: this.#issued, cookie }, key), from);
  }

  #isProof(again: HelloAgain, key: string, claim: string): boolean {
    if (!hasCookie(again, this.#cookieSecret, claim)) return false;
    if (this.#options.now() - again.issued > CHALLENGE_MS) return false;
    if (again.issued <= (this.#lastIssued.get(key) ?? -1)) return false;
    const shared = this.#proofKey(again.hello.clientKey);
    return shared !== null && isProved(again, shared);
  }

  /** Take a token of a client's; there is one bucket for each client that is enrolled, in whatever session. */
  #mayGoOn(buckets: Map<string, TokenBucket>, key: string, aSecond: number, burst: number): boolean {
    const nowMs = this.#options.now();
    const bucket = buckets.get(key) ?? new TokenBucket(aSecond, burst, nowMs);
    buckets.set(key, bucket);
    return bucket.take(nowMs);
  }

  #proofKey(clientKey: Buffer): Buffer | null {
    const name = clientKey.toString('base64');
    const kept = this.#proofKeys.get(name);
    if (kept !== undefined) return kept;
    if (this.#proofKeys.size >= MAX_PROOF_KEYS) this.#proofKeys.clear();
    const made = proofKey(this.#options.identity, clientKey);
    this.#proofKeys.set(name, made);
    return made;
  }

  #receiveData(localAddress: string, packet: Data, from: Endpoint): void {
    const session = this.#byId.get(idOf(packet.session));
    if (session?.localAddress !== localAddress) {
      this.counters.refusedData += 1;
      this.hint(localAddress, packet.session, from);
      return;
    }
    const opened = session.session.open(packet);
    if (opened === null) {
      this.counters.refusedData += 1;
      return;
    }
    this.#confirm(session);
    session.lastHeardAtMs = this.#options.now();
    if (opened.newest) session.seenAs = from;
    const { message } = opened;
    if (message.kind === 'keepalive') {
      session.epoch = message.epoch;
      session.pendingEpoch = message.pendingEpoch;
      const known = this.#options.lookup(session.desktop, session.client, localAddress);
      this.send(session, { kind: 'alive', epoch: known?.epoch ?? 0, proves: true });
      this.#options.onKeepalive(session);
      return;
    }
    const key = keyOf(session.desktop, session.client, localAddress);
    if (!this.#mayGoOn(this.#messages, key, MESSAGES_A_SECOND, MESSAGE_BURST)) this.counters.tooMany += 1;
    else if (message.kind === 'rttReport') {
      session.rtts = message.rtts;
      session.rttsAtMs = session.lastHeardAtMs;
    } else this.#options.onMessage(session, message);
  }

  /** The client holds the keys of its new session: forget the old one. */
  #confirm(session: ClientSession): void {
    const key = keyOf(session.desktop, session.client, session.localAddress);
    if (this.#unconfirmed.get(key) !== session) return;
    this.#unconfirmed.delete(key);
    const old = this.#sessions.get(key);
    if (old !== undefined) {
      this.#byId.delete(idOf(old.session.id));
      session.rtts = old.rtts;
      session.rttsAtMs = old.rttsAtMs;
      session.flowByFlow = old.flowByFlow;
    }
    this.#sessions.set(key, session);
  }

  #drop(from: Map<string, ClientSession>, key: string, session: ClientSession): void {
    from.delete(key);
    this.#byId.delete(idOf(session.session.id));
  }
}
