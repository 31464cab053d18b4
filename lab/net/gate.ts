// Makes a TCP port inside a namespace reachable from the machine's own loopback, and from there only: a listener on 127.0.0.1 in this
// process, a unix socket (which namespaces do not separate), and a small forwarder inside. For the Temporal UI and a VNC viewer.
import { rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { VmshadowError } from '../../domain/errors.js';
import { howItEnded, type StartedCommand } from '../../os/start-command.js';
import { checkoutFolder } from '../images/locate.js';
import type { World } from './world.js';

export interface GateTarget {
  readonly namespace: string;
  /** Address and TCP port as they are inside the namespace. */
  readonly address: string;
  readonly port: number;
  /** Port on 127.0.0.1; 0 or absent: any free one. */
  readonly localPort?: number;
}

const START_TIMEOUT_MS = 15_000;
let opened = 0;

export class Gate {
  /** Port on 127.0.0.1 at which the target answers. */
  readonly port: number;
  readonly #server: Server;
  readonly #connections: ReadonlySet<Socket>;
  readonly #inner: StartedCommand;

  private constructor(server: Server, connections: ReadonlySet<Socket>, inner: StartedCommand, port: number) {
    this.#server = server;
    this.#connections = connections;
    this.#inner = inner;
    this.port = port;
  }

  /** Open a gate; it ends with `close`, with this process, or with the world. Whether the target listens is not asked. Throws NETWORK. */
  static async open(world: World, target: GateTarget): Promise<Gate> {
    const path = join(world.folder, `gate-${String(process.pid)}-${String(opened++)}.sock`);
    rmSync(path, { force: true });
    const inner = await startInner(world, target, path);
    const connections = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (outer) => {
      const through = connect({ path, allowHalfOpen: true });
      outer.pipe(through).pipe(outer);
      outer.on('error', () => through.destroy());
      through.on('error', () => outer.destroy());
      connections.add(outer);
      outer.on('close', () => {
        connections.delete(outer);
        through.destroy();
      });
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(target.localPort ?? 0, '127.0.0.1', resolve);
      });
    } catch (error) {
      inner.kill();
      throw new VmshadowError(
        'NETWORK',
        `A gate cannot listen on 127.0.0.1:${String(target.localPort ?? 0)}: is the port taken?`,
        {
          cause: error,
        },
      );
    }
    const address = server.address();
    return new Gate(
      server,
      connections,
      inner,
      typeof address === 'object' && address !== null ? address.port : 0,
    );
  }

  /** Close it and every connection through it. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    this.#inner.kill();
    await closed;
  }
}

async function startInner(world: World, target: GateTarget, path: string): Promise<StartedCommand> {
  const script = join(checkoutFolder(), 'lab', 'net', 'gate-inner.js');
  const inner = world.spawn(
    target.namespace,
    [process.execPath, script, path, target.address, String(target.port)],
    {
      // Options of this process (tsx, jest) would slow it down.
      env: { NODE_OPTIONS: '' },
    },
  );
  await new Promise<void>((resolve, reject) => {
    let stderr = '';
    const fail = (why: string) =>
      reject(
        new VmshadowError(
          'NETWORK',
          `The gate into ${target.namespace} did not open: ${why}. ${stderr.slice(-300)}`,
        ),
      );
    const timer = setTimeout(() => {
      inner.kill();
      fail(`not ready after ${String(START_TIMEOUT_MS)} ms`);
    }, START_TIMEOUT_MS);
    inner.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    inner.stdout.once('data', () => {
      clearTimeout(timer);
      resolve();
    });
    void inner.ended.then((end) => {
      clearTimeout(timer);
      fail(`it ${howItEnded(end)}`);
    });
  });
  return inner;
}
