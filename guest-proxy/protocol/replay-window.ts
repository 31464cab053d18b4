// Which counters of a session were seen: a sliding window (as RFC 6479), so that late packets pass once and replays never.

/** How far a packet may be overtaken; far more than a control channel reorders. */
const WINDOW = 256;
const MASK = (1n << BigInt(WINDOW)) - 1n;

export class ReplayWindow {
  #highest = -1;
  #seen = 0n;

  /** Tell whether `counter` is new; changes nothing, so that a forged packet cannot advance the window. */
  isNew(counter: number): boolean {
    if (counter > this.#highest) return true;
    const behind = this.#highest - counter;
    return behind < WINDOW && (this.#seen & (1n << BigInt(behind))) === 0n;
  }

  /** Note an authenticated counter; tell whether it is the highest so far. */
  accept(counter: number): boolean {
    if (counter <= this.#highest) {
      this.#seen |= 1n << BigInt(this.#highest - counter);
      return false;
    }
    const step = counter - this.#highest;
    this.#seen = step >= WINDOW ? 1n : ((this.#seen << BigInt(step)) & MASK) | 1n;
    this.#highest = counter;
    return true;
  }
}
