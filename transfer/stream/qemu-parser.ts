// QEMU's migration stream (version 3), as far as the RAM section goes. Whatever it does not know ends its reading: from there on all bytes pass as
// they are. Layout: QEMU 10.0's migration/ram.c and migration/savevm.c.
import type { RecordHead } from './batch.js';
import { PAGE_BYTES, isZero } from './pages.js';
import type { Sink, StreamParser } from './sink.js';

const SECTION = {
  end: 0x03,
  start: 0x01,
  part: 0x02,
  full: 0x04,
  configuration: 0x07,
  command: 0x08,
  footer: 0x7e,
};
const FLAG = { zero: 0x02, sizes: 0x04, page: 0x08, end: 0x10, sameBlock: 0x20, xbzrle: 0x40 };
const PACKAGED = 3;
const MAGIC = Buffer.from('QEVM\0\0\0\x03', 'latin1');
/** A block's number and an address in it make one whole number below 2^53. */
const PAGES_OF_A_BLOCK = 2 ** 32;
/** Pages of an address that is below 2^52. */
const MOST_HIGH_WORD = 2 ** 20;

/** The record, section or field is not all there yet. */
const MORE = -1;
/** It is not known: the rest passes as it is. */
const UNKNOWN = -2;

export class QemuParser implements StreamParser {
  #state: 'magic' | 'section' | 'sizes' | 'ram' | 'opaque' = 'magic';
  #ramSection: number | null = null;
  readonly #blocks = new Map<string, number>();
  #block = 0;
  /** Of the list of blocks, what is still to come. */
  #sizesLeft = 0;

  giveUp(): void {
    this.#state = 'opaque';
  }

  parse(bytes: Buffer, sink: Sink): number {
    let at = 0;
    let told = 0;
    const tell = (end: number): void => {
      if (end > told) sink.literal(bytes.subarray(told, end));
      told = end;
    };
    while (at < bytes.length) {
      if (this.#state === 'opaque') {
        at = bytes.length;
        break;
      }
      if (this.#state === 'ram') {
        const page = this.#page(bytes, at);
        if (page !== null) {
          if (at + page.length > bytes.length) break;
          tell(page.record === null ? at + page.head : at);
          this.#tellPage(bytes, at, page, sink);
          at = told = at + page.length;
          continue;
        }
      }
      const length = this.#next(bytes, at);
      if (length === MORE) break;
      if (length === UNKNOWN) {
        this.#state = 'opaque';
        continue;
      }
      at += length;
    }
    tell(at);
    return at;
  }

