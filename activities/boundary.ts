// The boundary between Temporal and the activities of a process: inputs are parsed here, domain errors become Temporal failures here, and
// nowhere else. Whoever can write to Temporal can ask for no more than the schemas allow.
import type { z } from 'zod';
import { parseInput } from '../domain/model/parse.js';
import { toApplicationFailure } from '../temporal/contract/failures.js';

type Activity = (input: never) => Promise<unknown>;

/** The schema of the input of each activity. */
type InputsOf<T extends Record<string, Activity>> = {
  readonly [K in keyof T]: z.ZodType<Parameters<T[K]>[0]>;
};

/** Wrap each activity: it is called with its input parsed, or fails with INPUT_INVALID and every problem; what it throws becomes a failure. */
export function atBoundary<T extends Record<string, Activity>>(inputs: InputsOf<T>, activities: T): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (raw: unknown) => {
      try {
        return await run(parseInput(inputs[name as keyof T], raw, `input of ${name}`));
      } catch (error) {
        throw toApplicationFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
