// The receiving end of a stream: batches to bytes, each checked against its sender's hash before it is given out.
import { createHash, type Hash } from 'node:crypto';
import {
  KINDS,
  operationsOf,
  parseBatch,
  writeRecordHead,
  type BatchVersion,
  type Operation,
  type ReceivedBatch,
} from './batch.js';
import { ByteReader, broken } from './byte-list.js';
import {
  HASH_BYTES,
  PAGE_BYTES,
  PageSlots,
  digestOf,
  xorPages,
  type FoundPage,
  type PageStore,
} from './pages.js';

/** A batch of which some pages are not here: their hashes, to be asked for. */
export interface WaitingBatch {
  readonly batch: ReceivedBatch;
  readonly pages: (FoundPage | null)[];
  /** Which references, by their place in the batch. */
  readonly missing: readonly number[];
}

export class StreamDecoder {
  readonly #store: PageStore;
  #version: BatchVersion = 1;
  readonly #slots = new PageSlots();
  readonly #difference = Buffer.alloc(PAGE_BYTES);

  constructor(store: PageStore) {
    this.#store = store;
  }

  /** Expect what this version speaks, before the first batch; version 1 where nothing is said. */
  speak(version: BatchVersion): void {
    this.#version = version;
  }

  /** Take a batch apart and look for the pages that it refers to. Throws PROTOCOL. */
  open(bytes: Buffer): WaitingBatch {
    const batch = parseBatch(bytes);
    const count = batch.references.length / HASH_BYTES;
    const pages = Array.from({ length: count }, (_, i) => this.#store.get(referenceOf(batch, i)));
    return { batch, pages, missing: [...pages.keys()].filter((i) => pages[i] === null) };
  }

  /** Fill in what was missing, in its order; throw PROTOCOL for pages that are not those. */
  fill(waiting: WaitingBatch, bytes: Buffer): void {
    if (bytes.length !== waiting.missing.length * PAGE_BYTES) throw broken('other pages than were asked for');
    waiting.missing.forEach((index, i) => {
      const page = bytes.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES);
      const wanted = referenceOf(waiting.batch, index);
      const digest = digestOf(page);
      if (!digest.subarray(0, HASH_BYTES).equals(wanted))
        throw broken('a page that is not the one asked for');
      this.#store.put(wanted, page);
      waiting.pages[index] = { page, digest };
    });
  }

  /** Put the piece of the stream together. Throws PROTOCOL where it is not, byte for byte, what its sender had. */
  finish({ batch, pages }: WaitingBatch): Buffer {
    const out = new Output(batch.rawBytes, this.#version);
    const from = {
      literals: new ByteReader(batch.literals),
      pages: new ByteReader(batch.pages),
      differences: new ByteReader(batch.differences),
      references: pages.values(),
    };
    for (const operation of operationsOf(batch)) {
      if (operation.kind === KINDS.literal) {
        const bytes = from.literals.take(operation.count);
        out.append(bytes, bytes);
        continue;
      }
      for (let i = 0; i < operation.count; i++) this.#page(operation, i, from, out);
    }
    if (!from.literals.isAtEnd || !from.pages.isAtEnd || !from.differences.isAtEnd)
      throw broken('more in it than its operations use');
    return out.checked(batch);
  }

  #page({ kind, record, slot }: Operation, i: number, from: Sources, out: Output): void {
    if (record !== null) out.head({ number: record.number + i, flags: record.flags });
    if (kind === KINDS.zero) {
      out.zeros(record === null ? PAGE_BYTES : 1);
      return;
    }
    const at = slot === null ? null : slot + i;
    let page: Buffer;
    let proof: Buffer;
    if (kind === KINDS.difference) {
      if (at === null) throw broken('a difference to nothing');
      page = this.#difference;
      xorPages(from.differences.take(PAGE_BYTES), this.#slots.get(at), page);
      proof = page;
    } else if (kind === KINDS.page) {
      page = from.pages.take(PAGE_BYTES);
      proof = digestOf(page);
      this.#store.put(proof.subarray(0, HASH_BYTES), page);
    } else {
      const { value } = from.references.next();
      if (value === undefined || value === null) throw broken('a reference too many');
      ({ page, digest: proof } = value);
    }
    out.append(page, proof);
    if (at !== null) this.#slots.set(at, page);
  }
}

interface Sources {
  readonly literals: ByteReader;
  readonly pages: ByteReader;
  readonly differences: ByteReader;
  readonly references: Iterator<FoundPage | null, undefined>;
}

const referenceOf = (batch: ReceivedBatch, i: number): Buffer =>
  batch.references.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES);

/** A piece of the stream under way, never longer than was said, and its digest (batch.ts). */
class Output {
  readonly #bytes: Buffer;
  readonly #version: BatchVersion;
  readonly #digest: Hash = createHash('sha256');
  #length = 0;

  constructor(rawBytes: number, version: BatchVersion) {
    this.#bytes = Buffer.allocUnsafe(rawBytes);
    this.#version = version;
  }

  append(bytes: Buffer, proof: Buffer): void {
    this.#room(bytes.length);
    if (this.#version > 1) this.#digest.update(proof);
    bytes.copy(this.#bytes, this.#length);
    this.#length += bytes.length;
  }

  zeros(count: number): void {
    this.#room(count);
    this.#bytes.fill(0, this.#length, this.#length + count);
    this.#length += count;
  }

  head(record: { number: number; flags: number }): void {
    this.#room(8);
    this.#length = writeRecordHead(this.#bytes, this.#length, record);
  }

  checked({ digest, operations }: ReceivedBatch): Buffer {
    if (this.#length !== this.#bytes.length) throw broken('less in it than was said');
    if (this.#version === 1) this.#digest.update(this.#bytes);
    if (!this.#digest.update(operations).digest().equals(digest))
      throw broken('its bytes are not those that were sent');
    return this.#bytes;
  }

  #room(count: number): void {
    if (this.#length + count > this.#bytes.length) throw broken('more in it than was said');
  }
}
