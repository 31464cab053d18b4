// One user's VNC session in the demo: the client process in the user's home, and its log of response times read as it grows.
import { existsSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedCommand } from '../../os/start-command.js';
import { VmshadowError } from '../../domain/errors.js';
import { checkoutFolder } from '../images/locate.js';
import { framesOf, readSessionLog, type FrameEvent, type SessionEvent } from '../rfb/session-log.js';
import type { World } from '../net/world.js';

export interface VncSessionOptions {
  readonly user: string;
  readonly address: string;
  readonly port: number;
  readonly logFile: string;
  /** Characters a minute; 0: only looks. */
  readonly typeRate: number;
}

/** A refused connection is quick; a booting guest takes many seconds. */
const RETRY_MS = 1_000;

export class VncSession {
  readonly #logFile: string;
  readonly #child: StartedCommand;

  private constructor(logFile: string, child: StartedCommand) {
    this.#logFile = logFile;
    this.#child = child;
  }

  /** Connect a client, again and again while the guest still boots; resolves when the first frame has come. Throws NETWORK, or on abort. */
  static async start(
    world: World,
    options: VncSessionOptions,
    withinMs: number,
    signal: AbortSignal,
  ): Promise<VncSession> {
    const deadlineMs = Date.now() + withinMs;
    for (;;) {
      signal.throwIfAborted();
      const session = VncSession.#spawn(world, options);
      while (session.alive && session.frames().length === 0 && Date.now() < deadlineMs)
        await sleep(250, undefined, { signal });
      if (session.frames().length > 0) return session;
      await session.stop();
      if (Date.now() >= deadlineMs)
        throw new VmshadowError(
          'NETWORK',
          `the VNC client of ${options.user} shows no frame of ${options.address}:${String(options.port)} within ${String(withinMs / 1000)} s; see ${options.logFile}.err`,
        );
      await sleep(RETRY_MS, undefined, { signal });
    }
  }

  static #spawn(world: World, options: VncSessionOptions): VncSession {
    const main = join(checkoutFolder(), 'dist', 'lab', 'rfb', 'client-main.js');
    const typing = options.typeRate > 0 ? ['--type-rate', String(options.typeRate)] : [];
    const argv = [
      process.execPath,
      main,
      '--host',
      options.address,
      '--port',
      String(options.port),
      '--log',
      options.logFile,
      ...typing,
    ];
    const child = world.spawn(world.user(options.user).clientNamespace, argv, {
      logFile: `${options.logFile}.err`,
      env: { NODE_OPTIONS: '' },
    });
    return new VncSession(options.logFile, child);
  }

  get alive(): boolean {
    return this.#child.end === null;
  }

  /** All that the client has logged so far. */
  events(): SessionEvent[] {
    return existsSync(this.#logFile) ? readSessionLog(this.#logFile) : [];
  }

  frames(): FrameEvent[] {
    return framesOf(this.events());
  }

  /** The kernel's names (inodes) of the client's TCP sockets: the same ones before and after prove one connection. */
  async sockets(): Promise<string[]> {
    const folder = `/proc/${String(this.#child.pid)}/fd`;
    const names = await readdir(folder).catch(() => []);
    const links = await Promise.all(names.map((n) => readlink(join(folder, n)).catch(() => '')));
    return links.filter((l) => l.startsWith('socket:')).sort();
  }

  /** End the client and wait for it. */
  async stop(): Promise<void> {
    if (!this.alive) return;
    this.#child.kill('SIGTERM');
    await this.#child.ended;
  }
}
