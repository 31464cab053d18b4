// What an NBD client sends: options as they are, then requests, whose writes are taken apart into pages by their place on the disk. All bytes stay in
// their order, so flush, FUA, cookies and errors are the two ends' own; replies never come by here. A request that it does not know, or an
// option of which it is not sure, ends its reading: from there on all bytes pass as they are.
// Layout: the NBD protocol's doc/proto.md ("Baseline", "Transmission phase", extended headers).
import { PAGE_BYTES, isZero } from './pages.js';
import type { Sink, StreamParser } from './sink.js';

const REQUEST = 0x2560_9513;
const EXTENDED_REQUEST = 0x21e4_1c71;
const OPTION = Buffer.from('IHAVEOPT', 'latin1');
const CLIENT_FLAG_BYTES = 4;
const WRITE = 1;
/** Of an extended request: what follows its head is as long as it says. */
const HAS_PAYLOAD = 1 << 5;
const MORE = -1;
const UNKNOWN = -2;
/** Larger payloads are no server's. */
const MOST_PAYLOAD_BYTES = 2 ** 26;

export class NbdParser implements StreamParser {
  #state: 'flags' | 'message' | 'payload' | 'opaque' = 'flags';
  /** Of a write: where its next byte goes, and how many are to come. */
  #offset = 0;
  #left = 0;

  giveUp(): void {
    this.#state = 'opaque';
  }

  parse(bytes: Buffer, sink: Sink): number {
    let at = 0;
    while (at < bytes.length) {
      const length = this.#next(bytes, at, sink);
      if (length === MORE) break;
      if (length === UNKNOWN) {
        this.#state = 'opaque';
        continue;
      }
      at += length;
    }
    return at;
  }

  #next(bytes: Buffer, at: number, sink: Sink): number {
    if (this.#state === 'payload') return this.#payload(bytes, at, sink);
    const length = this.#state === 'opaque' ? bytes.length - at : this.#head(bytes, at);
    if (length > 0) sink.literal(bytes.subarray(at, at + length));
    return length;
  }

  /** A page of a write; what does not begin or end at one goes as it is. */
  #payload(bytes: Buffer, at: number, sink: Sink): number {
    const toBoundary = PAGE_BYTES - (this.#offset % PAGE_BYTES);
    const wanted = Math.min(this.#left, toBoundary);
    const isPage = wanted === PAGE_BYTES;
    const length = Math.min(wanted, bytes.length - at);
    if (isPage && length < PAGE_BYTES) return MORE;
    const part = bytes.subarray(at, at + length);
    if (!isPage) sink.literal(part);
    else if (isZero(part)) sink.zero(null);
    else sink.page(null, this.#offset / PAGE_BYTES, part);
    this.#offset += length;
    this.#left -= length;
    if (this.#left === 0) this.#state = 'message';
    return length;
  }

  #head(bytes: Buffer, at: number): number {
    const has = (count: number): boolean => bytes.length >= at + count;
    if (this.#state === 'flags') {
      if (!has(CLIENT_FLAG_BYTES)) return MORE;
      this.#state = 'message';
      return CLIENT_FLAG_BYTES;
    }
    if (!has(4)) return MORE;
    switch (bytes.readUInt32BE(at)) {
      case REQUEST:
        return has(28) ? this.#request(bytes, at, 28, bytes.readUInt32BE(at + 24)) : MORE;
      case EXTENDED_REQUEST:
        return has(32) ? this.#request(bytes, at, 32, Number(bytes.readBigUInt64BE(at + 24))) : MORE;
      default: {
        if (!has(16)) return MORE;
        const length = 16 + bytes.readUInt32BE(at + 12);
        if (!bytes.subarray(at, at + OPTION.length).equals(OPTION) || length > PAGE_BYTES * 2) return UNKNOWN;
        return has(length) ? length : MORE;
      }
    }
  }

  #request(bytes: Buffer, at: number, headBytes: number, length: number): number {
    const flags = bytes.readUInt16BE(at + 4);
    const type = bytes.readUInt16BE(at + 6);
    const extended = headBytes === 32;
    if (type !== WRITE && !(extended && (flags & HAS_PAYLOAD) !== 0)) return headBytes;
    const offset = Number(bytes.readBigUInt64BE(at + 16));
    if (length > MOST_PAYLOAD_BYTES || !Number.isSafeInteger(offset)) return UNKNOWN;
    if (length === 0) return headBytes;
    this.#offset = offset;
    this.#left = length;
    this.#state = 'payload';
    return headBytes;
  }
}
