// A buffer that grows, with the numbers of the batch format; and its reader, which trusts nothing.
import { VmshadowError } from '../../domain/errors.js';

/** Seven bits a byte, least first; a number of 2^53 takes eight. */
const MOST_VARINT_BYTES = 8;

export class ByteList {
  #bytes: Buffer;
  #length = 0;

  constructor(roomBytes = 256) {
    this.#bytes = Buffer.allocUnsafe(roomBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written; valid until the next write. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  append(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  byte(value: number): void {
    this.#makeRoom(1);
    this.#bytes[this.#length++] = value;
  }

  #makeRoom(count: number): void {
    const end = this.#length + count;
    if (end <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(end, this.#bytes.length * 2));
    larger.set(this.bytes);
    this.#bytes = larger;
  }

  /** A whole number from 0 to 2^53. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.byte((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.byte(rest);
  }

  /** A whole number of either sign. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next `count` bytes, not copied; throws PROTOCOL where there are fewer. */
  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length)
      throw broken(`${count} bytes expected, ${this.#bytes.length - this.#at} left`);
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  /** A number of at most `most`; throws PROTOCOL for a larger one. */
  varint(most: number): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < MOST_VARINT_BYTES; i++) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (value > most) throw broken(`a number of at most ${most} expected, not ${value}`);
        return value;
      }
      factor *= 128;
    }
    throw broken('a number without end');
  }

  signed(): number {
    const value = this.varint(Number.MAX_SAFE_INTEGER);
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }
}

/** The error for a batch that no encoder makes. */
export function broken(why: string): VmshadowError {
  return new VmshadowError('PROTOCOL', `a batch of the relay is broken: ${why}`);
}
