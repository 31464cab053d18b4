// When something came, and what of that a pause has made.

export interface Around {
  /** From the resume to what came first after it. */
  readonly firstMs: number;
  /** The longest silence from the pause on. */
  readonly gapMs: number;
}

export class Arrivals {
  readonly #atMs: number[] = [];

  note(): void {
    this.#atMs.push(Date.now());
  }

  /** Around a pause from `fromMs` to `resumedMs`, by the clock of this machine; null: nothing has come since. */
  around(fromMs: number, resumedMs: number): Around | null {
    const first = this.#atMs.find((at) => at >= resumedMs);
    if (first === undefined) return null;
    const seen = this.#atMs.filter((at) => at >= fromMs - 1_000);
    const gaps = seen.slice(1).map((at, i) => at - (seen[i] ?? at));
    return { firstMs: first - resumedMs, gapMs: Math.max(0, ...gaps) };
  }
}
