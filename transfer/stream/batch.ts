// A batch: a piece of a stream, taken apart so that it crosses the WAN small, and checked as a whole before a byte of it goes on:
//
//   digest (32) | varint bytes of the piece | operations | literals | pages | differences | varint n, n hashes of 16 bytes
//   each of the four:  varint bytes | varint bytes as stored (0: as they are; else one zstd frame) | what is stored
//   operation:         byte kind (+8: with records) | varint count | [varint flags | signed page number - expected]  | [varint slot+1]
//
//   kind 0 literal     count bytes of `literals`
//        1 zero        count pages of zeros
//        2 page        count pages of `pages`
//        3 difference  count pages, each the one in its slot XOR 4,096 bytes of `differences`
//        4 reference   count pages of these hashes
//
// With records each page follows its record's head, be64 (number * 4096 | flags), as in QEMU's stream, and a zero page is one zero byte. Numbers
// run on by one; expected is the last one's successor, 0 at first. Slots run on too (kinds 2 to 4; 0: not kept).
//
// The digest is a SHA-256. Version 1: of the piece, then the operations. Version 2: of what they stand for, in their order, then the operations:
// bytes of literals, the SHA-256 (32) of each page that goes whole or by reference, the page that comes out of each difference. Both ends
// have the pages' hashes anyway, so that no byte of a page is hashed twice.
import { createHash, type Hash } from 'node:crypto';
import { ByteList, ByteReader, broken } from './byte-list.js';
import { HASH_BYTES, MOST_SLOTS, PAGE_BYTES } from './pages.js';
import { compress, decompress, type Effort } from './zstd.js';

export const KINDS = { literal: 0, zero: 1, page: 2, difference: 3, reference: 4 } as const;
type Kind = (typeof KINDS)[keyof typeof KINDS];
const WITH_RECORDS = 8;
/** The piece of a batch ends soon after this. */
export const BATCH_BYTES = 2 ** 20;
/** No batch holds more; a sender stays below it by what it takes in at once. */
const MOST_BATCH_BYTES = 2 * BATCH_BYTES;
/** Record heads and operations of a piece can take more room than it. */
const MOST_SECTION_BYTES = 2 * MOST_BATCH_BYTES;
/** Less is not worth a call. */
const LEAST_TO_COMPRESS = 64;
const DIGEST_BYTES = 32;
/** Head of a page's record in QEMU's stream. */
const RECORD_BYTES = 8;
/** A page number times 4,096 stays a whole number below 2^53. */
const MOST_PAGE_NUMBER = 2 ** 41;

/** Head of a page's record: its number (address / 4,096) and flags (below 4,096). */
export interface RecordHead {
  readonly number: number;
  readonly flags: number;
}

/** Bytes that each way of sending took on the wire. */
export interface StoredBytes {
  readonly literal: number;
  readonly page: number;
  readonly difference: number;
  readonly reference: number;
}

interface Run {
  kind: Kind;
  withRecords: boolean;
  flags: number;
  /** Of the first one. */
  number: number;
  slot: number | null;
  count: number;
}

/** How a batch's digest is made; both ends of a connection agree on one. */
export type BatchVersion = 1 | 2;

export class BatchWriter {
  #version: BatchVersion = 1;
  readonly #operations = new ByteList();
  readonly #literals = new ByteList();
  readonly #pages = new ByteList(BATCH_BYTES);
  readonly #differences = new ByteList();
  readonly #references = new ByteList();
  #digest: Hash = createHash('sha256');
  #rawBytes = 0;
  #expected = 0;
  #run: Run | null = null;

  /** Make the digests of this version, before anything is in the first batch. */
  speak(version: BatchVersion): void {
    this.#version = version;
  }

  get rawBytes(): number {
    return this.#rawBytes;
  }

