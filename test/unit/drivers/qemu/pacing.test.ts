import {
  TRICKLE_BYTES_PER_SECOND,
  choosePace,
  linkBytesPerSecond,
} from '../../../../drivers/qemu/source/pacing.js';

const cap = 7_500_000;
const sample = (atMs: number, round: number, remainingBytes: number) => ({ atMs, round, remainingBytes });

describe('the pace of pre-copy', () => {
  it.each([
    ['runs at the cap while much is left', sample(0, 1, 5e7), sample(1_000, 1, 4e7), false, cap],
    ['runs at the cap while rounds are real ones', sample(0, 3, 1e5), sample(1_000, 8, 1e5), false, cap],
    [
      'falls to a trickle when rounds come by the thousand',
      sample(0, 3, 0),
      sample(1_000, 9_000, 0),
      false,
      TRICKLE_BYTES_PER_SECOND,
    ],
    [
      'stays at the trickle while little gathers',
      sample(0, 3, 1e5),
      sample(1_000, 5, 2e5),
      true,
      TRICKLE_BYTES_PER_SECOND,
    ],
    ['goes back to the cap when the guest wakes up', sample(0, 3, 1e5), sample(1_000, 5, 2e6), true, cap],
    ['runs at the cap while nothing is known', undefined, sample(1_000, 500, 0), false, cap],
  ])('%s', (_, before, now, trickling, expected) => {
    expect(choosePace(before, now, trickling, cap)).toBe(expected);
  });

  it('never goes above a cap that is lower than the trickle', () => {
    expect(choosePace(sample(0, 1, 0), sample(1_000, 900, 0), false, 1_000)).toBe(1_000);
  });
});

describe('the rate of the link', () => {
  const info = (transferred: number, mbps: number, totalMs: number) => ({
    status: 'active',
    'total-time': totalMs,
    ram: {
      transferred,
      mbps,
      remaining: 0,
      total: 1e9,
      'dirty-pages-rate': 0,
      'dirty-sync-count': 2,
      'page-size': 4096,
    },
  });

  it.each([
    ['is the average of the copy when the last moment was idle', info(4e6, 0.1, 1_000), undefined, 4e6],
    ['is the last moment’s when that was better', info(4e6, 48, 1_000), undefined, 6e6],
    ['is at most the cap', info(9e6, 900, 1_000), undefined, cap],
    ['is not forgotten while the stream trickles', info(4e6, 0.1, 60_000), 5e6, 5e6],
  ])('%s', (_, migration, known, expected) => {
    expect(linkBytesPerSecond(migration, cap, false, known)).toBe(expected);
  });

  it('is taken to be the cap where only a trickle was seen', () => {
    expect(linkBytesPerSecond(info(1e6, 0.5, 60_000), cap, true, undefined)).toBe(cap);
  });
});
