// What a copy puts on the wire a second, from looks at how much it has put there so far.

/** Looks may come four times a second, and what is counted changes once: a rate over less than this is noise. */
const LEAST_MS = 900;

export class WireRate {
  #last: { readonly atMs: number; readonly bytes: number } | null = null;
  #bytesPerSecond = 0;

  /** Take a look; gives bytes a second since the look a second ago, 0 while nothing is known. */
  at(nowMs: number, wireBytes: number | null): number {
    if (wireBytes === null) return 0;
    this.#last ??= { atMs: nowMs, bytes: wireBytes };
    const elapsedMs = nowMs - this.#last.atMs;
    if (elapsedMs >= LEAST_MS) {
      this.#bytesPerSecond = (Math.max(0, wireBytes - this.#last.bytes) * 1000) / elapsedMs;
      this.#last = { atMs: nowMs, bytes: wireBytes };
    }
    return this.#bytesPerSecond;
  }
}
