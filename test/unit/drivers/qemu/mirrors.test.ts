import {
  copyOf,
  mirrorsOf,
  newShares,
  sharesOf,
  type Mirror,
} from '../../../../drivers/qemu/source/mirrors.js';

const mirror = (over: Partial<Mirror>): Mirror => ({
  job: 'mirror-k',
  state: 'copying',
  doneBytes: 10,
  totalBytes: 100,
  error: null,
  speed: 500,
  ...over,
});

describe('mirrorsOf', () => {
  const works = { device: 'm', len: 100, offset: 40, ready: false, speed: 7 };
  it.each([
    ['copying', works],
    ['ready', { ...works, ready: true }],
    ['ready', { ...works, ready: true, 'actively-synced': false }],
    ['synchronous', { ...works, ready: true, 'actively-synced': true }],
  ] as const)('reads one that is %s', (state, job) => {
    const figures = { doneBytes: 40, totalBytes: 100, error: null, speed: 7 };
    expect(mirrorsOf(['m'], [job], [])).toEqual([{ job: 'm', state, ...figures }]);
  });

  it('tells one that failed from one that is not there', () => {
    const jobs = [{ id: 'm', status: 'concluded', error: 'Input/output error' }];
    expect(mirrorsOf(['m', 'm-1'], [], jobs)).toMatchObject([
      { state: 'failed', error: 'Input/output error' },
      { state: 'none', error: null },
    ]);
    expect(mirrorsOf(['m'], [{ ...works, error: 'EIO' }], [{ id: 'm', status: 'ready' }])).toMatchObject([
      { state: 'failed', error: 'EIO' },
    ]);
  });
});

describe('copyOf', () => {
  it.each([
    [['none', 'none'], 'none'],
    [['copying', 'ready'], 'copying'],
    [['synchronous', 'ready'], 'ready'],
    [['synchronous', 'copying'], 'copying'],
    [['synchronous', 'synchronous'], 'synchronous'],
    [['failed', 'synchronous'], 'failed'],
    // Half of a switchover that was rolled back: what was finished is out of date.
    [['none', 'synchronous'], 'failed'],
  ] as const)('takes %j for %s', (states, state) => {
    expect(copyOf(states.map((s) => mirror({ state: s })))).toMatchObject({
      state,
      doneBytes: 20,
      totalBytes: 200,
    });
  });
});

describe('the cap of several mirrors', () => {
  const left = (remainingBytes: number, totalBytes = 1_000) => ({ remainingBytes, totalBytes });

  it('is one mirror’s whole', () => expect(sharesOf(7_500_000, [left(0)])).toEqual([7_500_000]));

  it('goes by what is left, never over, and leaves something for each', () => {
    for (const all of [
      [left(900), left(100)],
      [left(0), left(1_000)],
      [left(0), left(0), left(0)],
    ]) {
      const shares = sharesOf(1_000_000, all);
      expect(shares.reduce((a, b) => a + b, 0)).toBe(1_000_000);
      expect(Math.min(...shares)).toBeGreaterThan(10_000);
    }
    const [large = 0, small = 0] = sharesOf(1_000_000, [left(900), left(100)]);
    expect(large).toBeGreaterThan(5 * small);
  });

  it('never stops a mirror: 0 would be no limit', () =>
    expect(sharesOf(1, [left(1), left(1)])).toEqual([1, 1]));

  it('is left as it is until what is left has changed much, and is then the same in all', () => {
    const even = [mirror({}), mirror({ job: 'mirror-k-1' })];
    expect(newShares(null, even)).toEqual([]);
    const far = newShares(null, [mirror({ doneBytes: 100 }), mirror({ job: 'mirror-k-1' })]);
    expect(far.map(({ job }) => job)).toEqual(['mirror-k', 'mirror-k-1']);
    expect(far[0]!.speed + far[1]!.speed).toBe(1_000);
    expect(far[1]!.speed).toBeGreaterThan(far[0]!.speed);
  });

  it('is changed when another is given', () => {
    expect(newShares(300, [mirror({}), mirror({})]).reduce((sum, { speed }) => sum + speed, 0)).toBe(300);
  });
});
