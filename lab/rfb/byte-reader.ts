// Reads exactly n bytes at a time from a socket: RFB has no framing but its own lengths. One reader at a time.
import type { Socket } from 'node:net';
import { VmshadowError } from '../../domain/errors.js';

export class ByteReader {
  /** Bytes received from the socket so far; bytes handed out by `read` so far. */
  receivedBytes = 0;
  consumedBytes = 0;
  readonly #chunks: Buffer[] = [];
  #available = 0;
  #waiting: {
    readonly bytes: number;
    readonly resolve: () => void;
    readonly reject: (e: unknown) => void;
  } | null = null;
  #ended: unknown = null;

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#available += chunk.length;
      this.receivedBytes += chunk.length;
      if (this.#waiting !== null && this.#available >= this.#waiting.bytes) {
        this.#waiting.resolve();
        this.#waiting = null;
      }
    });
    const end = (why: unknown) => {
      this.#ended ??= why;
      this.#waiting?.reject(this.#ended);
      this.#waiting = null;
    };
    socket.on('error', (error) =>
      end(
        new VmshadowError('NETWORK', `The connection to the VNC server broke: ${error.message}`, {
          cause: error,
        }),
      ),
    );
    socket.on('close', () => end(new VmshadowError('NETWORK', 'The VNC server closed the connection.')));
  }

  /** Wait for the next `bytes` bytes; throw NETWORK when the connection ends before. */
  async read(bytes: number): Promise<Buffer> {
    if (this.#available < bytes) {
      if (this.#ended !== null) throw this.#ended as Error;
      await new Promise<void>((resolve, reject) => (this.#waiting = { bytes, resolve, reject }));
    }
    return this.#take(bytes);
  }

  async readUint8(): Promise<number> {
    return (await this.read(1)).readUInt8(0);
  }

  async readUint16(): Promise<number> {
    return (await this.read(2)).readUInt16BE(0);
  }

  async readUint32(): Promise<number> {
    return (await this.read(4)).readUInt32BE(0);
  }

  #take(bytes: number): Buffer {
    this.#available -= bytes;
    this.consumedBytes += bytes;
    const parts: Buffer[] = [];
    for (let missing = bytes; missing > 0;) {
      const [first] = this.#chunks;
      if (first === undefined)
        throw new VmshadowError('INTERNAL', 'The byte reader counted more than it holds.');
      const part = first.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(part.length);
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, bytes);
  }
}
