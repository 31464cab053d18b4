// zstd by calls into the system's own library (docs/decisions/zstd.md). One context a process: calls are synchronous and never interleave.
import koffi from 'koffi';
import { VmshadowError, messageOf } from '../../domain/errors.js';

/** Levels: what programs need falls from 0.36 to 0.33 and 0.31 of them, at 3,900, 2,200 and 900 Mbit/s of a core. Higher ones gain next to nothing. */
const LEVELS = [1, 3, 6] as const;
/** How hard to compress. */
export type Effort = 0 | 1 | 2;

interface Library {
  compress(to: Buffer, from: Uint8Array, level: number): unknown;
  decompress(to: Buffer, from: Uint8Array): unknown;
}

let loaded: Library | null = null;
let scratch = Buffer.alloc(0);

/** Compress; null where that does not make it smaller. */
export function compress(bytes: Uint8Array, effort: Effort = 0): Buffer | null {
  // Room for one byte less than was given: the library stops where it gains nothing.
  if (scratch.length < bytes.length) scratch = Buffer.allocUnsafeSlow(bytes.length);
  const room = scratch.subarray(0, Math.max(1, bytes.length - 1));
  const written = library().compress(room, bytes, LEVELS[effort]);
  return typeof written === 'number' && written <= room.length
    ? Buffer.from(room.subarray(0, written))
    : null;
}

/** Give back what was compressed, exactly `expectedBytes` of it; throw PROTOCOL for anything else. */
export function decompress(bytes: Uint8Array, expectedBytes: number): Buffer {
  const out = Buffer.allocUnsafe(expectedBytes);
  if (library().decompress(out, bytes) !== expectedBytes)
    throw new VmshadowError('PROTOCOL', `zstd: expected ${expectedBytes} bytes, the frame holds others`);
  return out;
}

function library(): Library {
  loaded ??= load();
  return loaded;
}

function load(): Library {
  try {
    const lib = koffi.load('libzstd.so.1');
    const forCompression = lib.func('void *ZSTD_createCCtx()')() as unknown;
    const forDecompression = lib.func('void *ZSTD_createDCtx()')() as unknown;
    const compressInto = lib.func(
      'size_t ZSTD_compressCCtx(void *context, uint8_t *to, size_t room, const uint8_t *from, size_t length, int level)',
    );
    const decompressInto = lib.func(
      'size_t ZSTD_decompressDCtx(void *context, uint8_t *to, size_t room, const uint8_t *from, size_t length)',
    );
    // Errors are sizes near 2^64, which come as BigInt.
    return {
      compress: (to, from, level) =>
        compressInto(forCompression, to, to.length, from, from.length, level) as unknown,
      decompress: (to, from) => decompressInto(forDecompression, to, to.length, from, from.length) as unknown,
    };
  } catch (cause) {
    throw new VmshadowError(
      'PREREQUISITE',
      `the relay needs the system's zstd library (Debian: libzstd1): ${messageOf(cause)}`,
      { cause },
    );
  }
}