  #tellPage(bytes: Buffer, at: number, page: PageRecord, sink: Sink): void {
    if (page.isZero) {
      if (bytes[at + page.head] === 0 && page.record !== null) sink.zero(page.record);
      else sink.literal(bytes.subarray(page.record === null ? at + page.head : at, at + page.length));
      return;
    }
    const content = bytes.subarray(at + page.head, at + page.length);
    const key = this.#block * PAGES_OF_A_BLOCK + page.number;
    // QEMU finds zero pages itself, but for those written while it looks.
    if (isZero(content)) {
      if (page.record !== null) sink.literal(bytes.subarray(at, at + page.head));
      sink.zero(null);
      return;
    }
    sink.page(page.record, key, content);
  }

  /** A zero or normal page at `at`; null for another record, or one whose head is not all there. */
  #page(bytes: Buffer, at: number): PageRecord | null {
    if (bytes.length < at + 8) return null;
    const high = bytes.readUInt32BE(at);
    const low = bytes.readUInt32BE(at + 4);
    const flags = low % PAGE_BYTES;
    const kind = flags & ~FLAG.sameBlock;
    if ((kind !== FLAG.zero && kind !== FLAG.page) || high >= MOST_HIGH_WORD) return null;
    const number = high * 2 ** 20 + (low - flags) / PAGE_BYTES;
    const same = (flags & FLAG.sameBlock) !== 0;
    const name = same ? 0 : this.#blockName(bytes, at + 8);
    if (name === MORE || number >= PAGES_OF_A_BLOCK) return null;
    const head = 8 + name;
    const length = head + (kind === FLAG.zero ? 1 : PAGE_BYTES);
    return { number, record: same ? { number, flags } : null, isZero: kind === FLAG.zero, head, length };
  }

  /** The name of a block, which is the one that pages belong to from here; gives its length, or MORE. */
  #blockName(bytes: Buffer, at: number): number {
    if (bytes.length < at + 1) return MORE;
    const length = 1 + (bytes[at] ?? 0);
    if (bytes.length < at + length) return MORE;
    const name = bytes.toString('latin1', at + 1, at + length);
    let block = this.#blocks.get(name);
    if (block === undefined) {
      block = this.#blocks.size % 2 ** 16;
      this.#blocks.set(name, block);
    }
    this.#block = block;
    return length;
  }

  /** The length of what is no page, or MORE, or UNKNOWN. */
  #next(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'magic':
        if (bytes.length < at + MAGIC.length) return MORE;
        this.#state = 'section';
        return bytes.subarray(at, at + MAGIC.length).equals(MAGIC) ? MAGIC.length : UNKNOWN;
      case 'section':
        return this.#section(bytes, at);
      case 'sizes':
        return this.#size(bytes, at);
      default:
        return this.#record(bytes, at);
    }
  }

  #section(bytes: Buffer, at: number): number {
    const has = (count: number): boolean => bytes.length >= at + count;
    switch (bytes[at]) {
      case SECTION.configuration:
        if (!has(5)) return MORE;
        return bytes.readUInt32BE(at + 1) > PAGE_BYTES
          ? UNKNOWN
          : wholeOr(bytes, at, 5 + bytes.readUInt32BE(at + 1));
      case SECTION.start: {
        if (!has(6)) return MORE;
        const length = 6 + (bytes[at + 5] ?? 0) + 8;
        if (!has(length)) return MORE;
        if (bytes.toString('latin1', at + 6, at + length - 8) !== 'ram') return UNKNOWN;
        this.#ramSection = bytes.readUInt32BE(at + 1);
        this.#state = 'ram';
        return length;
      }
      case SECTION.part:
      case SECTION.end:
        if (!has(5)) return MORE;
        if (bytes.readUInt32BE(at + 1) !== this.#ramSection) return UNKNOWN;
        this.#state = 'ram';
        return 5;
      case SECTION.footer:
        return wholeOr(bytes, at, 5);
      case SECTION.command:
        if (!has(5)) return MORE;
        return bytes.readUInt16BE(at + 1) === PACKAGED
          ? UNKNOWN
          : wholeOr(bytes, at, 5 + bytes.readUInt16BE(at + 3));
      default:
        return UNKNOWN;
    }
  }

  /** A record of the RAM section that is no page. */
  #record(bytes: Buffer, at: number): number {
    if (bytes.length < at + 8) return MORE;
    const high = bytes.readUInt32BE(at);
    const low = bytes.readUInt32BE(at + 4);
    const flags = low % PAGE_BYTES;
    const kind = flags & ~FLAG.sameBlock;
    if (flags === FLAG.end) {
      this.#state = 'section';
      return 8;
    }
    if (flags === FLAG.sizes) {
      if (high >= MOST_HIGH_WORD || (high === 0 && low === flags)) return UNKNOWN;
      this.#sizesLeft = high * 2 ** 32 + (low - flags);
      this.#state = 'sizes';
      return 8;
    }
    if (kind === FLAG.xbzrle) {
      const name = (flags & FLAG.sameBlock) !== 0 ? 0 : this.#blockName(bytes, at + 8);
      const head = 8 + name;
      if (name === MORE || bytes.length < at + head + 3) return MORE;
      return wholeOr(bytes, at, head + 3 + bytes.readUInt16BE(at + head + 1));
    }
    // A page's head that is not all there, or a page at an address that no machine has.
    return (kind === FLAG.zero || kind === FLAG.page) && high < MOST_HIGH_WORD ? MORE : UNKNOWN;
  }

  /** A block of the list: name and size. */
  #size(bytes: Buffer, at: number): number {
    const length = 1 + (bytes[at] ?? 0) + 8;
    if (bytes.length < at + length) return MORE;
    const high = bytes.readUInt32BE(at + length - 8);
    this.#sizesLeft -= high * 2 ** 32 + bytes.readUInt32BE(at + length - 4);
    if (this.#sizesLeft < 0) return UNKNOWN;
    if (this.#sizesLeft === 0) this.#state = 'ram';
    return length;
  }
}

interface PageRecord {
  readonly number: number;
  /** Null for one that names its block: its head goes as it is. */
  readonly record: RecordHead | null;
  readonly isZero: boolean;
  /** Bytes before the page itself. */
  readonly head: number;
  readonly length: number;
}

const wholeOr = (bytes: Buffer, at: number, length: number): number =>
  bytes.length < at + length ? MORE : length;
