// One QMP connection over a unix socket: commands (in order, or out of band), their time limits, and a bounded history of events.
// QEMU serves one client at a time: a second one connects but gets no greeting until the first has gone. A connection that is lost
// rejects everything pending with QMP_LOST and is not used again; the caller connects anew (monitors.ts).
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { VmshadowError } from '../../../domain/errors.js';

export interface QmpEvent {
  /** Running number on this connection, from 1. */
  readonly seq: number;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** QEMU's clock, ms since 1970. */
  readonly atMs: number;
}

export interface CommandOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface WaitOptions extends CommandOptions {
  /** Look at the history from this event on (exclusive); without it, only at events to come. */
  readonly since?: number;
}

/** A command of QEMU answers in ms; one that drains a dead NBD connection may take long, and then the caller yanks. */
const COMMAND_TIMEOUT_MS = 20_000;
/** The greeting comes at once unless another client holds the monitor. */
const GREETING_TIMEOUT_MS = 5_000;
/** A move makes some dozens of events; MIGRATION_PASS, which may come thousands of times a second, is kept once. */
const HISTORY = 512;
const FLOODING = new Set(['MIGRATION_PASS']);

const Message = z.union([
  z.object({
    event: z.string(),
    data: z.record(z.string(), z.unknown()).default({}),
    timestamp: z.object({ seconds: z.number(), microseconds: z.number() }),
  }),
  z.object({ return: z.unknown(), id: z.string() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.string().optional() }),
]);

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}
type Listener = (event: QmpEvent) => void;

export class QmpClient {
  readonly name: string;
  readonly #socket: Socket;
  readonly #pending = new Map<string, Pending>();
  readonly #listeners = new Set<Listener>();
  readonly #lostListeners = new Set<(error: Error) => void>();
  #history: QmpEvent[] = [];
  #seq = 0;
  #nextId = 1;
  #lost: VmshadowError | null = null;

