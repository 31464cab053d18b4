// Where a capture's bytes come from: a file, packed by gzip or not, or standard input. They are read twice, so standard input is kept in a
// file of its own for as long as it is needed. Memory is constant, whatever the size.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { VmshadowError, messageOf } from '../../domain/errors.js';

const CHUNK_BYTES = 2 ** 20;
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);

/** Tell how far the reading is: bytes so far, and of how many; null where that is not known. */
export type CaptureProgress = (doneBytes: number, ofBytes: number | null) => void;

export interface CaptureSource {
  /** What people call it. */
  readonly name: string;
  /** The capture's bytes from the start, unpacked. Throws INPUT_INVALID where they end early or cannot be read. */
  read(progress: CaptureProgress): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A file of the disk; throws what the file system says where it cannot be read. */
export async function fileSource(path: string): Promise<CaptureSource> {
  const { size } = await stat(path);
  const packed = await beginsPacked(path);
  return {
    name: path,
    read: (progress) => reading(path, size, packed, progress),
    close: () => Promise.resolve(),
  };
}

/**
 * Standard input, kept in a temporary file until `close`. It ends with the input or with `signal` (an operator who has seen enough): what
 * came until then is the capture.
 */
export async function inputSource(
  input: Readable,
  signal: AbortSignal,
  progress: CaptureProgress,
): Promise<CaptureSource> {
  const folder = await mkdtemp(join(tmpdir(), 'vmshadow-capture-'));
  const path = join(folder, 'input');
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await keep(input, path, signal, progress);
    return { ...(await fileSource(path)), name: 'standard input', close };
  } catch (error) {
    await close();
    throw new VmshadowError('INPUT_INVALID', `cannot keep standard input in ${folder}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function keep(
  input: Readable,
  path: string,
  signal: AbortSignal,
  progress: CaptureProgress,
): Promise<void> {
  const file = createWriteStream(path, { mode: 0o600 });
  const stop = () => input.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let bytes = 0;
  try {
    for await (const chunk of input) {
      bytes += (chunk as Buffer).length;
      progress(bytes, null);
      if (!file.write(chunk)) await once(file, 'drain');
    }
  } catch (error) {
    // Ended from here: what has come is what there is.
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await new Promise<void>((resolve, reject) => {
      file.once('error', reject);
      file.end(resolve);
    });
  }
}

async function beginsPacked(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.equals(GZIP_MAGIC);
  } finally {
    await file.close();
  }
}

async function* reading(
  path: string,
  size: number,
  packed: boolean,
  progress: CaptureProgress,
): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  file.on('data', () => progress(file.bytesRead, size));
  const unpacked = packed ? file.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : file;
  // A pipe passes no error on.
  if (packed) file.on('error', (error) => unpacked.destroy(error));
  const chunks = unpacked[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const next = () =>
    chunks.next().catch((error: unknown) => {
      const what = packed ? 'its packed data end early or are damaged' : 'it cannot be read';
      throw new VmshadowError('INPUT_INVALID', `${what} (${messageOf(error)})`, { cause: error });
    });
  try {
    for (let read = await next(); read.done !== true; read = await next()) yield read.value;
  } finally {
    file.destroy();
  }
}
