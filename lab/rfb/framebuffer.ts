// The client's copy of the desktop's screen, 16 bits a pixel (5-6-5), and what the encodings do to it. Writes outside it throw PROTOCOL.
import { VmshadowError } from '../../domain/errors.js';
import { BYTES_PER_PIXEL, type Rect } from './messages.js';

export class Framebuffer {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint16Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint16Array(width * height);
  }

  /** Throw PROTOCOL unless the rectangle lies within the screen. */
  check(rect: Rect): void {
    if (rect.x + rect.width > this.width || rect.y + rect.height > this.height)
      throw new VmshadowError(
        'PROTOCOL',
        `The VNC server drew outside its screen: ${JSON.stringify(rect)} on ${String(this.width)}x${String(this.height)}.`,
      );
  }

  putRaw(rect: Rect, data: Buffer): void {
    this.check(rect);
    for (let row = 0, at = 0; row < rect.height; row++) {
      const start = (rect.y + row) * this.width + rect.x;
      for (let column = 0; column < rect.width; column++, at += BYTES_PER_PIXEL)
        this.pixels[start + column] = data.readUInt16LE(at);
    }
  }

  fill(rect: Rect, pixel: number): void {
    this.check(rect);
    for (let row = 0; row < rect.height; row++) {
      const start = (rect.y + row) * this.width + rect.x;
      this.pixels.fill(pixel, start, start + rect.width);
    }
  }

  copy(rect: Rect, fromX: number, fromY: number): void {
    this.check(rect);
    this.check({ ...rect, x: fromX, y: fromY });
    const rows = [...Array(rect.height).keys()];
    // Rows may overlap: copied in the order that reads each before it is overwritten.
    for (const row of fromY < rect.y ? rows.reverse() : rows) {
      const from = (fromY + row) * this.width + fromX;
      this.pixels.copyWithin((rect.y + row) * this.width + rect.x, from, from + rect.width);
    }
  }

  /** The screen as a binary PPM, for looking at it. */
  toPpm(): Buffer {
    const head = Buffer.from(`P6\n${String(this.width)} ${String(this.height)}\n255\n`);
    const body = Buffer.alloc(this.pixels.length * 3);
    this.pixels.forEach((pixel, i) => {
      body[3 * i] = (pixel >> 11) << 3;
      body[3 * i + 1] = ((pixel >> 5) & 63) << 2;
      body[3 * i + 2] = (pixel & 31) << 3;
    });
    return Buffer.concat([head, body]);
  }
}
