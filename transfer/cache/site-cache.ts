// The site cache: pages by their SHA-256, shared by all desktops and moves of a host. A folder of parts, each a file of pages and one of their hashes,
// written by one process and read by all. Nothing in it is believed: a page is hashed again whenever it is read, so that torn writes, rotten
// disks and foreign files cost a resend at most. The oldest parts go when the limit is reached; a full disk ends the writing, not the move.
import {
  closeSync,
  openSync,
  readSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../domain/errors.js';
import {
  HASH_BYTES,
  PAGE_BYTES,
  PREFIX_BYTES,
  digestOf,
  type FoundPage,
  type PageStore,
} from '../stream/pages.js';

/** 64 MiB: what is given up at once when room is needed. */
const PAGES_OF_A_PART = 16_384;
/** Written at once. */
const PENDING_PAGES = 256;
/** 5 MB on the way to a sender. */
const MOST_TOLD = 1_000_000;
const PAGES = '.pages';
const NAMES = '.names';
/** Six bytes find a page; all sixteen are compared when it is read. */
const KEY_BYTES = 6;

export interface SiteCacheOptions {
  readonly folder: string;
  readonly limitBytes: number;
  readonly onProblem?: (problem: string) => void;
}

interface Part {
  readonly name: string;
  file: number | null;
}

interface Writing {
  readonly part: number;
  readonly namesFile: number;
  readonly pagesFile: number;
  written: number;
  pending: number;
}

export class SiteCache implements PageStore {
  readonly #options: SiteCacheOptions;
  readonly #parts: Part[] = [];
  /** Key of a hash -> part * PAGES_OF_A_PART + place in it. */
  readonly #places = new Map<number, number>();
  #writing: Writing | null = null;
  /** What is to be written next: a buffer a page would be as much work as hashing it. */
  readonly #pendingPages = Buffer.allocUnsafeSlow(PENDING_PAGES * PAGE_BYTES);
  readonly #pendingNames = Buffer.allocUnsafeSlow(PENDING_PAGES * HASH_BYTES);
  readonly #own: string[] = [];
  #gaveUp = false;
  #unread = 0;

  /** Read what is there; a folder that cannot be read is an empty cache, and said. */
  constructor(options: SiteCacheOptions) {
    this.#options = options;
    try {
      for (const name of partsIn(options.folder)) this.#load(name);
    } catch (error) {
      this.#giveUp(error);
    }
  }

  get pages(): number {
    return this.#places.size;
  }

  /** Pages that were here once and could not be read, or were others. */
  get unreadPages(): number {
    return this.#unread;
  }

  /** Names of the files that this one has written to. */
  get written(): string[] {
    return this.#own.flatMap((name) => [name + PAGES, name + NAMES]);
  }

  has(hash: Buffer): boolean {
    return this.#places.has(keyOf(hash));
  }

  get(hash: Buffer): FoundPage | null {
    const place = this.#places.get(keyOf(hash));
    if (place === undefined) return null;
    const page = this.#read(Math.floor(place / PAGES_OF_A_PART), place % PAGES_OF_A_PART);
    if (page !== null) {
      const digest = digestOf(page);
      if (digest.compare(hash, 0, HASH_BYTES, 0, HASH_BYTES) === 0) return { page, digest };
    }
    this.#unread++;
    this.#places.delete(keyOf(hash));
    return null;
  }

  put(hash: Buffer, page: Buffer): void {
    if (this.#gaveUp || this.has(hash)) return;
    try {
      const writing = this.#room();
      this.#places.set(keyOf(hash), writing.part * PAGES_OF_A_PART + writing.written + writing.pending);
      page.copy(this.#pendingPages, writing.pending * PAGE_BYTES);
      hash.copy(this.#pendingNames, writing.pending * HASH_BYTES, 0, HASH_BYTES);
      if (++writing.pending >= PENDING_PAGES) this.flush();
    } catch (error) {
      this.#giveUp(error);
    }
  }

  /** Write what is pending. */
  flush(): void {
    const writing = this.#writing;
    if (writing === null || writing.pending === 0 || this.#gaveUp) return;
    try {
      writeWhole(writing.pagesFile, this.#pendingPages.subarray(0, writing.pending * PAGE_BYTES));
      writeWhole(writing.namesFile, this.#pendingNames.subarray(0, writing.pending * HASH_BYTES));
      writing.written += writing.pending;
      writing.pending = 0;
    } catch (error) {
      this.#giveUp(error);
    }
  }

  close(): void {
    this.flush();
    this.#endPart();
    for (const part of this.#parts) if (part.file !== null) closeSync(part.file);
  }

  /** Prefixes of the hashes of what is here, the newest ones where that is much. */
  prefixes(): Buffer {
    const keys = [...this.#places.keys()].slice(-MOST_TOLD);
    const out = Buffer.allocUnsafe(keys.length * PREFIX_BYTES);
    keys.forEach((key, i) =>
      out.writeUIntBE(
        Math.floor(key / 2 ** (8 * (KEY_BYTES - PREFIX_BYTES))),
        i * PREFIX_BYTES,
        PREFIX_BYTES,
      ),
    );
    return out;
  }

  #load(name: string): void {
    const part = this.#parts.length;
    this.#parts.push({ name, file: null });
    let names: Buffer;
    try {
      names = readFileSync(join(this.#options.folder, name + NAMES));
    } catch {
      return;
    }
    const count = Math.min(PAGES_OF_A_PART, Math.floor(names.length / HASH_BYTES));
    for (let i = 0; i < count; i++)
      this.#places.set(names.readUIntBE(i * HASH_BYTES, KEY_BYTES), part * PAGES_OF_A_PART + i);
  }

  #read(partNumber: number, place: number): Buffer | null {
    const writing = this.#writing;
    if (writing?.part === partNumber && place >= writing.written) {
      const at = place - writing.written;
      // A copy: the next pages are written over it.
      return at < writing.pending
        ? Buffer.from(this.#pendingPages.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES))
        : null;
    }
    const part = this.#parts[partNumber];
    if (part === undefined) return null;
    try {
      part.file ??= openSync(join(this.#options.folder, part.name + PAGES), 'r');
      const page = Buffer.allocUnsafe(PAGE_BYTES);
      return readSync(part.file, page, 0, PAGE_BYTES, place * PAGE_BYTES) === PAGE_BYTES ? page : null;
    } catch {
      return null;
    }
  }

  /** The part that is written to, with room for a page. */
  #room(): Writing {
    const writing = this.#writing;
    if (writing !== null && writing.written + writing.pending < PAGES_OF_A_PART) return writing;
    this.flush();
    this.#endPart();
    this.#makeRoom();
    const name = `${Date.now().toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`;
    const path = join(this.#options.folder, name);
    this.#own.push(name);
    const pagesFile = openSync(path + PAGES, 'wx', 0o600);
    const namesFile = openSync(path + NAMES, 'wx', 0o600);
    this.#parts.push({ name, file: null });
    this.#writing = { part: this.#parts.length - 1, pagesFile, namesFile, written: 0, pending: 0 };
    return this.#writing;
  }

  #endPart(): void {
    const writing = this.#writing;
    this.#writing = null;
    if (writing === null) return;
    closeSync(writing.pagesFile);
    closeSync(writing.namesFile);
  }

  /** Remove the oldest parts, whoever wrote them, until one more fits. */
  #makeRoom(): void {
    const { folder, limitBytes } = this.#options;
    let { bytes } = cacheUse(folder);
    for (const name of partsIn(folder)) {
      if (bytes + PAGES_OF_A_PART * PAGE_BYTES <= limitBytes) return;
      bytes -= sizeOf(join(folder, name + PAGES));
      for (const suffix of [NAMES, PAGES]) rmSync(join(folder, name + suffix), { force: true });
    }
  }

  #giveUp(error: unknown): void {
    this.#gaveUp = true;
    // What was pending is nowhere: it is asked for again.
    if (this.#writing !== null) this.#writing.pending = 0;
    this.#options.onProblem?.(`the site cache takes no more pages: ${messageOf(error)}`);
  }
}

/** What a cache's folder holds. */
export function cacheUse(folder: string): { parts: number; pages: number; bytes: number } {
  const parts = partsIn(folder);
  const bytes = parts.reduce((sum, name) => sum + sizeOf(join(folder, name + PAGES)), 0);
  return { parts: parts.length, pages: Math.floor(bytes / PAGE_BYTES), bytes };
}

/** Names of the parts, oldest first. */
function partsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(PAGES))
    .map((name) => name.slice(0, -PAGES.length))
    .sort();
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

const keyOf = (hash: Buffer): number => hash.readUIntBE(0, KEY_BYTES);