  /** Count these bytes of the stream in: what the operations since stand for. */
  cover(bytes: Buffer): void {
    if (this.#version === 1) this.#digest.update(bytes);
    this.#rawBytes += bytes.length;
  }

  literal(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#literals.append(bytes);
    if (this.#version > 1) this.#digest.update(bytes);
    if (this.#run?.kind === KINDS.literal) this.#run.count += bytes.length;
    else
      this.#begin({
        kind: KINDS.literal,
        withRecords: false,
        flags: 0,
        number: 0,
        slot: null,
        count: bytes.length,
      });
  }

  /** Add a page; `bytes` is the page, the difference or the hash, by kind, `proof` what of it goes into the digest from version 2 on. */
  page(
    kind: Exclude<Kind, 0>,
    record: RecordHead | null,
    slot: number | null,
    bytes: Buffer | null,
    proof: Buffer | null,
  ): void {
    if (bytes !== null) this.#section(kind).append(bytes);
    if (proof !== null && this.#version > 1) this.#digest.update(proof);
    const run = this.#run;
    if (run !== null && continues(run, kind, record, slot)) {
      run.count++;
      return;
    }
    const { number, flags } = record ?? { number: 0, flags: 0 };
    this.#begin({ kind, withRecords: record !== null, flags, number, slot, count: 1 });
  }

  /** Put the batch together and begin the next one. */
  finish(effort: Effort): { bytes: Buffer[]; stored: StoredBytes } {
    this.#end();
    const head = new ByteList(DIGEST_BYTES + 8);
    head.append(this.#digest.update(this.#operations.bytes).digest());
    head.varint(this.#rawBytes);
    const operations = section(this.#operations.bytes, effort);
    const literals = section(this.#literals.bytes, effort);
    const pages = section(this.#pages.bytes, effort);
    const differences = section(this.#differences.bytes, effort);
    const references = new ByteList(this.#references.length + 8);
    references.varint(this.#references.length / HASH_BYTES);
    references.append(this.#references.bytes);
    const bytes = [head.bytes, operations, literals, pages, differences, references.bytes];
    const stored = {
      literal: head.length + operations.length + literals.length,
      page: pages.length,
      difference: differences.length,
      reference: references.length,
    };
    for (const list of [this.#operations, this.#literals, this.#pages, this.#differences, this.#references])
      list.clear();
    this.#digest = createHash('sha256');
    this.#rawBytes = 0;
    this.#expected = 0;
    return { bytes, stored };
  }

  #section(kind: Kind): ByteList {
    if (kind === KINDS.page) return this.#pages;
    return kind === KINDS.difference ? this.#differences : this.#references;
  }

  #begin(run: Run): void {
    this.#end();
    this.#run = run;
  }

  #end(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null) return;
    const operations = this.#operations;
    operations.byte(run.kind | (run.withRecords ? WITH_RECORDS : 0));
    operations.varint(run.count);
    if (run.withRecords) {
      operations.varint(run.flags);
      operations.signed(run.number - this.#expected);
      this.#expected = run.number + run.count;
    }
    if (run.kind >= KINDS.page) operations.varint(run.slot === null ? 0 : run.slot + 1);
  }
}

function continues(run: Run, kind: Kind, record: RecordHead | null, slot: number | null): boolean {
  return (
    run.kind === kind &&
    run.withRecords === (record !== null) &&
    (record === null || (record.flags === run.flags && record.number === run.number + run.count)) &&
    (slot === null ? run.slot === null : run.slot !== null && slot === run.slot + run.count)
  );
}

/** A copy, since the lists are used again. */
function section(bytes: Buffer, effort: Effort): Buffer {
  const head = new ByteList(16);
  head.varint(bytes.length);
  const small = bytes.length < LEAST_TO_COMPRESS ? null : compress(bytes, effort);
  head.varint(small === null ? 0 : small.length);
  return Buffer.concat([head.bytes, small ?? bytes]);
}

/** A batch as it came, taken apart but not yet put together. */
export interface ReceivedBatch {
  readonly digest: Buffer;
  readonly rawBytes: number;
  readonly operations: Buffer;
  readonly literals: Buffer;
  readonly pages: Buffer;
  readonly differences: Buffer;
  /** Hashes, one after the other. */
  readonly references: Buffer;
}

/** Take a batch apart; throw PROTOCOL for one that no sender makes. */
export function parseBatch(bytes: Buffer): ReceivedBatch {
  const reader = new ByteReader(bytes);
  const digest = reader.take(DIGEST_BYTES);
  const rawBytes = reader.varint(MOST_BATCH_BYTES);
  const [operations, literals, pages, differences] = [
    readSection(reader),
    readSection(reader),
    readSection(reader),
    readSection(reader),
  ];
  const references = reader.take(reader.varint(MOST_BATCH_BYTES / PAGE_BYTES) * HASH_BYTES);
  if (!reader.isAtEnd) throw broken('bytes after its end');
  return { digest, rawBytes, operations, literals, pages, differences, references };
}

function readSection(reader: ByteReader): Buffer {
  const length = reader.varint(MOST_SECTION_BYTES);
  const stored = reader.varint(MOST_SECTION_BYTES);
  return stored === 0 ? reader.take(length) : decompress(reader.take(stored), length);
}

/** What to do with each operation of a batch, in order; `slot` is of the first page. */
export interface Operation {
  readonly kind: Kind;
  readonly count: number;
  readonly record: RecordHead | null;
  readonly slot: number | null;
}

/** Read the operations; throw PROTOCOL for what is none. */
export function* operationsOf(batch: ReceivedBatch): Generator<Operation> {
  const reader = new ByteReader(batch.operations);
  let expected = 0;
  while (!reader.isAtEnd) {
    const first = reader.byte();
    const kind = first & ~WITH_RECORDS;
    const withRecords = (first & WITH_RECORDS) !== 0;
    if (kind > KINDS.reference || (kind === KINDS.literal && withRecords)) throw broken(`operation ${first}`);
    const count = reader.varint(batch.rawBytes);
    let record: RecordHead | null = null;
    if (withRecords) {
      const flags = reader.varint(PAGE_BYTES - 1);
      const number = expected + reader.signed();
      expected = number + count;
      if (number < 0 || expected > MOST_PAGE_NUMBER) throw broken(`page number ${number}`);
      record = { number, flags };
    }
    const kept = kind >= KINDS.page ? reader.varint(MOST_SLOTS) : 0;
    yield { kind: kind as Kind, count, record, slot: kept === 0 ? null : kept - 1 };
  }
}

/** Write the head of a page's record. */
export function writeRecordHead(out: Buffer, at: number, { number, flags }: RecordHead): number {
  const high = Math.floor(number / 2 ** 20);
  out.writeUInt32BE(high, at);
  out.writeUInt32BE((number - high * 2 ** 20) * PAGE_BYTES + flags, at + 4);
  return at + RECORD_BYTES;
}
