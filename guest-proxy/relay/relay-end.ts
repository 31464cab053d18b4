// One end of a relay: seals what it sends and opens what it gets. Nothing of a packet is kept before it has proved that its sender has the
// key, and trying a session that is not known is limited, so that a flood costs little. Pure but for the random part of a session's name.
import { TokenBucket } from '../protocol/token-bucket.js';
import { ReplayWindow } from '../protocol/replay-window.js';
import { type Direction, type Header, makeSession, open, seal, SESSION_BYTES, sessionKey } from './wire.js';

/** Sessions begin when a desktop moves or a dom0 starts; each trial derives a key and opens a packet. Of all sources together... */
const TRIALS_A_SECOND = 100;
const TRIAL_BURST = 50;
/** ...and of each source: who floods leaves the others theirs, as long as it does not forge the sources too. */
const TRIALS_A_SECOND_OF_ONE = 10;
const TRIAL_BURST_OF_ONE = 10;
/** Sources that are remembered; beyond, the oldest is forgotten. */
const SOURCES = 256;
/** Generation and start: the later one counts. */
const ORDER_BYTES = 12;

interface TheirSession {
  readonly name: Buffer;
  readonly key: Buffer;
  readonly window: ReplayWindow;
}

export type Refusal = 'forged' | 'replayed' | 'outdated' | 'limited';

interface RelayEndOptions {
  readonly id: string;
  readonly key: Buffer;
  readonly sends: Direction;
  readonly generation: number;
  /** The key was used before, by this host or another one: what comes may be a record of that time. */
  readonly used?: boolean;
}

export class RelayEnd {
  readonly #id: string;
  readonly #key: Buffer;
  readonly #sends: Direction;
  readonly #trials: TokenBucket;
  readonly #trialsOf = new Map<string, TokenBucket>();
  #name: Buffer;
  #sendKey: Buffer;
  #counter = 0;
  #theirs: TheirSession | null = null;
  #alive: boolean;

  constructor(relay: RelayEndOptions, nowMs: number) {
    this.#alive = relay.used !== true;
    this.#id = relay.id;
    this.#key = relay.key;
    this.#sends = relay.sends;
    this.#trials = new TokenBucket(TRIALS_A_SECOND, TRIAL_BURST, nowMs);
    this.#name = makeSession(relay.generation, nowMs);
    this.#sendKey = sessionKey(this.#key, this.#id, this.#name, this.#sends);
  }

  /** The other end has answered this one's own session, or never needed to: it is there now, and no record of it. */
  get isAlive(): boolean {
    return this.#alive;
  }

  /** The other end's session, hex; null: nothing has come. */
  get hears(): string | null {
    return this.#theirs?.name.toString('hex') ?? null;
  }

  /** Take the other end's word on whose session it hears (`null`: none yet; undefined: its release does not say, which `mayBeSilent` allows). */
  heard(session: string | null | undefined, mayBeSilent: boolean): void {
    if (session === this.#name.toString('hex') || (session === undefined && mayBeSilent)) this.#alive = true;
  }

  /** Begin a session that overtakes all of earlier generations. */
  renew(generation: number, nowMs: number): void {
    this.#name = makeSession(generation, nowMs);
    this.#sendKey = sessionKey(this.#key, this.#id, this.#name, this.#sends);
    this.#counter = 0;
  }

  seal(kind: number, content: Buffer): Buffer {
    const header = { id: this.#id, session: this.#name, counter: this.#counter++ };
    return seal(this.#sendKey, header, kind, content);
  }

  /** Open a packet of the other end that came from the address `source`; `newest`: none that was sent later has come. */
  open(
    header: Header,
    bytes: Buffer,
    nowMs: number,
    source: string,
  ): { kind: number; content: Buffer; newest: boolean } | Refusal {
    const known = this.#theirs?.name.equals(header.session) === true ? this.#theirs : null;
    if (known === null) {
      if (this.#theirs !== null && !isLater(header.session, this.#theirs.name)) return 'outdated';
      if (!this.#mayTry(source, nowMs)) return 'limited';
    } else if (!known.window.isNew(header.counter)) return 'replayed';
    const key = known?.key ?? sessionKey(this.#key, this.#id, header.session, this.#theirDirection);
    const opened = open(key, bytes);
    if (opened === null) return 'forged';
    const session = known ?? { name: Buffer.from(header.session), key, window: new ReplayWindow() };
    this.#theirs = session;
    return { ...opened, newest: session.window.accept(header.counter) };
  }

  #mayTry(source: string, nowMs: number): boolean {
    const known = this.#trialsOf.get(source);
    const own = known ?? new TokenBucket(TRIALS_A_SECOND_OF_ONE, TRIAL_BURST_OF_ONE, nowMs);
    // The one that was heard last is forgotten last.
    this.#trialsOf.delete(source);
    this.#trialsOf.set(source, own);
    const [oldest] = this.#trialsOf.keys();
    if (this.#trialsOf.size > SOURCES && oldest !== undefined) this.#trialsOf.delete(oldest);
    return own.take(nowMs) && this.#trials.take(nowMs);
  }

  get #theirDirection(): Direction {
    return this.#sends === 'from-old' ? 'from-new' : 'from-old';
  }
}

function isLater(session: Buffer, than: Buffer): boolean {
  return session.length === SESSION_BYTES
    ? session.subarray(0, ORDER_BYTES).compare(than.subarray(0, ORDER_BYTES)) > 0
    : false;
}