  private constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
  }

  /** Connect and negotiate out-of-band commands. `name` stands in messages. Throws QMP_LOST when nobody answers. */
  static async connect(path: string, name: string, options: CommandOptions = {}): Promise<QmpClient> {
    const socket = connect(path);
    const client = new QmpClient(name, socket);
    const timeoutMs = options.timeoutMs ?? GREETING_TIMEOUT_MS;
    const greeting = new Promise<void>((resolve, reject) => {
      const lost = (error: Error): void => reject(error);
      client.#lostListeners.add(lost);
      const lines = createInterface({ input: socket, crlfDelay: Infinity });
      // readline repeats the errors of its input.
      lines.on('error', () => undefined);
      lines.once('line', () => {
        client.#lostListeners.delete(lost);
        lines.on('line', (line) => client.#receive(line));
        resolve();
      });
    });
    socket.on('error', (error) => client.#lose(error.message));
    socket.on('close', () => client.#lose('the connection was closed'));
    const timer = setTimeout(
      () =>
        client.#lose(`no greeting within ${timeoutMs} ms: does another process hold the monitor ${path}?`),
      timeoutMs,
    );
    const onAbort = (): void => client.#lose('aborted');
    options.signal?.addEventListener('abort', onAbort);
    try {
      await greeting;
      await client.execute('qmp_capabilities', { enable: ['oob'] }, { timeoutMs });
      return client;
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
    }
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Number of the newest event; give it to `waitFor` as `since` before the command that causes the event. */
  get lastSeq(): number {
    return this.#seq;
  }

  /** Execute a command; give its result. Throws QMP with QEMU's class and description, QMP_LOST when the connection goes or is silent. */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options: CommandOptions = {},
  ): Promise<unknown> {
    return this.#send('execute', command, args, options);
  }

  /** Execute out of band: answered even while a command hangs. Only `yank`, `migrate-pause` and few others may be. */
  executeOob(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    options: CommandOptions = {},
  ): Promise<unknown> {
    return this.#send('exec-oob', command, args, options);
  }

  /** Wait for an event that `matches`; throw QMP_LOST when the connection goes, QMP after `timeoutMs`. */
  waitFor(matches: (event: QmpEvent) => boolean, what: string, options: WaitOptions = {}): Promise<QmpEvent> {
    if (options.since !== undefined) {
      const since = options.since;
      const seen = this.#history.find((e) => e.seq > since && matches(e));
      if (seen !== undefined) return Promise.resolve(seen);
    }
    return this.#untilSettled<QmpEvent>(what, options, (resolve) => {
      const listener: Listener = (event) => {
        if (matches(event)) resolve(event);
      };
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    });
  }

  /** Hang up; QEMU then takes the next client. */
  close(): void {
    this.#lose('closed by this side');
  }

  async #send(
    verb: 'execute' | 'exec-oob',
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    options: CommandOptions,
  ): Promise<unknown> {
    const id = String(this.#nextId++);
    const limits = { timeoutMs: COMMAND_TIMEOUT_MS, ...options };
    return this.#untilSettled(`the answer to ${command}`, limits, (resolve, reject) => {
      this.#pending.set(id, { command, resolve, reject });
      this.#socket.write(`${JSON.stringify({ [verb]: command, ...(args && { arguments: args }), id })}\n`);
      return () => this.#pending.delete(id);
    });
  }

  /** Run `start` until it settles, the connection is lost, the time is up or the signal aborts; then undo what `start` registered. */
  #untilSettled<T>(
    what: string,
    { timeoutMs, signal }: CommandOptions,
    start: (resolve: (value: T) => void, reject: (error: Error) => void) => () => unknown,
  ): Promise<T> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    if (signal?.aborted === true) return Promise.reject(abortReason(signal));
    let cleanUp: () => void = () => undefined;
    return new Promise<T>((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(
              () =>
                reject(
                  new VmshadowError('QMP_LOST', `${this.name}: ${what} did not come within ${timeoutMs} ms`),
                ),
              timeoutMs,
            );
      const onAbort = (): void => reject(abortReason(signal));
      signal?.addEventListener('abort', onAbort);
      this.#lostListeners.add(reject);
      const undo = start(resolve, reject);
      cleanUp = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        this.#lostListeners.delete(reject);
        undo();
      };
    }).finally(() => cleanUp());
  }

  #receive(line: string): void {
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      this.#lose(`sent a line that is no JSON: ${line.slice(0, 100)}`);
      return;
    }
    const parsed = Message.safeParse(json);
    if (!parsed.success) return;
    const message = parsed.data;
    if ('event' in message) {
      this.#record(message.event, message.data, message.timestamp);
      return;
    }
    const pending = message.id === undefined ? undefined : this.#pending.get(message.id);
    // The answer to a command whose caller gave up is of no use to anybody.
    if (pending === undefined) return;
    if ('error' in message) {
      const { class: errorClass, desc } = message.error;
      pending.reject(
        new VmshadowError('QMP', `${this.name}: ${pending.command}: ${desc}`, {
          details: { command: pending.command, class: errorClass, description: desc },
        }),
      );
    } else pending.resolve(message.return);
  }

  #record(
    name: string,
    data: Readonly<Record<string, unknown>>,
    time: { seconds: number; microseconds: number },
  ): void {
    const event = { seq: ++this.#seq, name, data, atMs: time.seconds * 1000 + time.microseconds / 1000 };
    if (FLOODING.has(name)) this.#history = this.#history.filter((e) => e.name !== name);
    this.#history.push(event);
    if (this.#history.length > HISTORY) this.#history.shift();
    for (const listener of [...this.#listeners]) listener(event);
  }

  #lose(why: string): void {
    if (this.#lost !== null) return;
    const error = new VmshadowError('QMP_LOST', `${this.name}: the monitor is lost: ${why}`);
    this.#lost = error;
    this.#socket.destroy();
    for (const reject of [...this.#lostListeners]) reject(error);
    this.#lostListeners.clear();
    this.#pending.clear();
    this.#listeners.clear();
  }
}

function abortReason(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted');
}
