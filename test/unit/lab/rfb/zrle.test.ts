import { deflateSync, constants } from 'node:zlib';
import { Framebuffer } from '../../../../lab/rfb/framebuffer.js';
import { drawZrle, ZlibStream } from '../../../../lab/rfb/zrle.js';

const rect = { x: 1, y: 1, width: 4, height: 2 };
const pixels = (...values: number[]) => {
  const data = Buffer.alloc(values.length * 2);
  values.forEach((value, i) => data.writeUInt16LE(value, 2 * i));
  return data;
};

/** The rectangle's pixels after one tile was drawn on a screen of 6 x 4. */
function draw(...tile: (Buffer | number)[]): number[] {
  const screen = new Framebuffer(6, 4);
  drawZrle(
    screen,
    rect,
    Buffer.concat(tile.map((part) => (typeof part === 'number' ? Buffer.from([part]) : part))),
  );
  expect(screen.pixels[0]).toBe(0);
  return [1, 2].flatMap((y) => [...screen.pixels.slice(y * 6 + 1, y * 6 + 5)]);
}

describe('a ZRLE tile', () => {
  it('of raw pixels is drawn as they come', () => {
    expect(draw(0, pixels(1, 2, 3, 4, 5, 6, 7, 8))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
  it('of one colour is filled', () => {
    expect(draw(1, pixels(9))).toEqual(Array(8).fill(9));
  });
  it('of two colours packs eight pixels a byte, each row anew', () => {
    expect(draw(2, pixels(5, 6), 0b0101_0000, 0b1111_0000)).toEqual([5, 6, 5, 6, 6, 6, 6, 6]);
  });
  it('of three colours packs four pixels a byte', () => {
    expect(draw(3, pixels(5, 6, 7), 0b00_01_10_00, 0b10_10_01_01)).toEqual([5, 6, 7, 5, 7, 7, 6, 6]);
  });
  it('of five colours packs two pixels a byte', () => {
    expect(draw(5, pixels(1, 2, 3, 4, 5), 0x01, 0x23, 0x44, 0x00)).toEqual([1, 2, 3, 4, 5, 5, 1, 1]);
  });
  it('of plain runs repeats each pixel', () => {
    expect(draw(128, pixels(3), 4, pixels(4), 2)).toEqual([3, 3, 3, 3, 3, 4, 4, 4]);
  });
  it('of palette runs repeats where the index says so', () => {
    expect(draw(130, pixels(3, 4), 0, 0x81, 5, 0)).toEqual([3, 4, 4, 4, 4, 4, 4, 3]);
  });
  it('that ends too early is refused', () => {
    expect(() => draw(0, pixels(1, 2))).toThrow(/end within a tile/);
  });
  it('of a kind that does not exist is refused', () => {
    expect(() => draw(129, pixels(1))).toThrow(/kind 129/);
  });
  it('outside the screen is refused', () => {
    expect(() => drawZrle(new Framebuffer(3, 3), rect, Buffer.from([1, 0, 0]))).toThrow(/outside its screen/);
  });
});

describe('the zlib stream of a connection', () => {
  it('goes on over several pieces', async () => {
    const whole = deflateSync(Buffer.from('abcabcabcabc'), { flush: constants.Z_SYNC_FLUSH });
    const stream = new ZlibStream();
    const parts = [await stream.inflate(whole.subarray(0, 5)), await stream.inflate(whole.subarray(5))];
    stream.close();
    expect(Buffer.concat(parts).toString()).toBe('abcabcabcabc');
  });

  it('refuses data that are none', async () => {
    const stream = new ZlibStream();
    await expect(stream.inflate(Buffer.from('this is no zlib stream'))).rejects.toThrow(/cannot be inflated/);
    stream.close();
  });
});

describe('the screen', () => {
  it.each([
    ['down', { x: 0, y: 1, width: 2, height: 2 }, 0, 0, [1, 2, 1, 2, 3, 4]],
    ['up', { x: 0, y: 0, width: 2, height: 2 }, 0, 1, [3, 4, 5, 6, 5, 6]],
  ])('copies overlapping rectangles %s without tearing', (_, to, fromX, fromY, expected) => {
    const screen = new Framebuffer(2, 3);
    screen.pixels.set([1, 2, 3, 4, 5, 6]);
    screen.copy(to, fromX, fromY);
    expect([...screen.pixels]).toEqual(expected);
  });
});
