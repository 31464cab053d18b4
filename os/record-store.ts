// Records: small JSON files that this host goes by, a file each in a folder of their own kind.
//
//   write: temporary file - fsync - rename - fsync of the folder        remove: unlink - fsync of the folder
//
// - A reader, of this process or another, sees the old record or the new one whole; a power cut leaves one of the two.
// - What is given to a caller is on stable storage: nobody acts on a record that a power cut could take back.
// - Only "no such file" is "none": whatever else is wrong is an error, since an unread record may stand for a running desktop. A link that
//   leads nowhere is such, and a folder that was there and is gone, or is another one (its file system was unmounted).
// - Who must be able to change a record although the disk may be full keeps room for it beforehand: spare files whose place is used then.
// - Changes of one record are made one at a time, in one process; changes of different records do not wait for each other.
import { dirname, join } from 'node:path';
import pMap from 'p-map';
import { Mutex } from 'async-mutex';
import type { z } from 'zod';
import { VmshadowError, type ErrorCode } from '../domain/errors.js';
import { parseInput } from '../domain/model/parse.js';
import { discard, makeFolderDurably, readTextIfThere, stageFile } from './durable-file.js';
import {
  errnoOf,
  type FileOperations,
  isFull,
  isMissing,
  isTemporaryName,
  NODE_FILES,
} from './file-operations.js';
import { KeyedMutex } from './keyed-mutex.js';
import { RecordNotDurable, unreadable, unwritten } from './record-errors.js';

export interface RecordStoreOptions {
  /** Of the files; folders that are made can be entered by their owner only. */
  readonly mode?: number;
  /** Follows the id in a file's name. */
  readonly suffix?: string;
  /** The id that a record says it has: one in the file of another is an error. */
  readonly idOf?: (record: unknown) => string;
  /** Of the error for a file that is not JSON or not by the schema. */
  readonly invalidCode?: ErrorCode;
  readonly files?: FileOperations;
  readonly now?: () => number;
}

