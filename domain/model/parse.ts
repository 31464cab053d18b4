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
  throw invalidInput(what, problemsOf(result.error), code);
}

/** What is wrong with an input, one line a problem: `path: message`. */
export function problemsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String).join('.');
    return path === '' ? issue.message : `${path}: ${issue.message}`;
  });
}

/** Make the error that refuses an input for these problems. */
export function invalidInput(
  what: string,
  problems: readonly string[],
  code: ErrorCode = 'INPUT_INVALID',
): VmshadowError {
  const count = problems.length === 1 ? '1 problem' : `${String(problems.length)} problems`;
  return new VmshadowError(code, `${what}: ${count}\n${problems.map((p) => `  - ${p}`).join('\n')}`, {
    details: { problems },
  });
}
