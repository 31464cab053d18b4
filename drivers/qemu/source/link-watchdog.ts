// Watches the link to a move's other host while the guest's writes depend on it. When the peer has not answered for too long, the
// connections are cut first (out of band: everything else would hang on them), and only then is the move cancelled.
import { setTimeout as sleep } from 'node:timers/promises';

export interface LinkWatchdogOptions {
  /** Tell whether the peer host answers; must settle when the signal aborts. A rejection counts as no answer. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
  /** Time between probes, and how long each may take, ms. */
  readonly intervalMs: number;
  /** So many probes in a row without an answer mean that the link is lost. */
  readonly lossThreshold: number;
  /** Cut the move's connections at once (`Hypervisor.cutLink`). */
  readonly cutLink: () => Promise<void>;
  /** Called when they have been cut, successfully or not: cancel the copies. */
  readonly onLost: () => Promise<void> | void;
  /** Told what `cutLink` or `onLost` threw. */
  readonly onError: (error: unknown) => void;
  /** A steady clock, ms. */
  readonly now?: () => number;
}

/** A probe that took so many times its limit says that this process was not run, nothing of the link. */
const NOT_RUN = 2;

export class LinkWatchdog {
  readonly #options: LinkWatchdogOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: LinkWatchdogOptions) {
    this.#options = options;
  }

  /** Begin to watch. Once only. */
  start(): void {
    this.#running ??= this.#watch();
  }

  /** End the watch; waits for a cancellation that has begun. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const {
      intervalMs,
      lossThreshold,
      cutLink,
      onLost,
      onError,
      now = () => performance.now(),
    } = this.#options;
    const { signal } = this.#stop;
    let losses = 0;
    while (!signal.aborted && losses < lossThreshold) {
      const beganAt = now();
      const answers = await this.#answers();
      const tookMs = now() - beganAt;
      if (answers) losses = 0;
      else if (tookMs < NOT_RUN * intervalMs) losses += 1;
      const left = intervalMs - tookMs;
      if (left > 0) await sleep(left, undefined, { signal }).catch(() => undefined);
    }
    if (signal.aborted) return;
    try {
      await cutLink();
    } catch (error) {
      onError(error);
    }
    try {
      await onLost();
    } catch (error) {
      onError(error);
    }
  }

  async #answers(): Promise<boolean> {
    const limit = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(this.#options.intervalMs)]);
    const late = new Promise<boolean>((resolve) => {
      limit.addEventListener('abort', () => resolve(false), { once: true });
    });
    return Promise.race([this.#options.probe(limit).catch(() => false), late]);
  }
}
