// A disk in memory that forgets what was not synced: every operation is one step, before or after which it may fail or the power may go.
// POSIX promises no more: names reach the disk with the fsync of their folder, each on its own and in any order; content with its file's.
import { basename, dirname } from 'node:path';
import type { FileOperations } from '../../../os/file-operations.js';

interface File {
  text: string;
  synced: boolean;
  readonly changedAtMs: number;
}
type Node = File | 'folder';
type Names = ReadonlyMap<string, Node>;
/** A change of one folder's names that no fsync has covered. */
type Change = (names: Map<string, Node>) => unknown;

export interface Step {
  readonly operation: keyof FileOperations;
  readonly path: string;
}
/** What goes wrong at a step: an error before it has any effect, or after it had its effect. */
export interface Fault {
  readonly when: 'before' | 'after';
  readonly error: Error;
}

export class ModelDisk {
  readonly steps: Step[] = [];
  /** Asked at every step. */
  fault: (step: Step, index: number) => Fault | null = () => null;
  /** Awaited at every step, before its effect. */
  pause: (step: Step) => Promise<void> = () => Promise.resolve();
  now = 0;
  /** No new file can be made; what has its place can be overwritten. */
  full = false;
  readonly #durable = new Map<string, Names>();
  readonly #pending = new Map<string, Change[]>();

  constructor(folders: ReadonlyMap<string, Names> = new Map([['/', new Map()]])) {
    for (const [path, names] of folders) this.#durable.set(path, names);
  }

  readonly files: FileOperations = {
    makeFolder: (path) =>
      this.#step('makeFolder', path, () => {
        if (this.#find(path) !== undefined) throw errno('EEXIST', path);
        this.#durable.set(path, new Map());
        this.#change(path, 'folder');
      }),
    writeNew: (path, text) =>
      this.#step('writeNew', path, () => {
        if (this.#find(path) !== undefined) throw errno('EEXIST', path);
        if (this.full) throw errno('ENOSPC', path);
        this.#change(path, { text, synced: false, changedAtMs: this.now });
      }),
    overwrite: (path, text) =>
      this.#step('overwrite', path, () => {
        const node = this.#mustFind(path);
        if (node === 'folder') throw errno('EISDIR', path);
        Object.assign(node, { text, synced: false });
      }),
    sync: (path) =>
      this.#step('sync', path, () => {
        const node = this.#mustFind(path);
        if (node !== 'folder') node.synced = true;
        else {
          this.#durable.set(path, this.#names(path));
          this.#pending.delete(path);
        }
      }),
    rename: (from, to) =>
      this.#step('rename', to, () => {
        const node = this.#mustFind(from);
        // One change: a rename within a folder happens as a whole or not at all.
        this.#changeBy(to, (names) => {
          names.delete(basename(from));
          names.set(basename(to), node);
        });
      }),
    remove: (path) =>
      this.#step('remove', path, () => {
        this.#mustFind(path);
        this.#change(path, null);
      }),
    readText: (path) =>
      this.#step('readText', path, () => {
        const node = this.#mustFind(path);
        if (node === 'folder') throw errno('EISDIR', path);
        return node.text;
      }),
    readNames: (path) =>
      this.#step('readNames', path, () => {
        this.#mustFind(path);
        return [...this.#names(path).keys()];
      }),
    changedAtMs: (path) => this.#step('changedAtMs', path, () => (this.#mustFind(path) as File).changedAtMs),
    // They change nothing, and what fails is told by the step after them.
    identityOf: (path) =>
      this.#find(path) === undefined ? Promise.reject(errno('ENOENT', path)) : Promise.resolve(path),
    isLink: () => Promise.resolve(false),
  };

  /** All names of files that are there now. */
  names(folder: string): string[] {
    return [...this.#names(folder).keys()];
  }

  /** The disk as the next process of the same machine finds it. */
  afterCrash(): ModelDisk {
    const disk = new ModelDisk(this.#durable);
    disk.full = this.full;
    for (const [folder, changes] of this.#pending) disk.#pending.set(folder, [...changes]);
    return disk;
  }

  /** Every disk that may be found after a power cut: any of the names' changes may be there, unsynced content may be cut short. */
  afterPowerCut(): ModelDisk[] {
    let found: Map<string, Names>[] = [new Map()];
    for (const [folder, names] of this.#durable) {
      const states = subsets(this.#pending.get(folder) ?? []).map((changes) => {
        const then = new Map(names);
        for (const change of changes) change(then);
        return torn(then);
      });
      found = found.flatMap((disk) => states.map((state) => new Map([...disk, [folder, state]])));
    }
    return found.map((folders) => new ModelDisk(folders));
  }

  #change(path: string, node: Node | null): void {
    const name = basename(path);
    this.#changeBy(path, (names) => (node === null ? names.delete(name) : names.set(name, node)));
  }

  #changeBy(path: string, change: Change): void {
    const folder = dirname(path);
    if (this.#find(folder) !== 'folder') throw errno('ENOENT', path);
    this.#pending.set(folder, [...(this.#pending.get(folder) ?? []), change]);
  }

  #names(folder: string): Map<string, Node> {
    const names = new Map(this.#durable.get(folder) ?? []);
    for (const change of this.#pending.get(folder) ?? []) change(names);
    return names;
  }

  #find(path: string): Node | undefined {
    if (path === '/') return 'folder';
    return this.#find(dirname(path)) === 'folder'
      ? this.#names(dirname(path)).get(basename(path))
      : undefined;
  }

  #mustFind(path: string): Node {
    const node = this.#find(path);
    if (node === undefined) throw errno('ENOENT', path);
    return node;
  }

  async #step<T>(operation: Step['operation'], path: string, effect: () => T): Promise<T> {
    const step = { operation, path };
    await this.pause(step);
    const fault = this.fault(step, this.steps.length);
    this.steps.push(step);
    if (fault?.when === 'before') throw fault.error;
    const result = effect();
    if (fault?.when === 'after') throw fault.error;
    return result;
  }
}

/** An error as node:fs throws it. */
export function errno(code: string, path = ''): Error {
  return Object.assign(new Error(`${code}: model, ${path}`), { code });
}

function subsets<T>(all: readonly T[]): T[][] {
  return all.reduce<T[][]>((sets, item) => [...sets, ...sets.map((set) => [...set, item])], [[]]);
}

function torn(names: Names): Names {
  return new Map(
    [...names].map(([name, node]) => [
      name,
      node === 'folder' || node.synced
        ? node
        : { ...node, text: node.text.slice(0, node.text.length / 2), synced: true },
    ]),
  );
}
