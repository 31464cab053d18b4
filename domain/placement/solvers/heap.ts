// A binary heap of (key, value) in typed arrays, smallest key first. Ties: the smaller value first, so that plans are deterministic.
// Our own, because the exact solver lives in it: docs/decisions/heap.md.

export class Heap {
  #keys: Float64Array;
  #values: Int32Array;
  #size = 0;

  constructor(capacity = 16) {
    this.#keys = new Float64Array(capacity);
    this.#values = new Int32Array(capacity);
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

  /** Take away the smallest; nothing happens on an empty heap. */
  pop(): void {
    if (this.#size === 0) return;
    const n = --this.#size;
    const keys = this.#keys;
    const values = this.#values;
    const key = keys[n] as number;
    const value = values[n] as number;
    let i = 0;
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
    const keys = new Float64Array(this.#keys.length * 2);
    keys.set(this.#keys);
    this.#keys = keys;
    const values = new Int32Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}
