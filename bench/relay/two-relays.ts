// The two relays of a move as the processes that they are, on this machine: a program plays QEMU at the source, another takes the stream at the
// target. What each relay used of a core is the kernel's own count.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HostRef } from '../../domain/model/ids.js';
import { createAuthority, issueHost } from '../../drivers/peers/pki.js';
import { startCommand, type StartedCommand } from '../../os/start-command.js';
import type { RelayStatus } from '../../transfer/relay/relay.js';
import { VMSHADOW_BIN } from '../../test/support/vmshadow.js';
import { freePort } from '../../test/support/free-port.js';
import { askRelay } from './relay-status.js';

export const ENDS = ['source', 'target'] as const;
export type End = (typeof ENDS)[number];

/** What one part of a stream took. */
export interface Played {
  readonly bytes: number;
  readonly seconds: number;
  /** CPU seconds of each relay, all its threads. */
  readonly cpu: Readonly<Record<End, number>>;
  readonly sent: RelayStatus['streams']['memory'];
}

const refOf = (end: End): HostRef => HostRef.parse({ site: end, host: 'h1' });
/** The kernel's clock ticks a second (USER_HZ), fixed on Linux. */
const TICKS = 100;
const UP_WITHIN_MS = 90_000;

/** Folders and certificates of both hosts; caches outlive a pair of relays. */
export class RelayBench {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<RelayBench> {
    const bench = new RelayBench(await mkdtemp(join(tmpdir(), 'vmsrelaybench-')));
    await createAuthority(join(bench.folder, 'ca'));
    for (const end of ENDS)
      await issueHost(
        join(bench.folder, 'ca'),
        { ...refOf(end), addresses: ['127.0.0.1'] },
        join(bench.folder, end),
      );
    return bench;
  }

  /** Give up what the hosts know of earlier streams. */
  async forget(): Promise<void> {
    for (const end of ENDS) await rm(this.cacheOf(end), { recursive: true, force: true });
  }

  cacheOf(end: End): string {
    return join(this.folder, end, 'cache');
  }

