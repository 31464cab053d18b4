import { savedInAll, savedWords } from '../../../../domain/migration/saved.js';

const words = (bytes: number): string => `${String(bytes / 1e6)} MB`;

describe('what relays have saved', () => {
  it('is told with the largest part first, and without what there was none of', () => {
    const saved = { zero: 0, known: 300e6, unchanged: 20e6, compressed: 400e6 };
    expect(savedInAll(saved)).toBe(720e6);
    expect(savedWords(saved, words)).toBe(
      '720 MB (400 MB compressed away, 300 MB known there, 20 MB unchanged)',
    );
  });

  it('is no word where it is nothing', () => {
    expect(savedWords({ zero: 0, known: 0, unchanged: 0, compressed: 0 }, words)).toBe('');
  });
});
