// A binary heap of (key, value) in typed arrays, smallest key first. Ties: the smaller value first, so that plans are deterministic.
// Our own, because the exact solver lives in it: docs/decisions/heap.md.

const LEAST_CAPACITY = 16;

export class Heap {
  #keys: Float64Array;
  #values: Int32Array;
  #size = 0;

  constructor(capacity = LEAST_CAPACITY) {
    this.#keys = new Float64Array(capacity);
    this.#values = new Int32Array(capacity);
  }

  /** Make a heap of keys and their values in linear time, with room for some more. */
  static of(keys: Float64Array, values: Int32Array): Heap {
    const n = keys.length;
    const heap = new Heap(n + (n >> 1) + LEAST_CAPACITY);
    heap.#keys.set(keys);
    heap.#values.set(values);
    heap.#size = n;
    for (let i = (n >> 1) - 1; i >= 0; i--) heap.#sink(i, keys[i] as number, values[i] as number);
    return heap;
  }

  get size(): number {
    return this.#size;
  }

  /** Smallest key; Infinity when empty. */
  get topKey(): number {
    return this.#size === 0 ? Infinity : (this.#keys[0] as number);
  }

  /** Value of the smallest key; -1 when empty. */
  get top(): number {
    return this.#size === 0 ? -1 : (this.#values[0] as number);
  }

  push(key: number, value: number): void {
    const n = this.#size;
    if (n === this.#keys.length) this.#grow();
    const keys = this.#keys;
    const values = this.#values;
    let i = n;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const k = keys[parent] as number;
      if (k < key || (k === key && (values[parent] as number) <= value)) break;
      keys[i] = k;
      values[i] = values[parent] as number;
      i = parent;
    }
    keys[i] = key;
    values[i] = value;
    this.#size = n + 1;
  }

  /** The next key needs more room. */
  get full(): boolean {
    return this.#size === this.#keys.length;
  }

  /** Keep what is wanted alone, and make room for as much again as is left. */
  tidy(wanted: (key: number, value: number) => boolean): void {
    const keys = this.#keys;
    const values = this.#values;
    let n = 0;
    for (let i = 0; i < this.#size; i++) {
      const [key, value] = [keys[i] as number, values[i] as number];
      if (!wanted(key, value)) continue;
      keys[n] = key;
      values[n++] = value;
    }
    this.#size = n;
    for (let i = (n >> 1) - 1; i >= 0; i--) this.#sink(i, keys[i] as number, values[i] as number);
    if (2 * n > keys.length) this.#grow();
  }

  /** Take away all. */
  clear(): void {
    this.#size = 0;
  }

  /** Take away the smallest; nothing happens on an empty heap. */
  pop(): void {
    if (this.#size === 0) return;
    const n = --this.#size;
    this.#sink(0, this.#keys[n] as number, this.#values[n] as number);
  }

  /** Put a key in at `from` or below, where it belongs. */
  #sink(from: number, key: number, value: number): void {
    const n = this.#size;
    const keys = this.#keys;
    const values = this.#values;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      const right = child + 1;
      let k = keys[child] as number;
      if (right < n) {
        const kr = keys[right] as number;
        if (kr < k || (kr === k && (values[right] as number) < (values[child] as number))) {
          child = right;
          k = kr;
        }
      }
      if (k > key || (k === key && (values[child] as number) >= value)) break;
      keys[i] = k;
      values[i] = values[child] as number;
      i = child;
    }
    keys[i] = key;
    values[i] = value;
  }

  #grow(): void {
    const capacity = Math.max(LEAST_CAPACITY, this.#keys.length * 2);
    const keys = new Float64Array(capacity);
    keys.set(this.#keys);
    this.#keys = keys;
    const values = new Int32Array(capacity);
    values.set(this.#values);
    this.#values = values;
  }
}