  /** Start both relays, each with these options of Node's. */
  async start(nodeOptions: (end: End) => readonly string[] = () => []): Promise<RelayPair> {
    for (const end of ENDS) await mkdir(this.cacheOf(end), { recursive: true });
    return RelayPair.start(this, nodeOptions);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

class RelayPair {
  readonly #bench: RelayBench;
  readonly #relays: Readonly<Record<End, StartedCommand>>;
  readonly #program: Server;
  #taken = 0;
  #hash = createHash('sha256');

  private constructor(bench: RelayBench, relays: Readonly<Record<End, StartedCommand>>, program: Server) {
    this.#bench = bench;
    this.#relays = relays;
    this.#program = program;
    program.on('connection', (socket: Socket) => {
      socket.on('data', (bytes: Buffer) => {
        this.#taken += bytes.length;
        this.#hash.update(bytes);
      });
      socket.on('error', () => undefined);
      socket.on('end', () => socket.end());
    });
  }

  static async start(bench: RelayBench, nodeOptions: (end: End) => readonly string[]): Promise<RelayPair> {
    const [disk, memory] = [await freePort(), await freePort()];
    const path = (end: End, name: string): string => join(bench.folder, end, name);
    const at = (port: number) => ({ address: '127.0.0.1', port });
    const program = createServer({ allowHalfOpen: true });
    await rm(path('target', 'memory'), { force: true });
    await new Promise<void>((resolve) => program.listen(path('target', 'memory'), resolve));
    const endOf = {
      source: {
        role: 'source',
        disk: { listen: path('source', 'disk'), connect: at(disk) },
        memory: { listen: path('source', 'memory'), connect: at(memory) },
      },
      target: {
        role: 'target',
        from: refOf('source'),
        disk: { listen: at(disk), connect: path('target', 'disk') },
        memory: { listen: at(memory), connect: path('target', 'memory') },
      },
    };
    const start = async (end: End): Promise<StartedCommand> => {
      const spec = {
        status: path(end, 'status'),
        pkiDir: path(end, ''),
        runAs: null,
        cache: { folder: bench.cacheOf(end), limitBytes: 2 ** 32 },
        end: endOf[end],
      };
      const pidFile = path(end, 'pid');
      await rm(pidFile, { force: true });
      const argv = [...nodeOptions(end), VMSHADOW_BIN, 'relay', '--pidfile', pidFile];
      const child = startCommand([process.execPath, ...argv, '--spec', JSON.stringify(spec)], {
        logFile: path(end, 'log'),
        env: { NODE_OPTIONS: '' },
      });
      for (const until = Date.now() + UP_WITHIN_MS; ;) {
        if ((await readFile(pidFile, 'utf8').catch(() => '')) !== '') return child;
        if (child.end !== null || Date.now() > until)
          throw new Error(`the relay did not start: ${await readFile(path(end, 'log'), 'utf8')}`);
        await sleep(10);
      }
    };
    return new RelayPair(bench, { target: await start('target'), source: await start('source') }, program);
  }

  /** Play the parts of one stream, each when the one before has arrived; throw where what arrives is not what was sent. */
  async play(parts: readonly (readonly Buffer[])[]): Promise<Played[]> {
    const socket = connect({ path: join(this.#bench.folder, 'source', 'memory') });
    const failed = once(socket, 'close').then(() => {
      throw new Error('the relay hung up');
    });
    failed.catch(() => undefined);
    this.#taken = 0;
    this.#hash = createHash('sha256');
    const hash = createHash('sha256');
    const played: Played[] = [];
    let total = 0;
    for (const part of parts) {
      const before = { at: performance.now(), cpu: await this.#cpu(), sent: await this.#sent() };
      const bytes = part.reduce((sum, { length }) => sum + length, 0);
      for (const piece of part) {
        hash.update(piece);
        if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), failed]);
      }
      total += bytes;
      while (this.#taken < total) await Promise.race([sleep(2), failed]);
      const seconds = (performance.now() - before.at) / 1_000;
      const [cpu, sent] = [await this.#cpu(), await this.#sent()];
      played.push({
        bytes,
        seconds,
        cpu: { source: cpu.source - before.cpu.source, target: cpu.target - before.cpu.target },
        sent: since(before.sent, sent),
      });
    }
    socket.end();
    await failed.catch(() => undefined);
    if (!this.#hash.digest().equals(hash.digest())) throw new Error('what arrived is not what was sent');
    return played;
  }

  async stop(): Promise<void> {
    for (const end of ENDS) {
      this.#relays[end].kill('SIGTERM');
      await this.#relays[end].ended;
    }
    await new Promise((resolve) => this.#program.close(resolve));
  }

  async #cpu(): Promise<Record<End, number>> {
    const of = async (end: End): Promise<number> => {
      const stat = await readFile(`/proc/${String(this.#relays[end].pid)}/stat`, 'utf8');
      // After the name, which may hold anything: state is field 3, utime and stime are 14 and 15.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[11]) + Number(fields[12])) / TICKS;
    };
    return { source: await of('source'), target: await of('target') };
  }

  async #sent(): Promise<RelayStatus['streams']['memory']> {
    return (await askRelay(join(this.#bench.folder, 'source', 'status'))).streams.memory;
  }
}

function since(
  before: RelayStatus['streams']['memory'],
  now: RelayStatus['streams']['memory'],
): RelayStatus['streams']['memory'] {
  const less = <T extends Readonly<Record<string, number>>>(a: T, b: T): T =>
    Object.fromEntries(Object.entries(b).map(([key, value]) => [key, value - (a[key] ?? 0)])) as T;
  return {
    raw: less(before.raw, now.raw),
    stored: less(before.stored, now.stored),
    wireBytes: now.wireBytes - before.wireBytes,
    pathBytesPerSecond: now.pathBytesPerSecond,
  };
}
