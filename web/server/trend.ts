// How figures went since the start, in bounded room: when it is full every second point is dropped, and points come half as often from then on.
import type { Trend, Values } from '../api.js';

/** As many as a chart shows. */
const POINTS = 240;
/** A point without a figure. */
const NONE = Number.NaN;

export class TrendKeeper {
  readonly #times: number[] = [];
  /** Four bytes a point, all of them from the beginning: three figures of each of 20,000 desktops are kept. */
  readonly #values = new Map<string, Float32Array>();
  readonly #points: number;
  #gapMs = 0;

  constructor(points = POINTS) {
    this.#points = points;
  }

  /** Take in the figures of a moment; those that have not been heard of for all the time that is kept are forgotten. */
  add(atMs: number, figures: Iterable<readonly [string, number | null]>): void {
    const last = this.#times.at(-1);
    if (last !== undefined && atMs - last < this.#gapMs) return;
    if (this.#times.length === this.#points) this.#halve();
    const index = this.#times.push(atMs) - 1;
    for (const [name, value] of figures) {
      let known = this.#values.get(name);
      if (known === undefined) {
        if (value === null) continue;
        this.#values.set(name, (known = new Float32Array(this.#points).fill(NONE)));
      }
      known[index] = value ?? NONE;
    }
    for (const [name, known] of this.#values)
      if (Number.isNaN(known[index]) && known.every(Number.isNaN)) this.#values.delete(name);
  }

  /** The figures of these names, by what they are called in the answer. */
  of(names: Readonly<Record<string, string>>): Trend {
    const values = Object.entries(names).map(([shown, name]): [string, Values] => {
      const known = this.#values.get(name);
      return [shown, this.#times.map((_, i) => figureOf(known?.[i]))];
    });
    return { timesMs: [...this.#times], values: Object.fromEntries(values) };
  }

  #halve(): void {
    const isKept = (_: unknown, i: number) => i % 2 === 1;
    const times = this.#times.filter(isKept);
    // Times scatter: a point that comes a little early is wanted.
    this.#gapMs = (0.9 * ((times.at(-1) ?? 0) - (times[0] ?? 0))) / Math.max(1, times.length - 1);
    this.#times.splice(0, this.#times.length, ...times);
    for (const known of this.#values.values()) {
      known.set(known.filter(isKept));
      known.fill(NONE, times.length);
    }
  }
}

/** As it was given, to a thousandth: four bytes keep seven digits. */
function figureOf(kept: number | undefined): number | null {
  return kept === undefined || Number.isNaN(kept) ? null : Math.round(kept * 1000) / 1000;
}
