// The target's end of one connection: puts batches together in their order, asks for pages that it lacks, and gives the bytes to the program here.
import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { VmshadowError } from '../../domain/errors.js';
import { StreamDecoder, type WaitingBatch } from '../stream/decoder.js';
import { PAGE_BYTES, PREFIX_BYTES } from '../stream/pages.js';
import { decompress } from '../stream/zstd.js';
import type { SiteCache } from '../cache/site-cache.js';
import { FRAMES, commonVersion, type Frame } from './frames.js';
import { IDENTITY_BYTES, STREAMS, type StreamName } from './source-stream.js';
import { GREETING_WITHIN_MS, Wire, unexpected } from './wire.js';

/** A sender has this much under way at most (source-stream.ts), and a batch. */
const MOST_WAITING_BYTES = 48 * 2 ** 20;
/** While the program here does not read, no more is taken in. */
const PAUSE_AT_BYTES = 4 * 2 ** 20;
/** The sender learns from it what the path carries. */
const DONE_EVERY_BYTES = 64 * 1024;
const PREFIXES_OF_A_FRAME = 100_000;

export interface TargetStreamOptions {
  readonly stream: StreamName;
  readonly socket: TLSSocket;
  /** The unix socket of the program that takes the stream. */
  readonly connectTo: string;
  readonly identity: Buffer;
  readonly cache: SiteCache;
  readonly onClose: (error: Error | null) => void;
}

export class TargetStream {
  readonly #options: TargetStreamOptions;
  readonly #wire: Wire;
  readonly #local: Socket;
  readonly #decoder: StreamDecoder;
  readonly #greeting: NodeJS.Timeout;
  readonly #queue: (Buffer | 'end')[] = [];
  #queuedBytes = 0;
  #state: 'greeting' | 'connecting' | 'open' = 'greeting';
  #batch = 0;
  #waiting: WaitingBatch | null = null;
  #unsaidBytes = 0;
  #localIsFull = false;

  constructor(options: TargetStreamOptions) {
    this.#options = options;
    const { socket, connectTo, cache } = options;
    this.#decoder = new StreamDecoder(cache);
    this.#local = connect({ path: connectTo, allowHalfOpen: true });
    this.#local.pause();
    this.#wire = new Wire(socket, this.#local, {
      onFrame: (frame) => this.#onFrame(frame),
      onSent: () => undefined,
      onClose: (error) => {
        clearTimeout(this.#greeting);
        options.onClose(error);
      },
    });
    this.#greeting = setTimeout(
      () => this.#wire.fail(new VmshadowError('PROTOCOL', 'the other relay did not greet in time')),
      GREETING_WITHIN_MS,
    );
    this.#local.on('drain', () => {
      this.#localIsFull = false;
      this.#run();
    });
    socket.on('drain', () => this.#local.resume());
  }

  #onFrame({ type, content }: Frame): void {
    if (this.#state === 'greeting') {
      this.#greet(type, content);
      return;
    }
    if (this.#state === 'connecting') throw unexpected(type);
    switch (type) {
      case FRAMES.batch:
        this.#queue.push(content);
        this.#queuedBytes += content.length;
        if (this.#queuedBytes > MOST_WAITING_BYTES)
          throw new VmshadowError('PROTOCOL', 'the other relay sends without waiting for answers');
        this.#run();
        break;
      case FRAMES.fill:
        this.#fill(content);
        this.#run();
        break;
      case FRAMES.end:
        this.#queue.push('end');
        this.#run();
        break;
      default:
        throw unexpected(type);
    }
  }

  #greet(type: number, content: Buffer): void {
    if (
      type !== FRAMES.hello ||
      content.length < 7 + IDENTITY_BYTES ||
      content.toString('latin1', 0, 4) !== 'VMSR'
    )
      throw new VmshadowError('PROTOCOL', 'this port takes relays alone');
    const [newest = 0, oldest = 0, stream] = content.subarray(4, 7);
    const version = commonVersion(newest, oldest);
    if (stream !== STREAMS[this.#options.stream])
      throw new VmshadowError('PROTOCOL', `this port takes the ${this.#options.stream} of a move`);
    clearTimeout(this.#greeting);
    const knows = Buffer.from(content.subarray(7, 7 + IDENTITY_BYTES));
    this.#decoder.speak(version);
    this.#state = 'connecting';
    if (this.#local.connecting) this.#local.once('connect', () => this.#open(knows, version));
    else this.#open(knows, version);
  }

  #open(knows: Buffer, version: number): void {
    const { identity, cache } = this.#options;
    this.#state = 'open';
    this.#wire.send(FRAMES.welcome, Buffer.from([version]), identity);
    if (!knows.equals(identity)) {
      const prefixes = cache.prefixes();
      const step = PREFIXES_OF_A_FRAME * PREFIX_BYTES;
      for (let at = 0; at < prefixes.length; at += step)
        this.#wire.send(FRAMES.have, prefixes.subarray(at, at + step));
      this.#wire.send(FRAMES.haveEnd);
    }
    this.#local.on('data', (bytes: Buffer) => {
      this.#wire.send(FRAMES.back, bytes);
      if (this.#wire.isFull) this.#local.pause();
    });
    this.#local.on('end', () => this.#wire.end());
    this.#local.resume();
  }

  /** Go through what has come, as far as it can be put together and given out. */
  #run(): void {
    try {
      while (this.#waiting === null && !this.#localIsFull) {
        const next = this.#queue.shift();
        if (next === undefined) break;
        if (next === 'end') {
          this.#wire.otherEnded();
          return;
        }
        this.#queuedBytes -= next.length;
        this.#batch++;
        this.#unsaidBytes += next.length;
        const waiting = this.#decoder.open(next);
        if (waiting.missing.length === 0) this.#finish(waiting);
        else {
          this.#waiting = waiting;
          const need = Buffer.alloc(4 + 2 * waiting.missing.length);
          need.writeUInt32BE(this.#batch, 0);
          waiting.missing.forEach((index, i) => need.writeUInt16BE(index, 4 + 2 * i));
          this.#wire.send(FRAMES.need, need);
        }
      }
      const { socket } = this.#options;
      // Never while pages are asked for: they come behind what is queued.
      if (this.#waiting === null && this.#queuedBytes > PAUSE_AT_BYTES) socket.pause();
      else if (socket.isPaused()) socket.resume();
    } catch (error) {
      this.#wire.fail(error);
    }
  }

  #fill(content: Buffer): void {
    const waiting = this.#waiting;
    if (waiting === null || content.length < 4 || content.readUInt32BE(0) !== this.#batch)
      throw unexpected(FRAMES.fill);
    const expected = waiting.missing.length * PAGE_BYTES;
    const bytes = content.subarray(4);
    this.#decoder.fill(waiting, bytes.length === expected ? bytes : decompress(bytes, expected));
    this.#waiting = null;
    this.#finish(waiting);
  }

  #finish(waiting: WaitingBatch): void {
    this.#localIsFull = !this.#local.write(this.#decoder.finish(waiting));
    if (waiting.pages.length === 0 && this.#unsaidBytes < DONE_EVERY_BYTES) return;
    this.#unsaidBytes = 0;
    const done = Buffer.alloc(4);
    done.writeUInt32BE(this.#batch);
    this.#wire.send(FRAMES.done, done);
  }
}
