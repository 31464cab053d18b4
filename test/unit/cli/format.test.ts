import {
  cut,
  formatAge,
  formatBytes,
  formatDuration,
  formatMs,
  formatRate,
  formatUse,
} from '../../../cli/render/format.js';

describe('figures for people', () => {
  it.each([
    [0, '0 ms'],
    [0.042, '0.04 ms'],
    [41.7, '41.7 ms'],
    [100, '100 ms'],
    [999.96, '1000 ms'],
    [2480, '2.48 s'],
    [-0.001, '0 ms'],
    [null, '-'],
    [Number.NaN, '-'],
    [Number.POSITIVE_INFINITY, '-'],
  ])('writes %p ms as %p', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  it.each([
    [0, '0 s'],
    [-5, '0 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [265_000, '4 min 25 s'],
    [7_500_000, '2 h 5 min'],
    [90_000_000, '1 d 1 h'],
    [null, '-'],
  ])('writes a length of %p ms as %p', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1_920_000_000, '1.92 GB'],
    [268_435_456, '268.4 MB'],
    [5e15, '5000 TB'],
    [undefined, '-'],
  ])('writes %p bytes as %p', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('writes bytes a second as the megabits that a link is sold in', () => {
    expect(formatRate(7_500_000)).toBe('60 Mbit/s');
    expect(formatRate(0)).toBe('-');
  });

  it('tells past from future', () => {
    expect(formatAge(1_000, 9_000)).toBe('8 s ago');
    expect(formatAge(9_000, 1_000)).toBe('in 8 s');
    expect(formatAge(null, 0)).toBe('-');
  });

  it('shows what is not known, and that something was cut', () => {
    expect(formatUse(2, null)).toBe('2/-');
    expect(cut('abcdef', 4)).toBe('abc…');
    expect(cut('abc', 3)).toBe('abc');
  });
});
