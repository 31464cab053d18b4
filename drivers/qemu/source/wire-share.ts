// What of a guest's pages crosses the wire where relays carry them, as a pure rule: learnt from the rounds after the first, since what those send again
// are the pages that the guest writes; the first one's are for the most part zeros, or known at the target.

/** What a relay has been given and has sent of a memory copy. */
export interface RelayReading {
  readonly guestBytes: number;
  readonly wireBytes: number;
}

/** Less tells nothing. */
const TELLING_BYTES = 2 ** 20;
/** What is older than this much of pages is forgotten. */
const RECENT_BYTES = 64 * 2 ** 20;
/** A relay never makes a stream much longer, and nothing passes for free. */
const [LEAST, MOST] = [1 / 64, 1];

export class WireShare {
  #base: RelayReading | null = null;
  #share = MOST;

  /** Bytes on the wire for one of the guest's; all of it while nothing is known. */
  get share(): number {
    return this.#share;
  }

  /** Take a reading in a round, from 1. */
  read(round: number, now: RelayReading): void {
    if (round < 2) return;
    this.#base ??= now;
    const guest = now.guestBytes - this.#base.guestBytes;
    if (guest < TELLING_BYTES) return;
    this.#share = Math.min(MOST, Math.max(LEAST, (now.wireBytes - this.#base.wireBytes) / guest));
    if (guest > RECENT_BYTES) this.#base = now;
  }
}
