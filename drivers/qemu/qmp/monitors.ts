// The monitor connections of this worker, one a process, kept open while they hold and made anew when they were lost. Another worker
// (after a restart) gets the monitor as soon as this one has hung up or died.
import { QmpClient, type CommandOptions } from './qmp-client.js';

export class Monitors {
  readonly #open = new Map<string, Promise<QmpClient>>();

  /** Give the connection to the monitor at `path`; `name` stands in its messages. */
  async get(path: string, name: string, options?: CommandOptions): Promise<QmpClient> {
    const known = await this.#open.get(path)?.catch(() => undefined);
    if (known !== undefined && !known.isLost) return known;
    const opening = this.#open.get(path);
    // Somebody else may have begun to connect while we looked.
    if (opening !== undefined && (await opening.then((q) => !q.isLost).catch(() => false))) return opening;
    const connecting = QmpClient.connect(path, name, options);
    this.#open.set(path, connecting);
    connecting.catch(() => this.#open.delete(path));
    return connecting;
  }

  /** Hang up one monitor (its process is to end). */
  async drop(path: string): Promise<void> {
    const connection = this.#open.get(path);
    this.#open.delete(path);
    (await connection?.catch(() => undefined))?.close();
  }

  /** Hang up all. */
  async close(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((path) => this.drop(path)));
  }
}
