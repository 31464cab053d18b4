// That Temporal hears of activities while they run: in a context as the SDK gives them one.
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { beating } from '../../../../activities/host/beating.js';

const EVERY_MS = 2;
let beats: number;
const inContext = <T>(work: () => Promise<T>) =>
  asyncLocalStorage.run({ heartbeat: () => (beats += 1) } as unknown as Context, work);

/** Runs until it has been heard of so often, and gives its input back. */
const activity = (times: number, fails = false) => ({
  work: async (input: string) => {
    while (beats < times) await sleep(EVERY_MS);
    if (fails) throw new Error('refused');
    return input;
  },
});

beforeEach(() => {
  beats = 0;
});

it.each([false, true])('beats while an activity runs, and no longer (it fails: %s)', async (fails) => {
  const { work } = beating(activity(3, fails), [], EVERY_MS);
  const ended = inContext(() => work('d1'));
  if (fails) await expect(ended).rejects.toThrow('refused');
  else expect(await ended).toBe('d1');
  const heard = beats;
  await sleep(20 * EVERY_MS);
  expect(beats).toBe(heard);
});

it('leaves those alone that speak by themselves', async () => {
  const { work } = beating(activity(0), ['work'], EVERY_MS);
  expect(await work('d1')).toBe('d1');
  expect(beats).toBe(0);
});
