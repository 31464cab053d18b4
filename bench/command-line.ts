// The command line of `npm run bench -- NAME [options]`. A benchmark that takes options exports a strict zod object `Options`; what follows
// its name without a dash is there as `positionals`.
import { parseArgs } from 'node:util';
import { z } from 'zod';

/** Options of a benchmark that names none. */
export const NoOptions = z.strictObject({});

export type BenchCommand = { readonly name: string; readonly given: unknown } | { readonly problem: string };

/** Split the arguments into a benchmark's name, one of `names`, and what is given to it. */
export function parseBenchCommand(argv: readonly string[], names: readonly string[]): BenchCommand {
  const { values, positionals } = parseArgs({ args: [...argv], strict: false, allowPositionals: true });
  const [name, ...rest] = positionals;
  if (name === undefined) return { problem: 'no benchmark is named' };
  if (!names.includes(name)) return { problem: `there is no benchmark ${name}` };
  return { name, given: { ...values, ...(rest.length === 0 ? {} : { positionals: rest }) } };
}

/** Check options against a benchmark's schema; all problems in one text. */
export function checkOptions<S extends z.ZodType>(
  schema: S,
  given: unknown,
): { readonly options: z.infer<S> } | { readonly problem: string } {
  const parsed = schema.safeParse(given);
  if (parsed.success) return { options: parsed.data };
  const problems = parsed.error.issues.map((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys
          .map((k) => (k === 'positionals' ? 'it takes no further names' : `unknown option --${k}`))
          .join(', ')
      : issue.path[0] === 'positionals'
        ? issue.message
        : `--${issue.path.join('.')}: ${issue.message}`,
  );
  return { problem: problems.join('; ') };
}
