import { lookAtDisk, type DiskChase } from '../../../../domain/migration/disk-convergence.js';
import {
  decideConvergence,
  expectedPauseMs,
  type PrecopyLook,
} from '../../../../domain/migration/convergence.js';

const rule = { pauseBudgetMs: 500, maxPauseMs: 2000, maxRounds: 10 };
const look = (part: Partial<PrecopyLook>): PrecopyLook => ({
  round: 3,
  remainingBytes: 5e6,
  bytesPerSecond: 7.5e6,
  dirtyBytesPerSecond: 0,
  elapsedMs: 10_000,
  history: [],
  forced: false,
  ...part,
});

describe('decideConvergence', () => {
  it.each([
    [
      'goes on in the first round even when little is left',
      { round: 1, remainingBytes: 1 },
      'continue',
      undefined,
    ],
    ['switches when the rest fits the budget', { remainingBytes: 3e6 }, 'switch', 500],
    ['goes on while rounds still help', { history: [900, 800, 700, 660] }, 'continue', undefined],
    [
      'takes the larger budget when three rounds brought nothing',
      { history: [650, 700, 690, 660] },
      'switch',
      2000,
    ],
    [
      'goes on when stalled above the largest pause',
      { remainingBytes: 50e6, history: [650, 700, 690, 660] },
      'continue',
      undefined,
    ],
    ['ends after the last round', { round: 10, remainingBytes: 50e6 }, 'switch', 2000],
    ['obeys force in any round', { round: 1, remainingBytes: 50e6, forced: true }, 'switch', 30_000],
    ['goes on while nothing is known of the speed', { bytesPerSecond: 0 }, 'continue', undefined],
  ] as const)('%s', (_, part, kind, budget) => {
    const decision = decideConvergence(look(part), rule);
    expect(decision.kind).toBe(kind);
    if (decision.kind === 'switch') expect(decision.pauseBudgetMs).toBe(budget);
  });

  it('expects no pause when nothing is left and an endless one without speed', () => {
    expect(expectedPauseMs(0, 0)).toBe(0);
    expect(expectedPauseMs(1, 0)).toBe(Infinity);
  });
});

describe('lookAtDisk', () => {
  const run = (looks: [ms: number, left: number, done: number][]) => {
    let chase: DiskChase | null = null;
    return looks.map(([ms, left, done]) => {
      const look = lookAtDisk(chase, left, done, ms);
      chase = look.chase;
      return look.chasing;
    });
  };

  it('does not take the time in which the hypervisor counts what there is for a chase', () => {
    expect(
      run([
        [0, 0, 0],
        [1_000, 2_000_000, 0],
        [2_000, 1_999_990, 10],
        [11_000, 1_999_925, 75],
        [12_000, 1_999_915, 85],
        [22_000, 1_999_840, 160],
      ]),
    ).toEqual([false, false, false, false, false, false]);
  });

  it('goes on with a large disk on a slow link, however small its steps are', () => {
    expect(
      run([
        [0, 100_000, 0],
        [10_000, 99_940, 75],
        [20_000, 99_880, 150],
      ]),
    ).toEqual([false, false, false]);
  });

  it('sees that the copy only chases the guest when nearly all that it carries was dirtied meanwhile', () => {
    expect(
      run([
        [0, 10, 8],
        [5_000, 12, 40],
        [10_000, 10, 80],
      ]),
    ).toEqual([false, false, true]);
  });

  it('takes a copy that carries nothing for a link that is down, not for a chase', () => {
    expect(
      run([
        [0, 10, 5],
        [10_000, 10, 5],
        [20_000, 10, 5],
      ]),
    ).toEqual([false, false, false]);
  });
});
