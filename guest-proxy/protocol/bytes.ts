// Reading and writing fixed layouts. A reader that runs over the end, or stops before it, has failed: decoders then give null.
import { ipv4Bytes } from '../../domain/model/address.js';

/** Reads fields in network byte order; `ok()` is false when a field was missing, wrong, or bytes were left over. */
export class Reader {
  #offset = 0;
  #failed = false;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The next `length` bytes (zeros after a failure). */
  take(length: number): Buffer {
    const end = this.#offset + length;
    if (this.#failed || end > this.#bytes.length) {
      this.#failed = true;
      return Buffer.alloc(length);
    }
    const part = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return part;
  }

  u8(): number {
    return this.take(1).readUInt8();
  }

  u16(): number {
    return this.take(2).readUInt16BE();
  }

  u32(): number {
    return this.take(4).readUInt32BE();
  }

  /** An unsigned 64-bit number; more than 2^53 - 1 is a failure. */
  u64(): number {
    const value = this.take(8).readBigUInt64BE();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) this.#failed = true;
    return Number(value);
  }

  /** An IPv4 address as text. */
  ipv4(): string {
    return [...this.take(4)].join('.');
  }

  /** Length byte and text of a-z, 0-9 and '-' (an identifier). */
  label(): string {
    const text = this.take(this.u8()).toString('latin1');
    if (!/^[a-z0-9-]{1,32}$/.test(text)) this.#failed = true;
    return text;
  }

  /** Identifier in a field of fixed length, padded with zeros. */
  paddedLabel(length: number): string {
    const field = this.take(length);
    const end = field.indexOf(0);
    const text = field.subarray(0, end === -1 ? length : end).toString('latin1');
    if (!/^[a-z0-9-]+$/.test(text) || field.subarray(text.length).some((b) => b !== 0)) this.#failed = true;
    return text;
  }

  /** Take the next byte if it is `byte`; tell whether it was. */
  next(byte: number): boolean {
    if (this.#failed || this.#bytes[this.#offset] !== byte) return false;
    this.#offset += 1;
    return true;
  }

  /** No field was missing or wrong; what follows them is a later version's. */
  began(): boolean {
    return !this.#failed;
  }

  ok(): boolean {
    return !this.#failed && this.#offset === this.#bytes.length;
  }
}

export const u8 = (n: number): Buffer => Buffer.from([n]);

export function u16(n: number): Buffer {
  const b = Buffer.alloc(2);
  b.writeUInt16BE(n);
  return b;
}

export function u32(n: number): Buffer {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(n);
  return b;
}

export function u64(n: number): Buffer {
  const b = Buffer.alloc(8);
  b.writeBigUInt64BE(BigInt(n));
  return b;
}

export const ipv4 = (address: string): Buffer => Buffer.from(ipv4Bytes(address));

export const label = (text: string): Buffer => Buffer.concat([u8(text.length), Buffer.from(text, 'latin1')]);

export function paddedLabel(text: string, length: number): Buffer {
  const field = Buffer.alloc(length);
  field.write(text, 'latin1');
  return field;
}
