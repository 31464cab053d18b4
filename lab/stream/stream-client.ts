// The client's end of the small guest's test stream: checks every record, counts what is wrong, and notes when each came. One TCP
// connection for the life of an object, like a user's session.
import { connect, type Socket } from 'node:net';
import { VmshadowError } from '../../domain/errors.js';
import { decodeRecord, encodeHello, encodeRecord, type StreamRecord } from './stream-wire.js';

export interface StreamOptions {
  readonly host: string;
  readonly port?: number;
  /** The guest sends by itself every so many ms; 0: one record for each that it receives, as a VNC server answers requests. */
  readonly intervalMs?: number;
  /** Payload of the guest's records, bytes (multiple of 4). */
  readonly guestPayloadBytes?: number;
  /** Payload of this end's records, bytes (multiple of 4). */
  readonly payloadBytes?: number;
}

export interface StreamState {
  readonly localPort: number;
  readonly sent: number;
  readonly received: number;
  /** Records out of sequence or with a damaged payload, as seen here and as the guest last reported of its own end. */
  readonly errors: number;
  readonly guestErrors: number;
  /** How many of ours the guest had received when it last wrote. */
  readonly guestReceived: number;
  readonly longestGapMs: number;
  /** Why the connection ended; null while it is up. */
  readonly lost: string | null;
}

export class StreamClient {
  readonly #socket: Socket;
  readonly #payloadBytes: number;
  readonly #localPort: number;
  #pending: Buffer = Buffer.alloc(0);
  #sent = 0;
  #received = 0;
  #errors = 0;
  #guestErrors = 0;
  #guestReceived = 0;
  #lastAt = performance.now();
  #longestGapMs = 0;
  #lost: string | null = null;
  #onRecord: (record: StreamRecord) => void = () => undefined;

  private constructor(socket: Socket, payloadBytes: number) {
    this.#socket = socket;
    this.#payloadBytes = payloadBytes;
    this.#localPort = socket.localPort ?? 0;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', (error) => (this.#lost ??= error.message));
    socket.on('close', () => (this.#lost ??= 'closed by the guest'));
  }

  /** Connect and say what the guest is to send. Throws NETWORK. */
  static async open(options: StreamOptions): Promise<StreamClient> {
    const { host, port = 5901 } = options;
    const socket = await new Promise<Socket>((resolve, reject) => {
      const s = connect({ host, port, noDelay: true });
      s.once('error', (error) =>
        reject(
          new VmshadowError('NETWORK', `No test stream at ${host}:${String(port)}: ${error.message}`, {
            retryable: true,
          }),
        ),
      );
      s.once('connect', () => resolve(s.removeAllListeners('error')));
    });
    const client = new StreamClient(socket, options.payloadBytes ?? 64);
    socket.write(encodeHello(options.intervalMs ?? 0, options.guestPayloadBytes ?? 1024));
    return client;
  }

  get state(): StreamState {
    return {
      localPort: this.#localPort,
      sent: this.#sent,
      received: this.#received,
      errors: this.#errors,
      guestErrors: this.#guestErrors,
      guestReceived: this.#guestReceived,
      longestGapMs:
        this.#lost === null
          ? Math.max(this.#longestGapMs, performance.now() - this.#lastAt)
          : this.#longestGapMs,
      lost: this.#lost,
    };
  }

  /** Have `listener` called after each record, when it has been checked. */
  onRecord(listener: (record: StreamRecord) => void): void {
    this.#onRecord = listener;
  }

  /** Send the next record. */
  send(): void {
    this.#socket.write(encodeRecord(this.#sent++, this.#received, this.#errors, this.#payloadBytes));
  }

  /** Ask for a record whenever the last has come, from now on. Needs `intervalMs` 0. */
  pull(): void {
    const before = this.#onRecord;
    this.#onRecord = (record) => {
      this.send();
      before(record);
    };
    this.send();
  }

  close(): void {
    this.#lost ??= 'closed here';
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    try {
      for (let next = decodeRecord(this.#pending); next !== null; next = decodeRecord(this.#pending)) {
        this.#pending = this.#pending.subarray(next.bytes);
        this.#check(next.record);
      }
    } catch (error) {
      this.#errors++;
      this.#lost ??= String(error);
      this.#socket.destroy();
    }
  }

  #check(record: StreamRecord): void {
    if (record.sequence !== this.#received || !record.payloadIntact) this.#errors++;
    this.#received = record.sequence + 1;
    this.#guestErrors = record.errors;
    this.#guestReceived = record.received;
    const at = performance.now();
    this.#longestGapMs = Math.max(this.#longestGapMs, at - this.#lastAt);
    this.#lastAt = at;
    this.#onRecord(record);
  }
}
