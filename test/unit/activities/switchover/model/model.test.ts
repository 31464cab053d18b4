import { jest } from '@jest/globals';
import fc from 'fast-check';
import { EVENT_NAMES, play, type Outcome, type Step } from './run.js';
import type { Mends } from './world.js';

const ALL: Mends = { lock: true, fence: true, owner: true, room: true };

const stepArb: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('turn' as const), at: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), at: fc.nat(4) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('event' as const), event: fc.constantFrom(...EVENT_NAMES) }),
  },
);
const schedules = fc.array(stepArb, { maxLength: 90, size: 'max' });

/** Look for a schedule that breaks a promise; null when none of `runs` does. */
async function search(mends: Mends, runs: number): Promise<Outcome | null> {
  let found: Outcome | null = null;
  await fc
    .assert(
      fc.asyncProperty(schedules, async (steps) => {
        const outcome = await play(steps, mends);
        if (outcome.problems.length > 0) found = outcome;
        return outcome.problems.length === 0;
      }),
      { numRuns: runs, endOnFailure: true, seed: 1 },
    )
    .catch(() => undefined);
  return found;
}

/** Thousands of schedules, each of some hundred turns: a bound against one that never ends, far above what they take. */
jest.setTimeout(1_200_000);

describe('the model of the switchover', () => {
  it('moves the desktop when nothing happens', async () => {
    expect((await play([], ALL)).problems).toEqual([]);
  });

  it('keeps every promise in all single deviations from the plain schedule', async () => {
    const turns = (n: number): Step[] => Array.from({ length: n }, () => ({ kind: 'turn', at: 0 }));
    for (let n = 0; n < 90; n++)
      for (const event of EVENT_NAMES) {
        const outcome = await play([...turns(n), { kind: 'event', event }], ALL);
        if (outcome.problems.length > 0)
          throw new Error(JSON.stringify({ ...outcome, at: n, event }, null, 1));
      }
  });

  it('keeps every promise in random schedules of two attempts, crashes, power cuts, full disks, losses and strangers', async () => {
    expect(await search(ALL, 3_000)).toBeNull();
  });

  it('finds that a second attempt runs the desktop twice where there is no lock', async () => {
    const found = await search({ ...ALL, lock: false }, 5_000);
    expect(found?.problems).toEqual(expect.arrayContaining([expect.stringMatching(/runs at/)]));
  });

  it('finds that a stranger spends the epochs where strangers are not fenced', async () => {
    const found = await search({ ...ALL, fence: false }, 5_000);
    expect(found?.problems).toEqual(expect.arrayContaining([expect.stringMatching(/epochs|record|nowhere/)]));
  });

  it('finds that a host that comes back runs what it has released where the owner is not asked for', async () => {
    const found = await search({ ...ALL, owner: false }, 5_000);
    expect(found?.problems).toEqual(expect.arrayContaining([expect.stringMatching(/runs at/)]));
  });

  it('finds that a full disk keeps the desktop down for ever where no room is kept for the records', async () => {
    const found = await search({ ...ALL, room: false }, 5_000);
    expect(found?.problems).toEqual(expect.arrayContaining([expect.stringMatching(/nowhere|never ends/)]));
  });
});
