// The source's end of one connection of QEMU's: reads what it sends, makes batches, keeps what it only referred to until the other end has it.
//
//   hello -->   <-- welcome [have ... haveEnd]   batch ... -->   <-- done | need   fill -->   <-- back ...   end --> <-- end
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { VmshadowError } from '../../domain/errors.js';
import { NbdParser } from '../stream/nbd-parser.js';
import { StreamEncoder, type Batch, type SentBytes } from '../stream/encoder.js';
import { PAGE_BYTES, type KnownPages, type PageStore } from '../stream/pages.js';
import { QemuParser } from '../stream/qemu-parser.js';
import { compress } from '../stream/zstd.js';
import { FRAMES, commonVersion, versions, type Frame } from './frames.js';
import { SendWindow } from './send-window.js';
import { SpareTime } from './spare-time.js';
import { GREETING_WITHIN_MS, Wire, unexpected } from './wire.js';

export const STREAMS = { memory: 1, disk: 2 } as const;
export type StreamName = keyof typeof STREAMS;

const MOST_KEPT_BYTES = 64 * 2 ** 20;
/** The beginning of a record without its end for so long is no record: it passes as it is. */
const HELD_MS = 2_000;
export const IDENTITY_BYTES = 8;

/** What the source's relay knows of the target's, from all connections of the move. */
export interface OtherEnd {
  known: KnownPages;
  /** Who told it. */
  identity: Buffer;
}

export interface SourceStreamOptions {
  readonly stream: StreamName;
  readonly local: Socket;
  readonly socket: TLSSocket;
  readonly other: OtherEnd;
  readonly sent: SentBytes;
  readonly store: PageStore;
  readonly onSent: (bytes: number) => void;
  readonly onClose: (error: Error | null) => void;
}

export class SourceStream {
  readonly #options: SourceStreamOptions;
  readonly #wire: Wire;
  readonly #encoder: StreamEncoder;
  readonly #window = new SendWindow();
  readonly #spareTime = new SpareTime();
  /** Pages that batches without an answer only refer to. */
  readonly #referredTo = new Map<number, readonly Buffer[]>();
  readonly #greeting: NodeJS.Timeout;
  #state: 'greeting' | 'listening' | 'open' = 'greeting';
  #keptBytes = 0;
  #batches = 0;
  #flushing: NodeJS.Immediate | null = null;
  #held: NodeJS.Timeout | null = null;

