// A worker's stand-in for the tests: the real driver in a process of its own, inside a host's network namespace, driven by JSON lines on
// standard input. Killing it is what "the worker died" means. Functions and abort signals in arguments travel as references.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { QemuHypervisor, type QemuDriverOptions } from '../../../drivers/qemu/qemu-hypervisor.js';
import { LinkWatchdog } from '../../../drivers/qemu/source/link-watchdog.js';
import type { MoveKey } from '../../../ports/hypervisor.js';

type Reference = { $signal: number; aborted: boolean } | { $function: number };
export type Request =
  { kind: 'call'; id: number; method: string; args: unknown[] } | { kind: 'abort'; signal: number };
export type Reply =
  | { kind: 'value'; id: number; value: unknown }
  | { kind: 'error'; id: number; error: { name: string; code?: unknown; message: string; details?: unknown } }
  | { kind: 'called'; function: number; args: unknown[] };

const say = (reply: Reply): boolean => process.stdout.write(`${JSON.stringify(reply)}\n`);
const note = (fields: object, message: string): boolean =>
  process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
const options = JSON.parse(process.argv[2] ?? '{}') as Omit<QemuDriverOptions, 'logger'>;
const driver = new QemuHypervisor({ ...options, logger: { info: note, warn: note } });
const signals = new Map<number, AbortController>();

/** What the tests need of a host beside the driver. */
const extras = {
  /** One answer of the guest's control service (lab/images/base/guest/control.c). */
  guest: (address: string, command: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: address, port: 7001, timeout: 3_000 });
      socket.on('error', reject);
      socket.on('timeout', () => socket.destroy(new Error(`the guest ${address} does not answer`)));
      socket.write(`${command}\n`);
      createInterface({ input: socket })
        .on('error', reject)
        .once('line', (line) => {
          resolve(JSON.parse(line));
          socket.destroy();
        });
    }),
  /** Watch the link by trying to connect to the peer; resolves when it was lost and the move was cut and cancelled. */
  watch: async (move: MoveKey, peer: { address: string; port: number }): Promise<number> => {
    const lost = new Promise<number>((resolve, reject) => {
      const watchdog = new LinkWatchdog({
        probe: (signal) => reaches(peer, signal),
        intervalMs: 200,
        lossThreshold: 3,
        cutLink: () => driver.cutLink(move),
        onLost: async () => {
          const cutAtMs = Date.now();
          await driver.cancelMemoryCopy(move);
          await driver.cancelDiskCopy(move);
          resolve(cutAtMs);
        },
        onError: reject,
      });
      watchdog.start();
    });
    return lost;
  },
};

function reaches(peer: { address: string; port: number }, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: peer.address, port: peer.port, signal });
    // A refusal is an answer, too: the host is there.
    socket.on('error', (e: NodeJS.ErrnoException) => resolve(e.code === 'ECONNREFUSED'));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function revive(argument: unknown): unknown {
  if (typeof argument !== 'object' || argument === null) return argument;
  if ('$signal' in argument) {
    const controller = new AbortController();
    const { $signal, aborted } = argument as Extract<Reference, { $signal: number }>;
    if (aborted) controller.abort(new Error('aborted by the caller'));
    signals.set($signal, controller);
    return controller.signal;
  }
  if ('$function' in argument) {
    const id = (argument as Reference & { $function: number }).$function;
    return (...args: unknown[]) => say({ kind: 'called', function: id, args });
  }
  return argument;
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const request = JSON.parse(line) as Request;
  if (request.kind === 'abort') {
    signals.get(request.signal)?.abort(new Error('aborted by the caller'));
    return;
  }
  const { id, method } = request;
  const target = method in extras ? extras : driver;
  const call = (target as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!;
  call.apply(target, request.args.map(revive)).then(
    (value) => say({ kind: 'value', id, value: value ?? null }),
    (thrown: unknown) => {
      const { name, code, message, details } = thrown as Error & { code?: unknown; details?: unknown };
      say({ kind: 'error', id, error: { name, code, message, details } });
    },
  );
});
process.stdin.on('close', () => process.exit(0));
