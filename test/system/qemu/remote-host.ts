// The test's end of a host agent: starts it in a namespace, and gives the driver there as an object with the port's own type.
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Hypervisor, MoveKey } from '../../../ports/hypervisor.js';
import type { HostRef } from '../../../domain/model/ids.js';
import { VmshadowError, type ErrorCode, type ErrorDetails } from '../../../domain/errors.js';
import type { QemuOptions } from '../../../drivers/qemu/process/qemu-host.js';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';
import type { Reply, Request } from './host-agent.js';

const agent = fileURLToPath(new URL('./host-agent.ts', import.meta.url));

/** What the guest's control service tells (lab/images/base/guest/control.c), as far as the tests look. */
export interface GuestStatus {
  readonly uptimeMs: number;
  /** The guest's wall clock, ms since 1970. */
  readonly clockMs: number;
  readonly disk: { readonly blocksWritten: number; readonly errors: number; readonly longestWriteMs: number };
  readonly verify: { readonly done: boolean; readonly blocks: number; readonly bad: number };
  readonly memory: { readonly pagesTouched: number; readonly errors: number };
  /** `secureBoot`: what the firmware says now. */
  readonly variable: { readonly writes: number; readonly errors: number; readonly secureBoot: boolean };
  /** `fault`: of the last error the check (1: not what memory says, 2: refused, 3: unchanged) times 2^32, and what the TPM or the system said. */
  readonly tpm: {
    readonly counter: number;
    readonly writes: number;
    readonly errors: number;
    readonly fault: number;
  };
}
export interface HostCalls extends Hypervisor {
  guest(address: string, command: 'status' | 'verify'): Promise<GuestStatus>;
  watch(move: MoveKey, peer: { address: string; port: number }): Promise<number>;
}

export class RemoteHost {
  readonly options: QemuOptions;
  readonly namespace: string;
  readonly self: HostRef;
  readonly driver: HostCalls;
  #child: StartedCommand | null = null;
  #nextId = 1;
  readonly #pending = new Map<number, { resolve: (v: unknown) => void; reject: (e: Error) => void }>();
  readonly #functions = new Map<number, (...args: unknown[]) => void>();
  stderr = '';

  constructor(namespace: string, self: HostRef, options: QemuOptions) {
    this.namespace = namespace;
    this.self = self;
    this.options = options;
    this.driver = new Proxy({} as HostCalls, {
      get: (_, method) => (typeof method === 'string' ? this.#method(method) : undefined),
    });
    this.start();
  }

  /** Start the worker (again). */
  start(): void {
    const argv = ['netns', 'exec', this.namespace, process.execPath, '--import', 'tsx', agent];
    const child = startCommand(['ip', ...argv, JSON.stringify(this.options)], {
      stdin: 'pipe',
      env: { NODE_OPTIONS: '' },
    });
    this.#child = child;
    child.stderr.on('data', (d: Buffer) => (this.stderr += d.toString()));
    createInterface({ input: child.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Reply));
    void child.ended.then(() => {
      for (const { reject } of this.#pending.values()) reject(new Error('the worker died'));
      this.#pending.clear();
    });
  }

  /** Kill the worker as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    child?.kill('SIGKILL');
    await child?.ended;
  }

  #method(method: string): (...args: unknown[]) => Promise<unknown> {
    return (...args) =>
      new Promise((resolve, reject) => {
        const id = this.#nextId++;
        this.#pending.set(id, { resolve, reject });
        this.#send({ kind: 'call', id, method, args: args.map((a) => this.#refer(a)) });
      });
  }

  #refer(argument: unknown): unknown {
    if (argument instanceof AbortSignal) {
      const signal = this.#nextId++;
      argument.addEventListener('abort', () => this.#send({ kind: 'abort', signal }));
      return { $signal: signal, aborted: argument.aborted };
    }
    if (typeof argument === 'function') {
      const id = this.#nextId++;
      this.#functions.set(id, argument as (...args: unknown[]) => void);
      return { $function: id };
    }
    return argument;
  }

  #send(request: Request): void {
    this.#child?.stdin.write(`${JSON.stringify(request)}\n`);
  }

  #hear(reply: Reply): void {
    if (reply.kind === 'called') {
      this.#functions.get(reply.function)?.(...reply.args);
      return;
    }
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (reply.kind === 'value') pending?.resolve(reply.value);
    else {
      const { code, message, details } = reply.error;
      pending?.reject(
        typeof code === 'string' && reply.error.name === 'VmshadowError'
          ? new VmshadowError(code as ErrorCode, message, { details: (details ?? {}) as ErrorDetails })
          : new Error(message),
      );
    }
  }
}
