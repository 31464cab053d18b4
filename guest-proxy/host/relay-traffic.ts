// The packets of a host's old-site relays: those of relayed flows are taken from the kernel, sealed and sent; what comes is opened and, as far as it
// is of a flow of the relay, handed on.
import nfqueue from 'nfqueue';
import type { Endpoint } from '../../domain/model/address.js';
import type { Logger } from '../logger.js';
import { decodeNote, encodeNote, type Note } from '../relay/notes.js';
import { readdress, readPacket } from '../relay/packet.js';
import type { Refusal } from '../relay/relay-end.js';
import { KIND, readHeader } from '../relay/wire.js';
import { RELAY_MARK } from '../rules/host-rules.js';
import { PacketQueue } from './packet-queue.js';
import type { LiveRelay, Presence, RelayBook } from './relay-book.js';
import { RelaySockets } from './relay-sockets.js';

const QUEUE_NUMBER = 7_948;
type Refused = Refusal | 'malformed' | 'unknownRelay' | 'unknownFlow' | 'recorded' | 'noRoom';
/** What was refused is said so often at most. */
const SAY_EVERY_MS = 60_000;

interface RelayTrafficOptions {
  readonly endpoint: Endpoint;
  readonly logger: Logger;
  readonly book: RelayBook;
  readonly presence: (desktop: string) => Presence | null;
  readonly now: () => number;
  /** The other end says whose session it hears, unlike before; or it is of a release that does not. */
  readonly onHears: (relay: LiveRelay, hears: boolean) => void;
  /** A word of the other end, proved to be its own; `newest`: none that was sent later has come. */
  readonly onNote: (relay: LiveRelay, note: Note, newest: boolean, from: Endpoint) => void;
}

export class RelayTraffic {
  readonly #options: RelayTrafficOptions;
  readonly #sockets: RelaySockets;
  readonly #queue = new PacketQueue({
    number: QUEUE_NUMBER,
    mark: RELAY_MARK,
    // Without a listener these packets must not take the other way: an address that a peer does not know would make it end its connection.
    bypass: false,
    onPacket: (packet) => {
      this.divert(packet.payload);
      packet.setVerdict(nfqueue.NF_DROP);
    },
  });
  readonly #refused: Partial<Record<Refused, number>> = {};
  #saidAtMs = -Infinity;

  constructor(options: RelayTrafficOptions) {
    this.#options = options;
    this.#sockets = new RelaySockets(options.endpoint, options.logger, (bytes, from) =>
      this.#receive(bytes, from),
    );
  }

  async open(): Promise<void> {
    await this.#queue.open();
    await this.#sockets.open();
  }

  close(): void {
    this.#sockets.close();
  }

  /** Count `times` of what is refused, and say it now and then. */
  refuse(why: Refused, times = 1): void {
    this.#refused[why] = (this.#refused[why] ?? 0) + times;
    const nowMs = this.#options.now();
    if (nowMs - this.#saidAtMs < SAY_EVERY_MS) return;
    this.#saidAtMs = nowMs;
    this.#options.logger.warn(
      { refused: { ...this.#refused } },
      'packets and flows for the relays of old sites were refused',
    );
  }

  /** Put the rule that feeds the queue in place unless it is; true where it was not. */
  keepRule(): Promise<boolean> {
    return this.#queue.keepRule();
  }

  /** Send a packet of a relayed flow on; false where it belongs to none. */
  divert(packet: Buffer): boolean {
    const inward = readPacket(packet, 'in');
    const old = inward === null ? null : this.#options.book.atOld(inward.destination);
    if (inward !== null && old !== null && this.#options.book.note(old, inward, 'in')) {
      this.#sendPacket(old, packet);
      return true;
    }
    const outward = readPacket(packet, 'out');
    const present = outward === null ? null : this.#options.book.atNew(outward.source, outward.flow);
    if (outward === null || present === null || !this.#options.book.note(present, outward, 'out'))
      return false;
    this.#sendPacket(present, readdress(packet, 'source', present.record.oldExternal));
    return true;
  }

  /** Tell the other end, where it is known. */
  send(relay: LiveRelay, note: Note): void {
    const to = this.#options.book.otherEnd(relay);
    if (to !== null) this.#sendNote(relay, note, to);
  }

  #sendNote(relay: LiveRelay, note: Note, to: Endpoint): void {
    const bytes = encodeNote({ ...note, hears: relay.end.hears });
    this.#sockets.send(relay.end.seal(KIND.note, bytes), to);
  }

  #sendPacket(relay: LiveRelay, packet: Buffer): void {
    const to = this.#options.book.otherEnd(relay);
    if (to !== null) this.#sockets.send(relay.end.seal(KIND.packet, packet), to);
  }

  #receive(bytes: Buffer, from: Endpoint): void {
    const header = readHeader(bytes);
    if (header === null) {
      this.refuse('malformed');
      return;
    }
    let why: Refusal | 'unknownRelay' = 'unknownRelay';
    for (const relay of this.#options.book.withId(header.id)) {
      const opened = relay.end.open(header, bytes, this.#options.now(), from.address);
      if (typeof opened === 'string') {
        why = opened;
        continue;
      }
      if (opened.kind === KIND.packet && !relay.end.isAlive) this.refuse('recorded');
      else if (opened.kind === KIND.packet) this.#deliver(relay, opened.content);
      else if (opened.kind === KIND.note) this.#note(relay, opened.content, opened.newest, from);
      return;
    }
    this.refuse(why);
  }

  /** A packet out of a relay: to the desktop, or out of the old site. Only of a flow that the relay has, and with the addresses that it has. */
  #deliver(relay: LiveRelay, packet: Buffer): void {
    const { role, oldExternal, desktop } = relay.record;
    const direction = role === 'old' ? 'out' : 'in';
    const read = readPacket(packet, direction);
    const own = direction === 'out' ? read?.source : read?.destination;
    const at = this.#options.presence(desktop);
    // As the rules do with one that comes straight to the desktop's address.
    if (direction === 'in' && read?.rst === true && at?.guarded === true) return;
    if (
      relay.offered ||
      read === null ||
      own !== oldExternal ||
      !this.#options.book.note(relay, read, direction)
    ) {
      this.refuse('unknownFlow');
      return;
    }
    if (direction === 'out') this.#sockets.sendRaw(packet, read.destination);
    else if (at?.active === true)
      this.#sockets.sendRaw(readdress(packet, 'destination', at.internal), at.internal);
  }

  #note(relay: LiveRelay, content: Buffer, newest: boolean, from: Endpoint): void {
    const note = decodeNote(content);
    if (note === null) return;
    relay.end.heard(note.hears, relay.record.hears !== true);
    const hears = note.hears !== undefined;
    if (relay.end.isAlive) {
      // By what comes now, and last: of what was recorded nothing counts.
      if (newest && hears !== (relay.record.hears === true)) this.#options.onHears(relay, hears);
      this.#options.onNote(relay, note, newest, from);
    } else {
      // Whoever has sent it again cannot answer this; the other end can.
      this.refuse('recorded');
      if (newest) this.#sendNote(relay, { note: 'anew' }, from);
    }
  }
}
