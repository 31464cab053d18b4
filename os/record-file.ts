// A record that has a path of its own, kept as those of a RecordStore are.
import { basename, dirname } from 'node:path';
import type { z } from 'zod';
import { RecordStore, type RecordStoreOptions } from './record-store.js';

export class RecordFile<S extends z.ZodType> {
  readonly #store: RecordStore<S>;
  readonly #name: string;

  constructor(path: string, schema: S, what: string, options: Omit<RecordStoreOptions, 'suffix'> = {}) {
    this.#store = new RecordStore(dirname(path), schema, what, { ...options, suffix: '' });
    this.#name = basename(path);
  }

  /** As `RecordStore.get`. */
  get(): Promise<z.output<S> | null> {
    return this.#store.get(this.#name);
  }

  /** As `RecordStore.put`. */
  put(value: z.output<S>): Promise<void> {
    return this.#store.put(this.#name, value);
  }

  /** As `RecordStore.remove`. */
  remove(): Promise<void> {
    return this.#store.remove(this.#name);
  }
}
