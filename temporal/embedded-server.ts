// The embedded Temporal server: the `temporal` CLI's dev server on a SQLite file, with its web UI. Never started when an operator has
// named a server of their own.
import { access, constants, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { howItEnded, startCommand } from '../os/start-command.js';
import { ATTRIBUTE_TYPES } from './contract/names.js';

export interface EmbeddedServerOptions {
  /** SQLite file; moves survive a restart of the server in it. */
  readonly dbFile: string;
  readonly logFile: string;
  readonly ip?: string;
  readonly port?: number;
  readonly uiPort?: number;
  /** Put in front of the command, e.g. `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  /** Settings of the server beside ours, each `key=JSON`. */
  readonly dynamicConfig?: readonly string[];
}

export interface EmbeddedServer {
  readonly address: string;
  readonly uiAddress: string;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Long polls at a time; the server's own 1,200 would be spent by a few hundred hosts, and a host that may not poll looks dead. */
const MAX_POLLERS = 20_000;
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** Find the `temporal` command: PATH, then the cache that scripts/setup fills. Throws PREREQUISITE. */
async function findTemporalCli(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const cache = join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vmshadow', 'bin');
  for (const dir of [...(env['PATH'] ?? '').split(delimiter), cache]) {
    const path = join(dir, 'temporal');
    const runs = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (dir !== '' && runs) return path;
  }
  throw new VmshadowError(
    'PREREQUISITE',
    'the `temporal` command is neither on the PATH nor in the cache. Run `npm run setup`, or set TEMPORAL_ADDRESS to a server of yours.',
  );
}

/** Start the dev server and wait until it answers (in its own namespace when there is a prefix: then until its log says so). */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { ip = '127.0.0.1', port = 7233, uiPort = 8233, prefix = [], dynamicConfig = [] } = options;
  // Those of a namespace of its own are not ours to try.
  if (prefix.length === 0) await assertFree(ip, { '--port': port, '--ui-port': uiPort });
  const cli = await findTemporalCli();
  await Promise.all([
    mkdir(dirname(options.dbFile), { recursive: true }),
    mkdir(dirname(options.logFile), { recursive: true }),
  ]);
  const attributes = ATTRIBUTE_TYPES.flatMap((a) => ['--search-attribute', a]);
  const [file = cli, ...args] = [
    ...prefix,
    cli,
    ...[
      'server',
      'start-dev',
      '--db-filename',
      options.dbFile,
      '--ip',
      bindAddress(ip),
      '--port',
      String(port),
      '--ui-port',
      String(uiPort),
    ],
    ...['--log-level', 'warn', ...attributes],
    ...[`frontend.namespaceCount=${String(MAX_POLLERS)}`, ...dynamicConfig].flatMap((setting) => [
      '--dynamic-config-value',
      setting,
    ]),
  ];
  const child = startCommand([file, ...args], { detached: true, logFile: options.logFile });
  const stop = async () => {
    child.kill('SIGTERM');
    const late = sleep(STOP_TIMEOUT_MS, 'late' as const, { ref: false });
    if ((await Promise.race([child.ended, late])) === 'late') child.kill('SIGKILL');
    await child.ended;
  };
  const address = `${ip}:${String(port)}`;
  const died = child.ended.then((end) => {
    throw new VmshadowError(
      'CONTROL_PLANE',
      `the embedded Temporal server ${howItEnded(end)} at its start; see ${options.logFile}`,
    );
  });
  died.catch(() => undefined);
  try {
    if (prefix.length === 0) await Promise.race([untilHealthy(address), died]);
    else await Promise.race([sleep(500), died]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, uiAddress: `http://${ip}:${String(uiPort)}`, pid: child.pid ?? 0, stop };
}

/** Throws PREREQUISITE where the server could not listen, naming each port and the option that sets it. */
async function assertFree(ip: string, ports: Readonly<Record<string, number>>): Promise<void> {
  const problems: string[] = [];
  for (const [option, port] of Object.entries(ports)) {
    const problem = await whyNotFree(bindAddress(ip), port);
    if (problem !== null) problems.push(`port ${String(port)} of ${ip} ${problem}; ${option} takes another`);
  }
  if (problems.length === 0) return;
  throw new VmshadowError(
    'PREREQUISITE',
    `the embedded Temporal server cannot start:\n${problems.map((p) => `  - ${p}`).join('\n')}\nTo use a Temporal server that runs already, set TEMPORAL_ADDRESS.`,
  );
}

function whyNotFree(host: string, port: number): Promise<string | null> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      resolve(
        error.code === 'EADDRINUSE'
          ? 'is in use (another `vmshadow dev`, perhaps)'
          : `cannot be listened on (${messageOf(error)})`,
      );
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

/** The dev server's inner services listen on `--ip` but dial each other on loopback: another address alone would cut them apart. */
function bindAddress(ip: string): string {
  return ip.startsWith('127.') ? ip : '0.0.0.0';
}

/** Wait until a server answers health checks for its default namespace. */
export async function untilHealthy(address: string, timeoutMs = START_TIMEOUT_MS): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 2_000 });
      await connection.workflowService.describeNamespace({ namespace: 'default' });
      await connection.close();
      return;
    } catch (error) {
      if (Date.now() > deadlineMs)
        throw new VmshadowError(
          'CONTROL_PLANE',
          `the Temporal server at ${address} did not answer within ${String(timeoutMs / 1000)} s`,
          { cause: error },
        );
      await sleep(200);
    }
  }
}
