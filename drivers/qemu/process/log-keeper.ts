// Keeps the logs of a host's guests and processes small, from `start` to `stop`: a guest says what it likes on its serial port, and must
// not fill the host's disk.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { isMissing } from '../../../os/durable-file.js';
import { boundLog } from '../../../os/log-files.js';

/** An emulated serial port takes some MB/s at most: a log then stays below twice its limit. */
const CUT_EVERY_MS = 1_000;
/** Files that are open at a time. */
const CUT_AT_A_TIME = 16;

export interface LogKeeperOptions {
  readonly folder: string;
  /** Told what goes wrong; the logs are looked at again. */
  readonly onProblem: (error: unknown) => void;
  /** From one look at the logs to the next, ms. */
  readonly everyMs?: number;
}

export class LogKeeper {
  readonly #options: LogKeeperOptions;
  #stop: AbortController | null = null;
  #keeping: Promise<void> = Promise.resolve();

  constructor(options: LogKeeperOptions) {
    this.#options = options;
  }

  /** Cut what has grown too long, now and from now on. */
  start(): void {
    if (this.#stop !== null) return;
    this.#stop = new AbortController();
    this.#keeping = this.#keep(this.#stop.signal);
  }

  /** Leave the logs alone; resolves when nothing is cut any more. */
  async stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = null;
    await this.#keeping;
  }

  async #keep(signal: AbortSignal): Promise<void> {
    do {
      await this.#cut();
      await sleep(this.#options.everyMs ?? CUT_EVERY_MS, undefined, { signal }).catch(() => undefined);
    } while (!signal.aborted);
  }

  async #cut(): Promise<void> {
    const { folder, onProblem } = this.#options;
    try {
      const names = await readdir(folder);
      await pMap(names, (name) => boundLog(join(folder, name)), { concurrency: CUT_AT_A_TIME });
    } catch (error) {
      // A host that never had a desktop has no logs.
      if (!isMissing(error)) onProblem(error);
    }
  }
}
