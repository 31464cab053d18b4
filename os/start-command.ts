// Starts a program that runs on beside us, without a shell: what it says is read while it runs, or goes to a file. `runCommand` is for
// those that are waited for. With run-command.ts the only importer of execa.
import { closeSync, openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { execa, type Options, type ResultPromise } from 'execa';
import { VmshadowError } from '../domain/errors.js';

/** execa takes any descriptor; its types only know the first ones. */
type Descriptor = 3;

export interface StartOptions {
  /** A file, or the output of another command, is handed over as it is: what flows does not pass through this process. */
  readonly stdin?: 'ignore' | 'pipe' | Readable | { readonly file: string };
  /** `pipe` unless it is said otherwise: then it must be read, or it is thrown away. */
  readonly stdout?: 'ignore' | 'pipe' | 'inherit';
  readonly stderr?: 'ignore' | 'pipe' | 'inherit';
  /** Standard output and error are appended to it by the program itself: no pipe is left that would end with us. */
  readonly logFile?: string;
  /** In a process group of its own, and not ended with this process; otherwise it gets SIGTERM when this process ends in order. */
  readonly detached?: boolean;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** How a command ended: with a code, by a signal, or not started at all. */
export interface CommandEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly startError: Error | null;
}

export class StartedCommand {
  readonly #child: ResultPromise;
  #end: CommandEnd | null = null;
  /** Its end, with all that it said read or thrown away. Never rejects. */
  readonly ended: Promise<CommandEnd>;

  // execa's subprocess is a thenable: an async function that returned it would wait for its end.
  constructor(child: ResultPromise) {
    this.#child = child;
    this.ended = this.#untilEnd();
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** How it ended; null while it runs. */
  get end(): CommandEnd | null {
    return this.#end;
  }

  /** The program's standard input; throws INTERNAL where it is no pipe. */
  get stdin(): Writable {
    return piped(this.#child.stdin, 'standard input');
  }

  /** What the program says; throws INTERNAL where it is no pipe. */
  get stdout(): Readable {
    return piped(this.#child.stdout, 'standard output');
  }

  /** What it complains about; throws INTERNAL where it is no pipe. */
  get stderr(): Readable {
    return piped(this.#child.stderr, 'standard error');
  }

  /** Send it a signal; one that has ended gets none. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** Let this process end while the command runs. */
  unref(): void {
    this.#child.unref();
  }

  async #untilEnd(): Promise<CommandEnd> {
    const { exitCode, signal, cause } = await this.#child;
    const started = exitCode !== undefined || signal !== undefined;
    this.#end = {
      exitCode: exitCode ?? null,
      signal: signal ?? null,
      startError: started ? null : (cause as Error),
    };
    return this.#end;
  }
}

/** Start `argv`; whether it could be started is told by `ended`. Throws when a file of its options cannot be opened. */
export function startCommand(
  argv: readonly [string, ...string[]],
  options: StartOptions = {},
): StartedCommand {
  const [file, ...args] = argv;
  const { stdin = 'ignore', stdout = 'pipe', stderr = 'pipe', logFile, detached = false, env, cwd } = options;
  const opened: number[] = [];
  const open = (path: string, flags: 'r' | 'a') => {
    // A log may tell what only its owner should know.
    opened.push(openSync(path, flags, 0o600));
    return opened.at(-1) as Descriptor;
  };
  try {
    const log = logFile === undefined ? null : open(logFile, 'a');
    const how: Options = {
      buffer: false,
      reject: false,
      stdin: typeof stdin === 'object' && 'file' in stdin ? open(stdin.file, 'r') : stdin,
      stdout: log ?? stdout,
      stderr: log ?? stderr,
      detached,
      cleanup: !detached,
      forceKillAfterDelay: false,
      ...(env === undefined ? {} : { env }),
      ...(cwd === undefined ? {} : { cwd }),
    };
    return new StartedCommand(execa(file, args, how));
  } finally {
    opened.forEach((descriptor) => closeSync(descriptor));
  }
}

/** Say how it ended: `ended with exit code 1`. */
export function howItEnded({ exitCode, signal, startError }: CommandEnd): string {
  if (startError !== null) return `could not be started: ${startError.message}`;
  return `ended with ${signal ?? `exit code ${String(exitCode)}`}`;
}

function piped<T>(stream: T | null | undefined, what: string): T {
  if (stream === null || stream === undefined)
    throw new VmshadowError('INTERNAL', `the ${what} of this command is no pipe: see its StartOptions`);
  return stream;
}