/** Files that are open at a time. */
const READ_AT_A_TIME = 32;
/** No write takes so long: a temporary file of this age was left by a crash. */
const LEFT_OVER_MS = 10 * 60_000;
/** A block of every common file system: a record of an owner takes a tenth of it. A longer record keeps room for twice what it has. */
const SPARE_BYTES = 4096;
const MAX_SPARES = 4;
/** Folders that this user may not open, or whose file system has no such thing, were made by somebody else. */
const NOT_OURS = ['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'EINVAL'];

export class RecordStore<S extends z.ZodType, Id extends string = string> {
  readonly #folder: string;
  readonly #schema: S;
  readonly #what: string;
  readonly #mode: number;
  readonly #suffix: string;
  readonly #invalidCode: ErrorCode;
  readonly #idOf: ((record: unknown) => string) | null;
  /** The folder that was seen; null before there was one. */
  #identity: string | null = null;
  readonly #files: FileOperations;
  readonly #now: () => number;
  readonly #changing = new KeyedMutex();
  /** Names are not listed while one changes: some file systems would show neither the old entry nor the new one. */
  readonly #naming = new Mutex();
  /** What an earlier process renamed last may not be on the disk: the folder is synced before its first use. */
  #opened = false;
  /** Records whose last rename is not known to be on the disk. */
  readonly #unsettled = new Set<Id>();
  #swept = false;

  /** `what` names one of the records in errors, e.g. `ownership record`. The folder is made with the first record. */
  constructor(folder: string, schema: S, what: string, options: RecordStoreOptions = {}) {
    this.#folder = folder;
    this.#schema = schema;
    this.#what = what;
    this.#mode = options.mode ?? 0o600;
    this.#suffix = options.suffix ?? '.json';
    this.#invalidCode = options.invalidCode ?? 'RECORD_UNREADABLE';
    this.#idOf = options.idOf ?? null;
    this.#files = options.files ?? NODE_FILES;
    this.#now = options.now ?? Date.now;
  }

  /** The file of a record; INPUT_INVALID for an id that is no file name. */
  pathOf(id: Id): string {
    if (id === '' || id === '.' || id === '..' || /[/\\\0]/.test(id))
      throw new VmshadowError(
        'INPUT_INVALID',
        `${JSON.stringify(id)} cannot name a ${this.#what}: expected a file name without '/' and '\\'`,
      );
    return join(this.#folder, `${id}${this.#suffix}`);
  }

  /** Read a record; null when there is none. RECORD_UNREADABLE with its path when it cannot be read, RECORD_NOT_DURABLE. */
  async get(id: Id): Promise<z.output<S> | null> {
    const path = this.pathOf(id);
    return this.#changing.runExclusive(id, () => this.#settled(id, path));
  }

  /** Write a record, whatever stood before. RECORD_UNWRITTEN: nothing changed; RECORD_NOT_DURABLE: it is written, see there. */
  async put(id: Id, value: z.output<S>): Promise<void> {
    const path = this.pathOf(id);
    await this.#changing.runExclusive(id, () => this.#write(id, path, value));
  }

  /** Write what `transition` makes of a record, unless that is the same object, and give what stands. Errors as of `get` and `put`. */
  async change(id: Id, transition: (record: z.output<S> | null) => z.output<S>): Promise<z.output<S>> {
    const path = this.pathOf(id);
    return this.#changing.runExclusive(id, async () => {
      const before = await this.#settled(id, path);
      const after = transition(before);
      if (after !== before) await this.#write(id, path, after);
      return after;
    });
  }

  /** Remove a record if there is one. Errors as of `put`. */
  async remove(id: Id): Promise<void> {
    const path = this.pathOf(id);
    await this.#changing.runExclusive(id, () => this.#remove(id, path));
  }

  /**
   * See that a record can be changed `changes` times although its file system fills up: blocks are written now that are used then. Again:
   * what was used is made up for. RECORD_UNWRITTEN when there is no room for them. (A file system that never writes in place, such as
   * btrfs, gives no such warranty.)
   */
  async keepRoom(id: Id, changes: number): Promise<void> {
    const path = this.pathOf(id);
    await this.#changing.runExclusive(id, async () => {
      try {
        await this.#makeFolder();
        const written = (await this.#readText(path))?.length ?? 0;
        for (const spare of this.#sparesOf(id, changes)) {
          const blanks = ' '.repeat(Math.max(SPARE_BYTES, 2 * written));
          await this.#files.writeNew(spare, blanks, this.#mode).catch((error: unknown) => {
            // Of an earlier time, perhaps cut short by a crash.
            if (errnoOf(error) !== 'EEXIST') throw error;
            return this.#files.overwrite(spare, blanks);
          });
          await this.#files.sync(spare);
        }
        await this.#files.sync(this.#folder);
      } catch (cause) {
        throw unwritten(this.#what, path, cause);
      }
    });
  }

  /** Give back what is left of the room that was kept for a record. What cannot be removed stays, and is used again. */
  async dropRoom(id: Id): Promise<void> {
    this.pathOf(id);
    await this.#changing.runExclusive(id, async () => {
      for (const spare of this.#sparesOf(id, MAX_SPARES)) await discard(spare, this.#files);
    });
  }

  /** All records, in the order of their ids; with a prefix, those whose ids begin with it. One that cannot be read is an error, as of `get`. */
  async list(prefix = ''): Promise<z.output<S>[]> {
    return (await this.entries(prefix)).map(([, record]) => record);
  }

  /** As `list`, each with its id. */
  async entries(prefix = ''): Promise<(readonly [Id, z.output<S>])[]> {
    const ids = (await this.#ids()).filter((id) => id.startsWith(prefix)).sort();
    const read = async (id: Id) => {
      const record = await this.get(id);
      return record === null ? [] : [[id, record] as const];
    };
    return (await pMap(ids, read, { concurrency: READ_AT_A_TIME })).flat();
  }

  async #ids(): Promise<Id[]> {
    await this.#assertSameFolder();
    let names: string[];
    try {
      names = await this.#naming.runExclusive(() => this.#files.readNames(this.#folder));
    } catch (error) {
      if (!isMissing(error)) throw unreadable(`folder of each ${this.#what}`, this.#folder, error);
      names = [];
    }
    await this.#settleRemovals();
    return names
      .filter((name) => name.endsWith(this.#suffix) && !isTemporaryName(name))
      .map((name) => this.#idNamed(name));
  }

  /** What a list lacks must be gone for good. Throws RECORD_NOT_DURABLE. */
  async #settleRemovals(): Promise<void> {
    try {
      if (!this.#opened) {
        await this.#syncFolders();
        this.#opened = true;
      }
    } catch (cause) {
      throw new RecordNotDurable(`folder of each ${this.#what}`, this.#folder, null, cause);
    }
    for (const id of [...this.#unsettled]) await this.get(id);
  }

  #idNamed(name: string): Id {
    const id = name.slice(0, name.length - this.#suffix.length) as Id;
    try {
      this.pathOf(id);
      return id;
    } catch (cause) {
      throw unreadable(this.#what, join(this.#folder, name), cause);
    }
  }

  /** What stands, on stable storage. */
  async #settled(id: Id, path: string): Promise<z.output<S> | null> {
    await this.#assertSameFolder();
    try {
      await this.#settle(id);
    } catch (cause) {
      throw new RecordNotDurable(this.#what, path, await this.#read(id, path), cause);
    }
    return this.#read(id, path);
  }

  /** A folder that vanished, or became another, would answer "none" for every record. Throws RECORD_UNREADABLE. */
  async #assertSameFolder(): Promise<void> {
    let now: string | null;
    try {
      now = await this.#files.identityOf(this.#folder);
    } catch (cause) {
      // What else is wrong is told when it is read.
      if (!isMissing(cause)) return;
      if (await this.#files.isLink(this.#folder).catch(() => false))
        throw unreadable(`folder of each ${this.#what}`, this.#folder, cause);
      now = null;
    }
    this.#identity ??= now;
    if (now !== this.#identity)
      throw new VmshadowError(
        'RECORD_UNREADABLE',
        `the folder of each ${this.#what}, ${this.#folder}, is ${now === null ? 'gone' : 'not the one that it was'} since this process has ` +
          'first looked: mount its file system again, or bring the folder back, and start again',
        { details: { path: this.#folder } },
      );
  }

  async #settle(id: Id): Promise<void> {
    if (this.#opened && !this.#unsettled.has(id)) return;
    await this.#syncFolders();
    this.#opened = true;
    this.#unsettled.delete(id);
  }

  /** Sync the folder and, the first time, those above it: an earlier process may have made them and died before they were on the disk. */
  async #syncFolders(): Promise<void> {
    if (!this.#opened)
      for (const above of foldersAbove(this.#folder)) await this.#syncFolder(above, NOT_OURS);
    // A folder that is not there holds nothing to lose.
    await this.#syncFolder(this.#folder, ['ENOENT']);
  }

  async #syncFolder(path: string, tolerated: readonly string[]): Promise<void> {
    await this.#files.sync(path).catch((error: unknown) => {
      if (!tolerated.includes(errnoOf(error))) throw error;
    });
  }

  async #read(id: Id, path: string): Promise<z.output<S> | null> {
    const text = await this.#readText(path);
    if (text === null) return null;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new VmshadowError(
        this.#invalidCode,
        `the ${this.#what} at ${path} is not JSON: restore it, or move it away to go on without it`,
        { cause, details: { path } },
      );
    }
    const record = parseInput(this.#schema, value, `the ${this.#what} at ${path}`, this.#invalidCode);
    const says = this.#idOf?.(record) ?? id;
    if (says !== id)
      throw new VmshadowError(
        this.#invalidCode,
        `the ${this.#what} at ${path} is of ${JSON.stringify(says)}: bring back the one that belongs there, or move it away to go on without it`,
        { details: { path } },
      );
    return record;
  }

  async #readText(path: string): Promise<string | null> {
    try {
      const text = await readTextIfThere(path, this.#files);
      if (text !== null || !(await this.#files.isLink(path))) return text;
    } catch (cause) {
      throw unreadable(this.#what, path, cause);
    }
    throw unreadable(this.#what, path, new Error('it is a link that leads nowhere'));
  }

  async #write(id: Id, path: string, value: z.output<S>): Promise<void> {
    const text = this.#textOf(path, value);
    let temporary: string;
    try {
      await this.#makeFolder();
      await this.#sweep();
      temporary = await stageFile(path, text, this.#mode, this.#files);
    } catch (cause) {
      const spare = isFull(cause) ? await this.#writeSpare(id, text) : null;
      if (spare === null) {
        // A folder may have been made and not be on the disk.
        this.#opened = false;
        throw unwritten(this.#what, path, cause);
      }
      temporary = spare;
    }
    this.#unsettled.add(id);
    try {
      await this.#naming.runExclusive(() => this.#files.rename(temporary, path));
      await this.#settle(id);
    } catch (cause) {
      await discard(temporary, this.#files);
      if ((await this.#readText(path)) !== text) throw unwritten(this.#what, path, cause);
      await this.#settleAgain(id, path, value);
    }
  }

  async #makeFolder(): Promise<void> {
    await this.#assertSameFolder();
    await makeFolderDurably(this.#folder, 0o700, this.#files);
    await this.#assertSameFolder();
  }

  #sparesOf(id: Id, count: number): string[] {
    return Array.from({ length: count }, (_, n) =>
      join(this.#folder, `.${id}${this.#suffix}.spare${String(n)}`),
    );
  }

  /** Write a text into a spare file of the record, in place, and give its path; null where none is left. */
  async #writeSpare(id: Id, text: string): Promise<string | null> {
    for (const spare of this.#sparesOf(id, MAX_SPARES))
      try {
        await this.#files.overwrite(spare, text);
        await this.#files.sync(spare);
        return spare;
      } catch {
        // None of this number, or the disk does not even take this: the next one may do.
      }
    return null;
  }

  async #remove(id: Id, path: string): Promise<void> {
    await this.#assertSameFolder();
    this.#unsettled.add(id);
    try {
      await this.#naming
        .runExclusive(() => this.#files.remove(path))
        .catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
      await this.#settle(id);
    } catch (cause) {
      if ((await this.#readText(path)) !== null) throw unwritten(this.#what, path, cause);
      await this.#settleAgain(id, path, null);
    }
  }

  /** What stands is what was wanted: once more, then the caller has to know. */
  async #settleAgain(id: Id, path: string, record: z.output<S> | null): Promise<void> {
    try {
      await this.#settle(id);
    } catch (cause) {
      throw new RecordNotDurable(this.#what, path, record, cause);
    }
  }

  /** A record that could not be read again would stop a desktop for ever: better found while the one before stands. */
  #textOf(path: string, value: z.output<S>): string {
    const text = `${JSON.stringify(value, null, 2)}\n`;
    parseInput(this.#schema, JSON.parse(text), `the new ${this.#what} at ${path}`, 'INTERNAL');
    return text;
  }

  /** Remove what crashes have left here, once a process. Nothing depends on it: what stays is ignored. */
  async #sweep(): Promise<void> {
    if (this.#swept) return;
    this.#swept = true;
    const names = await this.#files.readNames(this.#folder).catch(() => []);
    // `ID.json.new` is what releases before this one left.
    const leftOver = (name: string) =>
      isTemporaryName(name) || (this.#suffix !== '' && name.endsWith(`${this.#suffix}.new`));
    for (const path of names.filter(leftOver).map((name) => join(this.#folder, name)))
      await this.#files
        .changedAtMs(path)
        .then((at) => (this.#now() - at > LEFT_OVER_MS ? this.#files.remove(path) : undefined))
        .catch(() => undefined);
  }
}

function foldersAbove(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...foldersAbove(parent), parent];
}
