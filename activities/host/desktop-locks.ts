// One mutating operation of a desktop at a time on this host, whichever activity, attempt or peer it comes from (ARCHITECTURE, "Attempts").
// Temporal may run an activity again while the attempt that it gave up is still alive: the second one waits here, then reads the records.
import { Mutex } from 'async-mutex';
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';

interface Holder {
  readonly what: string;
  readonly sinceMs: number;
}

interface Entry {
  readonly mutex: Mutex;
  holder: Holder | null;
  waiting: number;
}

export interface WaitOptions {
  /** Ends the waiting (never the work): its reason is thrown. */
  readonly signal?: AbortSignal;
  /** Give up after this time with MOVE_IN_PROGRESS, which names the holder; without it the wait has no end of its own. */
  readonly waitMs?: number;
}

export class DesktopLocks {
  readonly #entries = new Map<DesktopId, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Do `work` while no other operation of the desktop goes on here. Not reentrant. `what` names it for those who wait. */
  async run<T>(
    desktop: DesktopId,
    what: string,
    work: () => Promise<T>,
    options: WaitOptions = {},
  ): Promise<T> {
    const entry = this.#entries.get(desktop) ?? { mutex: new Mutex(), holder: null, waiting: 0 };
    this.#entries.set(desktop, entry);
    entry.waiting += 1;
    try {
      const release = await this.#acquire(desktop, what, entry, options);
      entry.holder = { what, sinceMs: this.#now() };
      try {
        return await work();
      } finally {
        entry.holder = null;
        release();
      }
    } finally {
      entry.waiting -= 1;
      if (entry.waiting === 0) this.#entries.delete(desktop);
    }
  }

  /** What holds the desktop's lock now, in words; null when nothing does. */
  holderOf(desktop: DesktopId): string | null {
    return this.#entries.get(desktop)?.holder?.what ?? null;
  }

  async #acquire(
    desktop: DesktopId,
    what: string,
    entry: Entry,
    { signal, waitMs }: WaitOptions,
  ): Promise<() => void> {
    signal?.throwIfAborted();
    const acquired = entry.mutex.acquire();
    if (signal === undefined && waitMs === undefined) return acquired;
    const late = waitMs === undefined ? [] : [AbortSignal.timeout(waitMs)];
    const ended = AbortSignal.any([...(signal === undefined ? [] : [signal]), ...late]);
    return new Promise((resolve, reject) => {
      const give = () => {
        // The turn comes all the same: hand it on.
        void acquired.then((release) => release());
        reject(signal?.aborted === true ? (signal.reason as Error) : this.#busy(desktop, what, entry));
      };
      ended.addEventListener('abort', give, { once: true });
      void acquired.then((release) => {
        ended.removeEventListener('abort', give);
        if (!ended.aborted) resolve(release);
      });
    });
  }

  #busy(desktop: DesktopId, what: string, entry: Entry): VmshadowError {
    const { holder } = entry;
    const by =
      holder === null
        ? 'another operation'
        : `${holder.what}, for ${String(Math.round((this.#now() - holder.sinceMs) / 1000))} s`;
    return new VmshadowError(
      'MOVE_IN_PROGRESS',
      `${what} of ${desktop} has to wait for ${by}. Try again when it has ended, or cancel the move: \`vmshadow cancel ${desktop}\`.`,
    );
  }
}
