// Calls into helper processes that run in a network namespace: one JSON object a line, over their standard input and output.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  isVmshadowError,
  messageOf,
  VmshadowError,
  type ErrorCode,
  type ErrorDetails,
} from '../../domain/errors.js';
import { startCommand, type CommandEnd, type StartedCommand } from '../../os/start-command.js';

/** A second or two; on a machine that does other things first, much more. */
const START_TIMEOUT_MS = 80_000;

export class Helper {
  readonly #child: StartedCommand;
  readonly #waiting = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>();
  #nextId = 1;
  #errors = '';
  readonly exited: Promise<CommandEnd>;

  private constructor(child: StartedCommand) {
    this.#child = child;
    this.exited = child.ended;
    child.stderr.on('data', (d: Buffer) => (this.#errors = (this.#errors + d.toString()).slice(-4000)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as { id: number; result?: unknown; error?: SentError };
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.result);
      else waiting?.reject(received(answer.error));
    });
    void this.exited.then(() => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the helper has ended: ${this.#errors}`));
    });
  }

  /** Run a script in a namespace, by way of `wrapper` if there is one (a command line that takes another). */
  static spawn(namespace: string, script: URL, wrapper: readonly string[] = []): Helper {
    const node = [...wrapper, process.execPath, '--import', 'tsx', fileURLToPath(script)];
    return new Helper(startCommand(['ip', 'netns', 'exec', namespace, ...node], { stdin: 'pipe' }));
  }

  /** Call its `start`. */
  async ready(options: unknown): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not started: ${this.#errors}`)), START_TIMEOUT_MS);
    });
    await Promise.race([this.call('start', options), late]).finally(() => clearTimeout(timer));
  }

  async call<T = unknown>(method: string, ...args: unknown[]): Promise<T> {
    const id = this.#nextId++;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (v: unknown) => void, reject });
      this.#child.stdin.write(`${JSON.stringify({ id, method, args })}\n`);
    });
  }

  /** What the helper wrote to standard error lately. */
  get errors(): string {
    return this.#errors;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.exited;
  }
}

interface SentError {
  readonly message: string;
  readonly code: ErrorCode | null;
  readonly details: ErrorDetails;
}

function sent(error: unknown): SentError {
  if (isVmshadowError(error)) return { message: error.message, code: error.code, details: error.details };
  return { message: messageOf(error), code: null, details: {} };
}

function received({ message, code, details }: SentError): Error {
  return code === null ? new Error(message) : new VmshadowError(code, message, { details });
}

/** Serve calls in a helper process. */
export function serve(methods: Record<string, (...args: never[]) => unknown>): void {
  createInterface({ input: process.stdin })
    .on('line', (line) => {
      const { id, method, args } = JSON.parse(line) as { id: number; method: string; args: never[] };
      const answer = (value: object) => process.stdout.write(`${JSON.stringify({ id, ...value })}\n`);
      Promise.resolve()
        .then(() => methods[method]!(...args))
        .then(
          (result) => answer({ result }),
          (e: unknown) => answer({ error: sent(e) }),
        );
    })
    .on('close', () => process.exit(0));
}

/** An object elsewhere as if it were here: any method, asked by `call`, and what is `known` of it beside. */
export function remote(
  call: (method: string, args: unknown[]) => Promise<unknown>,
  known: object = {},
): object {
  return new Proxy(known, {
    get: (target, name) =>
      typeof name !== 'string' || name === 'then' || name in target
        ? (Reflect.get(target, name) as unknown)
        : (...args: unknown[]) => call(name, args),
  });
}
