// Runs a command to its end, without a shell, with bounded output and an abort signal. With start-command.ts the only importer of execa.
import { execa, ExecaError } from 'execa';
import { VmshadowError } from '../domain/errors.js';

export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds; the command is killed after it. */
  readonly timeoutMs?: number;
  /** Given on standard input. */
  readonly input?: string;
  /** Told what it says on standard output while it runs. */
  readonly onOutput?: (text: string) => void;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

/** A minute: every command of ours is short; what takes longer says so. */
const DEFAULT_TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;
/** Temporal cuts failures at 4 KiB. */
const MAX_STDERR_CHARS = 600;

/** Run `argv` without a shell and give its standard output; throw COMMAND with the end of its standard error when it fails. */
export async function runCommand(
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<string> {
  const [file, ...args] = argv;
  try {
    const running = execa(file, args, {
      timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const { onOutput } = options;
    if (onOutput !== undefined) running.stdout.on('data', (part: Buffer) => onOutput(part.toString()));
    return (await running).stdout;
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const stderr = (typeof error.stderr === 'string' ? error.stderr : '').trim().slice(-MAX_STDERR_CHARS);
    const why =
      error.code === 'ENOENT' ? 'the program is not installed' : stderr === '' ? error.shortMessage : stderr;
    throw new VmshadowError('COMMAND', `${[file, ...args].join(' ').slice(0, 200)}: ${why}`, {
      cause: error,
      details: { exitCode: error.exitCode ?? null },
    });
  }
}
