// Runs one command line to its exit code. Expected errors print their message only; with --json also as data on standard output.
import { CommanderError } from 'commander';
import type { CliContext } from './context.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { problemOf } from './failures.js';
import { buildProgram, type ProgramResult } from './program.js';

/** Run `vmshadow ARGV`; never throws. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<ExitCode> {
  const result: ProgramResult = { exit: EXIT.ok };
  try {
    await buildProgram(context, result).parseAsync(argv, { from: 'user' });
    return result.exit;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // Its words are on standard error already.
      if (argv.includes('--json'))
        context.out(JSON.stringify({ error: { code: 'INPUT_INVALID', message: error.message } }, null, 2));
      return EXIT.usage;
    }
    return report(error, argv, context);
  }
}

function report(error: unknown, argv: readonly string[], context: CliContext): ExitCode {
  const problem = problemOf(error);
  // It may quote a file, a host or a guest: nothing of it steers the terminal.
  context.note(`vmshadow: ${problem.message.replace(/[^\P{Cc}\n\t]+/gu, ' ')}`);
  if (problem.unexpected && context.env['VMSHADOW_DEBUG'] !== undefined && error instanceof Error)
    context.note(error.stack ?? '');
  if (argv.includes('--json'))
    context.out(JSON.stringify({ error: { code: problem.code, message: problem.message } }, null, 2));
  return problem.exit;
}
