// Mutexes by name: whoever holds one keeps out others under the same key, and nobody else. Ends with the process.
import { Mutex } from 'async-mutex';

export class KeyedMutex {
  readonly #mutexes = new Map<string, Mutex>();

  /** Run `work` when everything asked for before under `key` has ended, whether it failed or not. */
  async runExclusive<T>(key: string, work: () => Promise<T>): Promise<T> {
    const mutex = this.#mutexes.get(key) ?? new Mutex();
    this.#mutexes.set(key, mutex);
    try {
      return await mutex.runExclusive(work);
    } finally {
      // Nobody holds it and nobody waits: kept, the map would grow by every desktop that there ever was.
      if (!mutex.isLocked() && this.#mutexes.get(key) === mutex) this.#mutexes.delete(key);
    }
  }
}
