// The activity boundary: domain errors become Temporal failures here and nowhere else.
import { toApplicationFailure } from '../temporal/contract/failures.js';

/** Wrap each function so that what it throws reaches Temporal as a typed failure. */
export function withFailures<T extends Record<string, (...args: never[]) => Promise<unknown>>>(
  activities: T,
): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (...args: never[]) => {
      try {
        return await run(...args);
      } catch (error) {
        throw toApplicationFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
