// The sending end of a stream: bytes to batches. A page goes, in this order: as nothing (zeros), as the difference to what was sent for its place,
// as a reference to what the other end has, or whole; pages and differences of a batch are compressed in one frame each.
import type { SavedBytes } from '../../domain/migration/saved-bytes.js';
import { BATCH_BYTES, BatchWriter, KINDS, type BatchVersion, type RecordHead } from './batch.js';
import { HASH_BYTES, PAGE_BYTES, SenderSlots, digestOf, xorPages, type KnownPages } from './pages.js';
import type { Sink, StreamParser } from './sink.js';
import type { Effort } from './zstd.js';

/** Of a page's 1,024 words: where more have changed, it is another page. */
const MOST_CHANGED_WORDS = 512;
/** Taken in at once: a batch is never longer than its limit and this, and what was held back. */
const SLICE_BYTES = 65_536;

/** Bytes of streams by how they went: as they came in, and what that took on the wire (frames, TLS and IP not counted). */
export interface SentBytes {
  raw: { literal: number; zero: number; page: number; difference: number; reference: number };
  stored: { literal: number; page: number; difference: number; reference: number };
}

export const nothingSent = (): SentBytes => ({
  raw: { literal: 0, zero: 0, page: 0, difference: 0, reference: 0 },
  stored: { literal: 0, page: 0, difference: 0, reference: 0 },
});

/** What that kept off the wire. */
export function savedOf(streams: readonly SentBytes[]): SavedBytes {
  const sum = (of: (sent: SentBytes) => number): number =>
    Math.max(
      0,
      streams.reduce((all, sent) => all + of(sent), 0),
    );
  return {
    zero: sum(({ raw }) => raw.zero),
    known: sum(({ raw, stored }) => raw.reference - stored.reference),
    unchanged: sum(({ raw, stored }) => raw.difference - stored.difference),
    compressed: sum(({ raw, stored }) => raw.literal + raw.page - stored.literal - stored.page),
  };
}

/** A batch to be sent; the pages that it only refers to, in order, are kept until the other end has them all. */
export interface Batch {
  readonly bytes: readonly Buffer[];
  readonly referredTo: readonly Buffer[];
}

export interface EncoderOptions {
  readonly parser: StreamParser;
  /** What the other end has; the encoder adds what it sends. */
  readonly known: KnownPages;
  readonly sent: SentBytes;
  readonly slots?: SenderSlots;
  /** How hard to compress the batch that is full now. */
  readonly effort?: () => Effort;
  /** Hears of each page that goes whole. */
  readonly onPage?: (hash: Buffer, page: Buffer) => void;
}

export class StreamEncoder {
  readonly #options: EncoderOptions;
  readonly #slots: SenderSlots;
  readonly #writer = new BatchWriter();
  readonly #sink: Sink;
  readonly #difference = Buffer.alloc(PAGE_BYTES);
  #rest: Buffer = Buffer.alloc(0);
  #referredTo: Buffer[] = [];
  /** Pages of this batch: another one refers to them at the earliest. */
  #fresh: Buffer[] = [];

  constructor(options: EncoderOptions) {
    this.#options = options;
    this.#slots = options.slots ?? new SenderSlots();
    const { raw } = options.sent;
    this.#sink = {
      literal: (bytes) => {
        raw.literal += bytes.length;
        this.#writer.literal(bytes);
      },
      zero: (record) => {
        raw.zero += record === null ? PAGE_BYTES : 9;
        this.#writer.page(KINDS.zero, record, null, null, null);
      },
      page: (record, key, page) => this.#page(record, key, page),
    };
  }

  /** Speak as the other end does, before the first byte; version 1 where nothing is said. */
  speak(version: BatchVersion): void {
    this.#writer.speak(version);
  }

  /** Take in more of the stream; give the batches that are full. */
  *push(bytes: Buffer): Generator<Batch> {
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const slice = bytes.subarray(at, at + SLICE_BYTES);
      const all = this.#rest.length === 0 ? slice : Buffer.concat([this.#rest, slice]);
      const told = this.#options.parser.parse(all, this.#sink);
      this.#writer.cover(all.subarray(0, told));
      this.#rest = all.subarray(told);
      if (this.#writer.rawBytes >= BATCH_BYTES) yield this.#finish();
    }
  }

  /** Bytes held back, since what they are the beginning of has not all come. */
  get heldBytes(): number {
    return this.#rest.length;
  }

  /** Give what has come in, also where it makes no full batch; `all`: for good, what is held back with it, and the rest of the stream as it is. */
  flush(all = false): Batch | null {
    if (all && this.#rest.length > 0) {
      this.#options.parser.giveUp();
      this.#sink.literal(this.#rest);
      this.#writer.cover(this.#rest);
      this.#rest = Buffer.alloc(0);
    }
    return this.#writer.rawBytes === 0 ? null : this.#finish();
  }

  #finish(): Batch {
    const { bytes, stored } = this.#writer.finish(this.#options.effort?.() ?? 0);
    const total = this.#options.sent.stored;
    for (const kind of ['literal', 'page', 'difference', 'reference'] as const) total[kind] += stored[kind];
    const referredTo = this.#referredTo;
    this.#referredTo = [];
    for (const hash of this.#fresh) this.#options.known.add(hash);
    this.#fresh = [];
    return { bytes, referredTo };
  }

  #page(record: RecordHead | null, key: number | null, page: Buffer): void {
    const { known, sent, onPage } = this.#options;
    const raw = PAGE_BYTES + (record === null ? 0 : 8);
    const before = key === null ? null : this.#slots.find(key);
    if (before !== null && xorPages(page, before.page, this.#difference) <= MOST_CHANGED_WORDS) {
      sent.raw.difference += raw;
      this.#writer.page(KINDS.difference, record, before.slot, this.#difference, page);
      page.copy(before.page);
      return;
    }
    const digest = digestOf(page);
    const hash = digest.subarray(0, HASH_BYTES);
    const slot = key === null ? null : this.#slots.keep(key, page);
    if (known.has(hash)) {
      sent.raw.reference += raw;
      this.#referredTo.push(Buffer.from(page));
      this.#writer.page(KINDS.reference, record, slot, hash, digest);
      return;
    }
    sent.raw.page += raw;
    this.#fresh.push(hash);
    onPage?.(hash, page);
    this.#writer.page(KINDS.page, record, slot, page, digest);
  }
}