  constructor(options: SourceStreamOptions) {
    this.#options = options;
    const { local, socket, stream, other, sent, store } = options;
    this.#encoder = new StreamEncoder({
      parser: stream === 'memory' ? new QemuParser() : new NbdParser(),
      known: other.known,
      sent,
      onPage: (hash, page) => store.put(hash, page),
      effort: () => this.#spareTime.effort(performance.now()),
    });
    local.pause();
    this.#wire = new Wire(socket, local, {
      onFrame: (frame) => this.#onFrame(frame),
      onSent: options.onSent,
      onClose: (error) => this.#onClose(error),
    });
    this.#greeting = setTimeout(
      () => this.#wire.fail(new VmshadowError('PROTOCOL', 'the other relay did not greet in time')),
      GREETING_WITHIN_MS,
    );
    this.#wire.send(
      FRAMES.hello,
      Buffer.from('VMSR'),
      versions(),
      Buffer.from([STREAMS[stream]]),
      other.identity,
    );
    socket.on('drain', () => this.#readOrWait());
  }

  /** What the path to the other end carries, bytes a second; 0 while it is not known. */
  get pathBytesPerSecond(): number {
    return this.#window.bytesPerSecond;
  }

  #onFrame({ type, content }: Frame): void {
    if (this.#state === 'greeting') this.#welcome(type, content);
    else if (this.#state === 'listening') this.#hear(type, content);
    else this.#answer(type, content);
  }

  #welcome(type: number, content: Buffer): void {
    if (type !== FRAMES.welcome || content.length < 1 + IDENTITY_BYTES) throw unexpected(type);
    const [version = 0] = content;
    this.#encoder.speak(commonVersion(version, version));
    clearTimeout(this.#greeting);
    const identity = Buffer.from(content.subarray(1, 1 + IDENTITY_BYTES));
    if (identity.equals(this.#options.other.identity)) this.#open();
    else {
      this.#options.other.identity = identity;
      this.#state = 'listening';
    }
  }

  #hear(type: number, content: Buffer): void {
    if (type === FRAMES.have) this.#options.other.known.addPrefixes(content);
    else if (type === FRAMES.haveEnd) this.#open();
    else throw unexpected(type);
  }

  #open(): void {
    this.#state = 'open';
    const { local } = this.#options;
    local.on('data', (bytes: Buffer) => {
      this.#orFail(() => this.#take(bytes));
    });
    local.on('end', () => {
      this.#orFail(() => {
        this.#flush(true);
        this.#wire.end();
      });
    });
    local.resume();
  }

  #answer(type: number, content: Buffer): void {
    switch (type) {
      case FRAMES.done:
        if (content.length !== 4) throw unexpected(type);
        this.#forget(content.readUInt32BE(0));
        this.#readOrWait();
        break;
      case FRAMES.need:
        this.#fill(content);
        break;
      case FRAMES.back:
        this.#giveBack(content);
        break;
      case FRAMES.end:
        this.#wire.otherEnded();
        break;
      default:
        throw unexpected(type);
    }
  }

  #giveBack(bytes: Buffer): void {
    const { local, socket } = this.#options;
    if (local.write(bytes)) return;
    socket.pause();
    local.once('drain', () => socket.resume());
  }

  #take(bytes: Buffer): void {
    if (this.#held !== null) clearTimeout(this.#held);
    this.#held = null;
    for (const batch of this.#encoder.push(bytes)) this.#send(batch);
    // All that the socket has at the moment makes one batch.
    this.#flushing ??= setImmediate(() => {
      this.#orFail(() => this.#flush(false));
    });
    this.#readOrWait();
  }

  #flush(all: boolean): void {
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    this.#flushing = null;
    const batch = this.#encoder.flush(all);
    if (batch !== null) this.#send(batch);
    if (this.#encoder.heldBytes > 0) this.#held ??= this.#passLater();
    this.#readOrWait();
  }

  #passHeld(): void {
    this.#held = null;
    // Nothing is read while the link is full: then it says nothing that no more came.
    if (this.#options.local.isPaused()) this.#held = this.#passLater();
    else this.#flush(true);
  }

  #passLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#orFail(() => this.#passHeld());
    }, HELD_MS);
  }

  /** What fails outside of a frame's turn ends this stream, not the process. */
  #orFail(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#wire.fail(error);
    }
  }

  #send({ bytes, referredTo }: Batch): void {
    const length = bytes.reduce((sum, part) => sum + part.length, 0);
    this.#window.send(++this.#batches, length, performance.now());
    this.#referredTo.set(this.#batches, referredTo);
    this.#keptBytes += referredTo.length * PAGE_BYTES;
    this.#wire.send(FRAMES.batch, ...bytes);
  }

  #forget(upTo: number): void {
    this.#window.answer(upTo, performance.now());
    for (const [number, pages] of this.#referredTo) {
      if (number > upTo) return;
      this.#keptBytes -= pages.length * PAGE_BYTES;
      this.#referredTo.delete(number);
    }
  }

  #fill(content: Buffer): void {
    const number = content.length < 6 ? 0 : content.readUInt32BE(0);
    const kept = this.#referredTo.get(number);
    const pages: Buffer[] = [];
    for (let at = 4; at + 2 <= content.length; at += 2) {
      const page = kept?.[content.readUInt16BE(at)];
      if (page === undefined)
        throw new VmshadowError('PROTOCOL', 'the other relay asks for pages that it was not sent');
      pages.push(page);
    }
    const raw = Buffer.concat(pages);
    const bytes = compress(raw) ?? raw;
    this.#options.sent.stored.page += bytes.length;
    this.#wire.send(FRAMES.fill, content.subarray(0, 4), bytes);
  }

  #readOrWait(): void {
    const { local } = this.#options;
    const wait = this.#wire.isFull || this.#window.isFull || this.#keptBytes > MOST_KEPT_BYTES;
    this.#spareTime.waits(wait && this.#state === 'open', performance.now());
    if (wait) local.pause();
    else if (this.#state === 'open') local.resume();
  }

  #onClose(error: Error | null): void {
    clearTimeout(this.#greeting);
    if (this.#held !== null) clearTimeout(this.#held);
    if (this.#flushing !== null) clearImmediate(this.#flushing);
    this.#options.onClose(error);
  }
}
