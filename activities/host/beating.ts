// Heartbeats of activities that report nothing by themselves. Without them a dom0 that dies in one is missed only when all of the activity's
// time is over, minutes later.
import { Context } from '@temporalio/activity';
import { BEAT_MS } from './progress-reporter.js';

type Activity = (input: never) => Promise<unknown>;

/** Wrap each activity but those that `speak` by themselves: Temporal hears of it each second for as long as it runs. */
export function beating<T extends Record<string, Activity>>(
  activities: T,
  speak: readonly (keyof T & string)[],
  everyMs = BEAT_MS,
): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    speak.includes(name)
      ? run
      : async (input: never) => {
          const { heartbeat } = Context.current();
          const timer = setInterval(() => heartbeat(), everyMs);
          try {
            return await run(input);
          } finally {
            clearInterval(timer);
          }
        },
  ]);
  return Object.fromEntries(wrapped) as T;
}
