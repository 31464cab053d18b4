// Runs the real `vmshadow` command as a process of its own. Needs `npm run build`.
import { fileURLToPath } from 'node:url';
import { startCommand, type StartedCommand } from '../../os/start-command.js';

export const VMSHADOW_BIN = fileURLToPath(new URL('../../bin/vmshadow.js', import.meta.url));

export interface Ran {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/** A command under way: what it has printed so far, and its end. */
export class Vmshadow {
  readonly child: StartedCommand;
  readonly ended: Promise<Ran>;
  out = '';
  err = '';

  constructor(argv: readonly string[], { cwd, env }: RunOptions = {}) {
    this.child = startCommand([process.execPath, VMSHADOW_BIN, ...argv], {
      ...(cwd === undefined ? {} : { cwd }),
      env: { NODE_OPTIONS: '', TEMPORAL_ADDRESS: '', ...env },
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => (this.out += text));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.err += text));
    this.ended = this.child.ended.then(({ exitCode }) => ({ exit: exitCode, out: this.out, err: this.err }));
  }

  /** Wait until it has printed `text` (to either stream); fails when it ends before or takes too long. */
  async untilPrinted(text: string, withinMs: number): Promise<void> {
    const deadlineMs = Date.now() + withinMs;
    while (!this.out.includes(text) && !this.err.includes(text)) {
      if (this.child.end !== null || Date.now() > deadlineMs)
        throw new Error(`vmshadow did not print ${JSON.stringify(text)}: ${this.out}${this.err}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ask it to end, as Ctrl-C does, and wait for it. */
  interrupt(): Promise<Ran> {
    this.child.kill('SIGINT');
    return this.ended;
  }
}

/** Run `vmshadow ARGV` to its end. */
export function vmshadow(argv: readonly string[], options?: RunOptions): Promise<Ran> {
  return new Vmshadow(argv, options).ended;
}
