// Where a command prints and what it knows of its surroundings; given to every command, so that tests can give another one.
// Data goes to standard output, everything else to standard error.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

export interface CliContext {
  /** Print a line (or several) of data. */
  out(text: string): void;
  /** Print a line about what goes on; never data. */
  note(text: string): void;
  /** Whether standard output is a terminal that can be redrawn. */
  readonly interactive: boolean;
  /** Ask at the terminal and give the line that is typed (empty when it ends without one); null where standard input is no terminal. */
  readonly ask: ((question: string) => Promise<string>) | null;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The context of this process. */
export function processContext(): CliContext {
  return {
    out: (text) => writeAll(1, `${text}\n`),
    note: (text) => writeAll(2, `${text}\n`),
    interactive: process.stdout.isTTY && process.env['TERM'] !== 'dumb',
    ask: process.stdin.isTTY ? askAtTerminal : null,
    env: process.env,
  };
}

/** The question is no data: it goes to standard error. */
async function askAtTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise<string>((resolve) => {
      terminal.once('close', () => resolve(''));
      terminal.question(question, resolve);
    });
  } finally {
    terminal.close();
  }
}

/** Write everything at once, so that nothing is lost when the process exits; a reader that went away (`| head`) ends it quietly. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'EPIPE') process.exit(0);
      if (code !== 'EAGAIN') throw error;
      // A pipe whose reader is slow: wait a little without giving up the order of the output.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
