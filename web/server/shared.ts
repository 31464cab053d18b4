// One answer for all who ask the same within a short time, and never two under way: a loop that is slow, or away, is not asked by more and more.

export class Shared<T> {
  readonly #freshMs: number;
  readonly #known = new Map<string, { readonly answer: Promise<T>; endedAtMs: number | null }>();

  /** An answer of this age is as good as a new one. */
  constructor(freshMs: number) {
    this.#freshMs = freshMs;
  }

  /** The answer to `question`: the one that is under way or fresh, or a new one. A failure is an answer, too. */
  get(question: string, ask: () => Promise<T>): Promise<T> {
    const nowMs = Date.now();
    for (const [key, { endedAtMs }] of this.#known)
      if (endedAtMs !== null && nowMs - endedAtMs > this.#freshMs) this.#known.delete(key);
    const known = this.#known.get(question);
    if (known !== undefined) return known.answer;
    const entry = { answer: ask(), endedAtMs: null as number | null };
    this.#known.set(question, entry);
    const end = () => {
      entry.endedAtMs = Date.now();
    };
    entry.answer.then(end, end);
    return entry.answer;
  }
}
