// ZRLE (RFC 6143, 7.7.6): tiles of 64 x 64 in one zlib stream that lasts as long as the connection. Compressed pixels are those of the
// 16-bit format: 2 bytes each.
import { createInflate, type Inflate } from 'node:zlib';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { Framebuffer } from './framebuffer.js';
import { BYTES_PER_PIXEL, type Rect } from './messages.js';

const TILE = 64;

/** The connection's zlib stream: whole pieces in, what they inflate to out. */
export class ZlibStream {
  readonly #inflate: Inflate = createInflate();
  #chunks: Buffer[] = [];

  constructor() {
    this.#inflate.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
  }

  async inflate(data: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject);
      this.#inflate.write(data, () => {
        this.#inflate.removeListener('error', reject);
        resolve();
      });
    }).catch((error: unknown) => {
      throw new VmshadowError(
        'PROTOCOL',
        `The VNC server's ZRLE data cannot be inflated: ${messageOf(error)}`,
        { cause: error },
      );
    });
    const out = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return out;
  }

  close(): void {
    this.#inflate.destroy();
  }
}

/** Draw one ZRLE rectangle from its inflated data; throw PROTOCOL where the data make no sense. */
export function drawZrle(screen: Framebuffer, rect: Rect, data: Buffer): void {
  screen.check(rect);
  let at = 0;
  const byte = () => data.readUInt8(at++);
  const pixel = () => {
    at += BYTES_PER_PIXEL;
    return data.readUInt16LE(at - BYTES_PER_PIXEL);
  };
  const run = () => {
    let length = 1;
    for (let b = 255; b === 255; length += b) b = byte();
    return length;
  };
  try {
    for (let y = 0; y < rect.height; y += TILE)
      for (let x = 0; x < rect.width; x += TILE) {
        const tile = {
          x: rect.x + x,
          y: rect.y + y,
          width: Math.min(TILE, rect.width - x),
          height: Math.min(TILE, rect.height - y),
        };
        at = drawTile(screen, tile, data, { byte, pixel, run, at: () => at });
      }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new VmshadowError('PROTOCOL', "The VNC server's ZRLE data end within a tile.", { cause: error });
  }
}

interface Source {
  readonly byte: () => number;
  readonly pixel: () => number;
  readonly run: () => number;
  readonly at: () => number;
}

/** Draw one tile; gives the position after it. */
function drawTile(screen: Framebuffer, tile: Rect, data: Buffer, source: Source): number {
  const { byte, pixel, run } = source;
  const kind = byte();
  const count = tile.width * tile.height;
  if (kind === 0) {
    const start = source.at();
    const end = start + count * BYTES_PER_PIXEL;
    if (end > data.length) throw new RangeError('short tile');
    screen.putRaw(tile, data.subarray(start, end));
    return end;
  }
  if (kind === 1) {
    screen.fill(tile, pixel());
    return source.at();
  }
  const put = (i: number, value: number) => {
    if (i < count)
      screen.pixels[(tile.y + Math.floor(i / tile.width)) * screen.width + tile.x + (i % tile.width)] = value;
  };
  const palette = Array.from({ length: kind === 128 ? 0 : kind & 127 }, pixel);
  if (kind <= 16) drawPacked(tile, palette, byte, put);
  else if (kind === 128) {
    for (let i = 0; i < count;) {
      const value = pixel();
      for (let left = run(); left > 0; left--) put(i++, value);
    }
  } else if (kind >= 130) {
    for (let i = 0; i < count;) {
      const index = byte();
      const value = palette[index & 127] ?? 0;
      for (let left = index < 128 ? 1 : run(); left > 0; left--) put(i++, value);
    }
  } else
    throw new VmshadowError(
      'PROTOCOL',
      `The VNC server used ZRLE tile kind ${String(kind)}, which does not exist.`,
    );
  return source.at();
}

/** Palette indices of 1, 2 or 4 bits, each row starting at a whole byte. */
function drawPacked(
  tile: Rect,
  palette: readonly number[],
  byte: () => number,
  put: (i: number, value: number) => void,
): void {
  const bits = palette.length === 2 ? 1 : palette.length <= 4 ? 2 : 4;
  for (let row = 0; row < tile.height; row++) {
    let held = 0;
    let left = 0;
    for (let column = 0; column < tile.width; column++) {
      if (left === 0) {
        held = byte();
        left = 8;
      }
      left -= bits;
      put(row * tile.width + column, palette[(held >> left) & ((1 << bits) - 1)] ?? 0);
    }
  }
}
