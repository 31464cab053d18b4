// Whether a sender has time to compress harder: while it waits for the link it has. Pure; times are given, ms.
import type { Effort } from '../stream/zstd.js';

/** Waiting for much of a time like this is the link's doing, not a hiccup's. */
const LOOK_MS = 500;
/** Harder compression takes the place of waiting; as long as some of that is left, the link stays full. */
const [HARDER_FROM, EASIER_BELOW] = [0.3, 0.1];

export class SpareTime {
  #effort: Effort = 0;
  #waitsSinceMs: number | null = null;
  #waitedMs = 0;
  #sinceMs: number | null = null;

  /** It waits for the link from now on, or does so no more. */
  waits(does: boolean, nowMs: number): void {
    this.#count(nowMs);
    this.#waitsSinceMs = does ? nowMs : null;
  }

  effort(nowMs: number): Effort {
    this.#count(nowMs);
    this.#sinceMs ??= nowMs;
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < LOOK_MS) return this.#effort;
    const share = this.#waitedMs / elapsedMs;
    if (share >= HARDER_FROM) this.#effort = this.#effort === 0 ? 1 : 2;
    else if (share < EASIER_BELOW) this.#effort = this.#effort === 2 ? 1 : 0;
    this.#waitedMs = 0;
    this.#sinceMs = nowMs;
    return this.#effort;
  }

  #count(nowMs: number): void {
    if (this.#waitsSinceMs === null) return;
    this.#waitedMs += nowMs - this.#waitsSinceMs;
    this.#waitsSinceMs = nowMs;
  }
}
