import { Keysym } from '../../../../lab/rfb/messages.js';
import { pressing, typing } from '../../../../lab/rfb/typist.js';

const take = <T>(source: Iterator<T>, n: number) => Array.from({ length: n }, () => source.next().value as T);

describe('the typist', () => {
  it('types the text over and over, line ends as Return, nothing outside ASCII', () => {
    const keys = take(typing('aé\nb', 200, 1), 5).map((k) => k.keysym);
    expect(keys).toEqual([0x61, Keysym.return, 0x62, 0x61, Keysym.return]);
  });

  it('types the same for the same seed, and otherwise for another', () => {
    expect(take(typing('hello', 200, 7), 20)).toEqual(take(typing('hello', 200, 7), 20));
    expect(take(typing('hello', 200, 7), 20)).not.toEqual(take(typing('hello', 200, 8), 20));
  });

  it('keeps the asked rate within a word, on average, and is never regular', () => {
    const pauses = take(typing('abcdefgh', 300, 3), 2_000).map((k) => k.afterMs);
    const mean = pauses.reduce((sum, ms) => sum + ms, 0) / pauses.length;
    expect(mean).toBeGreaterThan(190);
    expect(mean).toBeLessThan(210);
    expect(Math.min(...pauses)).toBeGreaterThan(60);
    expect(Math.max(...pauses)).toBeGreaterThan(1.5 * mean);
  });

  it('thinks after a sentence', () => {
    const pauses = take(typing('ab.', 300, 3), 3_000).map((k) => k.afterMs);
    const mean = (of: number[]) => of.reduce((sum, ms) => sum + ms, 0) / of.length;
    const afterStop = pauses.filter((_, i) => i % 3 === 0 && i > 0);
    expect(mean(afterStop)).toBeGreaterThan(4 * mean(pauses.filter((_, i) => i % 3 === 1)));
  });

  it('types spaces where there is nothing to type', () => {
    expect(take(typing('', 200, 1), 2).map((k) => k.keysym)).toEqual([0x20, 0x20]);
  });

  it('presses one key about as often as asked', () => {
    for (const { afterMs, keysym } of take(pressing(Keysym.pageDown, 3_000, 1), 50)) {
      expect(keysym).toBe(Keysym.pageDown);
      expect(afterMs).toBeGreaterThanOrEqual(2_100);
      expect(afterMs).toBeLessThanOrEqual(3_900);
    }
  });
});
