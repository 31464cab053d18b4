// Checks of what the shell gives: all problems in one message, exit 64.
import { z } from 'zod';
import { VmshadowError, type ErrorDetails } from '../domain/errors.js';
import { PoolId } from '../domain/model/ids.js';
import { invalidInput, problemsOf } from '../domain/model/parse.js';
import { COMMAND_LINE } from './failures.js';

/**
 * Parse arguments and options of `command`; a failure lists every problem and names the help. Fields of the schema are options and are
 * named as they are typed (`budgetGb`: `--budget-gb`), but for the `positional` ones.
 */
export function parseArguments<S extends z.ZodType>(
  schema: S,
  value: unknown,
  command: string,
  positional: readonly string[] = [],
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map((issue) => ({
    ...issue,
    path: issue.path.map((part, i) => (i === 0 ? asTyped(String(part), positional) : part)),
  }));
  const found = invalidInput(`vmshadow ${command}`, problemsOf(new z.ZodError(issues)));
  throw usageError(command, found.message, found.details);
}

function asTyped(field: string, positional: readonly string[]): string {
  if (positional.includes(field)) return field;
  return `--${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The error for a command line that cannot be followed: exit 64, naming the help. */
export function usageError(command: string, message: string, details: ErrorDetails = {}): VmshadowError {
  return new VmshadowError('INPUT_INVALID', `${message}\nSee \`vmshadow ${command} --help\`.`, {
    details: { ...details, source: COMMAND_LINE },
  });
}

/** A number from the shell; commander gives text. */
export const numeric = z
  .string()
  .regex(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i, 'expected a number')
  .transform(Number);

/** A whole number from the shell. */
export const integer = z
  .string()
  .regex(/^-?\d+$/, 'expected a whole number')
  .transform(Number);

const UNITS_MS = { s: 1_000, min: 60_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time from the shell, as milliseconds: `90s`, `10min`, `2h`, `1d`. */
export const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(s|min|m|h|d)$/, 'expected a length of time such as 90s, 10min, 2h or 1d')
  .transform((text) => {
    const unit = /[a-z]+$/.exec(text)?.[0] as keyof typeof UNITS_MS;
    return Math.round(Number.parseFloat(text) * UNITS_MS[unit]);
  });

/** Options of every command that speaks to a pool's loop. */
export const poolOptions = { pool: PoolId.default(PoolId.parse('main')), json: z.boolean().default(false) };
