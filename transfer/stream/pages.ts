// Pages by what they hold and by where they were sent: the two memories that let a page cross the WAN as less than itself.
import { hash } from 'node:crypto';
import { broken } from './byte-list.js';

export const PAGE_BYTES = 4_096;
/** Of SHA-256; what is found by it is hashed again, and the whole batch is checked by a full hash before a byte goes on. */
export const HASH_BYTES = 16;
/** Bytes of a hash by which one end tells the other what it has. */
export const PREFIX_BYTES = 5;
/** 256 MiB at each end. */
export const MOST_SLOTS = 65_536;
const SLOTS_OF_A_SLAB = 256;
/** 16 GiB of pages, some 200 MB of memory; a set of 2^24 throws. */
const MOST_KNOWN = 4_000_000;
const ZERO_PAGE = Buffer.alloc(PAGE_BYTES);

/** The name of a page: the first 16 bytes of its SHA-256. */
export function hashOf(page: Uint8Array): Buffer {
  return digestOf(page).subarray(0, HASH_BYTES);
}

/** A page's whole SHA-256, 32 bytes. */
export function digestOf(page: Uint8Array): Buffer {
  return hash('sha256', page, 'buffer');
}

export function isZero(page: Buffer): boolean {
  // Most others are told by their first byte, without a call.
  return page[0] === 0 && page.equals(ZERO_PAGE);
}

/** A page and its whole SHA-256. */
export interface FoundPage {
  readonly page: Buffer;
  readonly digest: Buffer;
}

/** Where pages are kept by their hash, its first 16 bytes. What `get` gives has that hash. */
export interface PageStore {
  get(hash: Buffer): FoundPage | null;
  put(hash: Buffer, page: Buffer): void;
}

/** What the other end is thought to have, by prefixes: an error costs a resend, never a wrong byte. */
export class KnownPages {
  readonly #prefixes = new Set<number>();

  get size(): number {
    return this.#prefixes.size;
  }

  has(hash: Buffer): boolean {
    return this.#prefixes.has(hash.readUIntBE(0, PREFIX_BYTES));
  }

  add(hash: Buffer): void {
    this.#add(hash.readUIntBE(0, PREFIX_BYTES));
  }

  #add(prefix: number): void {
    // What is forgotten is sent again.
    if (this.#prefixes.size >= MOST_KNOWN) this.#prefixes.clear();
    this.#prefixes.add(prefix);
  }

  /** Take in prefixes, one after the other. */
  addPrefixes(prefixes: Buffer): void {
    for (let at = 0; at + PREFIX_BYTES <= prefixes.length; at += PREFIX_BYTES)
      this.#add(prefixes.readUIntBE(at, PREFIX_BYTES));
  }

  remove(hash: Buffer): void {
    this.#prefixes.delete(hash.readUIntBE(0, PREFIX_BYTES));
  }
}

/** Pages by a number that the sender gives out: what a later one is the difference to. Both ends change theirs alike. */
export class PageSlots {
  /** A buffer a page would be as much work as hashing it. */
  readonly #slabs: (Buffer | undefined)[] = [];
  readonly #held = new Uint8Array(MOST_SLOTS);

  /** Keep a copy; throws PROTOCOL for a slot that no sender has. */
  set(slot: number, page: Buffer): void {
    if (slot >= MOST_SLOTS) throw broken(`slot ${slot} of ${MOST_SLOTS}`);
    const number = Math.floor(slot / SLOTS_OF_A_SLAB);
    const slab = (this.#slabs[number] ??= Buffer.allocUnsafeSlow(SLOTS_OF_A_SLAB * PAGE_BYTES));
    page.copy(slab, (slot % SLOTS_OF_A_SLAB) * PAGE_BYTES);
    this.#held[slot] = 1;
  }

  /** The page itself, not a copy; throws PROTOCOL for a slot that holds nothing. */
  get(slot: number): Buffer {
    const slab = this.#slabs[Math.floor(slot / SLOTS_OF_A_SLAB)];
    if (slab === undefined || this.#held[slot] !== 1)
      throw broken(`a difference to slot ${slot}, which holds nothing`);
    const at = (slot % SLOTS_OF_A_SLAB) * PAGE_BYTES;
    return slab.subarray(at, at + PAGE_BYTES);
  }
}

/** The sender's slots: by where a page lies (`key`), the oldest given to another when all are taken. */
export class SenderSlots {
  readonly #slots = new PageSlots();
  readonly #byKey = new Map<number, number>();
  readonly #keys: number[] = [];
  readonly #most: number;
  #next = 0;

  constructor(most = MOST_SLOTS) {
    this.#most = most;
  }

  /** The slot of `key` and the page in it; null where none was sent, or it was long ago. */
  find(key: number): { slot: number; page: Buffer } | null {
    const slot = this.#byKey.get(key);
    return slot === undefined ? null : { slot, page: this.#slots.get(slot) };
  }

  /** Keep what was sent for `key`; gives its slot. */
  keep(key: number, page: Buffer): number {
    let slot = this.#byKey.get(key);
    if (slot === undefined) {
      slot = this.#next;
      this.#next = (this.#next + 1) % this.#most;
      const before = this.#keys[slot];
      if (before !== undefined) this.#byKey.delete(before);
      this.#keys[slot] = key;
      this.#byKey.set(key, slot);
    }
    this.#slots.set(slot, page);
    return slot;
  }
}

/** Write `a XOR b` to `out`; gives how many of its 1,024 words are not zero. All are pages; `b` and `out` lie at multiples of four bytes. */
export function xorPages(a: Buffer, b: Buffer, out: Buffer): number {
  const [x, y, z] = [wordsAnywhere(a), words(b), words(out)];
  let changed = 0;
  for (let i = 0; i < z.length; i++) {
    const word = (x[i] ?? 0) ^ (y[i] ?? 0);
    z[i] = word;
    if (word !== 0) changed++;
  }
  return changed;
}

const aligned = Buffer.from(new ArrayBuffer(PAGE_BYTES));

/** Of a page of a stream, which may lie anywhere; valid until the next call. */
function wordsAnywhere(page: Buffer): Int32Array {
  if (page.byteOffset % 4 === 0) return words(page);
  page.copy(aligned);
  return words(aligned);
}

const words = (page: Buffer): Int32Array => new Int32Array(page.buffer, page.byteOffset, PAGE_BYTES / 4);
