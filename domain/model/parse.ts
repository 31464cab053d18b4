// Parsing at the edge: every problem of an input in one error.
import type { z } from 'zod';
import { VmshadowError, type ErrorCode } from '../errors.js';

/** Parse `value` with `schema`; throw one error that lists every problem as `path: message`. `what` names the input, e.g. a file. */
export function parseInput<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what: string,
  code: ErrorCode = 'INPUT_INVALID',
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
  const count = problems.length === 1 ? '1 problem' : `${String(problems.length)} problems`;
  throw new VmshadowError(code, `${what}: ${count}\n${problems.map((p) => `  - ${p}`).join('\n')}`, {
    details: { problems },
  });
}
