// Frames between two relays, each  be32 length of what follows | u8 type | content.  The client is the relay at the move's source.
import { VmshadowError } from '../../domain/errors.js';
import type { BatchVersion } from '../stream/batch.js';

/** What this one speaks; they differ in a batch's digest (stream/batch.ts). Two ends take the newest that both do. */
const OLDEST: BatchVersion = 1;
const NEWEST: BatchVersion = 2;
export const ALPN = 'vmshadow-relay';
export const FRAMES = {
  /** Client: "VMSR", u8 newest version, u8 oldest, u8 stream, 8 bytes: whose pages it knows (zeros: nobody's). */
  hello: 1,
  /** Server: u8 version, 8 bytes: who it is (a relay's life long). */
  welcome: 2,
  /** Server: prefixes of hashes that it has; left out where the client knows them. */
  have: 3,
  haveEnd: 4,
  /** Client: a batch (stream/batch.ts); they count from 1. */
  batch: 5,
  /** Server: be32 number of the last batch that it has put together. */
  done: 6,
  /** Server: be32 batch, be16 each: references that it lacks. */
  need: 7,
  /** Client: be32 batch, the pages in that order: one zstd frame, or as they are. */
  fill: 8,
  /** Server: bytes of the stream's other direction. */
  back: 9,
  /** Nothing more comes in this direction. */
  end: 10,
  /** Why the connection ends, in words. */
  error: 11,
} as const;
export type FrameType = (typeof FRAMES)[keyof typeof FRAMES];

/** A batch of 2 MiB that does not compress, its heads and hashes. */
const MOST_FRAME_BYTES = 4 * 2 ** 20;
/** Of words from the other end, as much is shown. */
const MOST_ERROR_BYTES = 500;
export const HEAD_BYTES = 5;

export interface Frame {
  readonly type: number;
  readonly content: Buffer;
}

/** Give a frame's head; its content follows. */
export function frameHead(type: FrameType, contentBytes: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(contentBytes + 1, 0);
  head[4] = type;
  return head;
}

/** Cuts what arrives into frames; throws PROTOCOL for a length that no relay sends. */
export class FrameReader {
  #parts: Buffer[] = [];
  #bytes = 0;

  *push(bytes: Buffer): Generator<Frame> {
    this.#parts.push(bytes);
    this.#bytes += bytes.length;
    for (;;) {
      if (this.#bytes < HEAD_BYTES) return;
      let [first] = this.#parts;
      if (first === undefined || first.length < HEAD_BYTES) first = this.#join();
      const length = first.readUInt32BE(0);
      if (length < 1 || length > MOST_FRAME_BYTES)
        throw new VmshadowError(
          'PROTOCOL',
          `a frame of ${length} bytes: the other end is no relay of this kind`,
        );
      if (this.#bytes < 4 + length) return;
      const all = first.length >= 4 + length ? first : this.#join();
      const frame = { type: all[4] ?? 0, content: all.subarray(HEAD_BYTES, 4 + length) };
      this.#parts[0] = all.subarray(4 + length);
      this.#bytes -= 4 + length;
      yield frame;
    }
  }

  #join(): Buffer {
    const all = Buffer.concat(this.#parts);
    this.#parts = [all];
    return all;
  }
}

/** The version that both ends speak; throws PROTOCOL where there is none. */
export function commonVersion(newest: number, oldest: number): BatchVersion {
  const version = Math.min(newest, NEWEST);
  if (version < Math.max(oldest, OLDEST))
    throw new VmshadowError(
      'PROTOCOL',
      `the other relay speaks versions ${oldest} to ${newest}, this one ${OLDEST} to ${NEWEST}`,
    );
  return version === 1 ? 1 : 2;
}

/** This end's versions, as in a hello. */
export const versions = (): Buffer => Buffer.from([NEWEST, OLDEST]);

/** Words for an error frame. */
export function errorContent(why: string): Buffer {
  return Buffer.from(why).subarray(0, MOST_ERROR_BYTES);
}

/** The error that the other end has told. */
export function toldError(content: Buffer): VmshadowError {
  const words = content
    .subarray(0, MOST_ERROR_BYTES)
    .toString('utf8')
    .replaceAll(/[^\x20-\x7e]/g, '?');
  return new VmshadowError('PEER_REFUSED', `the relay at the other end: ${words}`);
}
