// `vmshadow dev`: an embedded Temporal server and the manager on this machine. A server that the environment names is used instead.
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../domain/errors.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { Ipv4, Port } from '../../domain/model/address.js';
import { integer, parseArguments, usageError } from '../arguments.js';
import { loadConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { untilStopped } from '../daemon.js';
import { EXAMPLE_CLOUD, MAKE_EXAMPLE_CLOUD } from '../example-config.js';
import { makeLogger } from '../logger.js';

const Options = z.object({
  config: z.string().default('vmshadow.yaml'),
  db: z.string().min(1).default('.vmshadow/temporal.db'),
  ip: Ipv4.default('127.0.0.1'),
  port: integer.pipe(Port).optional(),
  uiPort: integer.pipe(Port).optional(),
  insecure: z.boolean().default(false),
  web: z.boolean().default(true),
  webPort: integer.pipe(Port).optional(),
  example: z.boolean().default(false),
});
type Options = z.output<typeof Options>;

/** ECMA-48: select graphic rendition. */
const RED = '\u001b[1;31m';
const PLAIN = '\u001b[0m';

/** Run `vmshadow dev` until it is stopped, or print an example configuration. */
export async function devCommand(context: CliContext, raw: unknown): Promise<void> {
  const options = parseArguments(Options, raw, 'dev');
  if (options.example) {
    context.out(EXAMPLE_CLOUD.trimEnd());
    return;
  }
  if (!options.web && options.webPort !== undefined)
    throw usageError('dev', '--web-port is the port of the page, which --no-web leaves out');
  const cloud = await loadConfig(
    options.config,
    CloudConfig,
    "the cloud's configuration",
    MAKE_EXAMPLE_CLOUD,
  );
  await untilStopped(
    (signal) => serve(context, options, cloud, signal),
    (name) => context.note(`${name}: stopping`),
  );
}

/** The server that the environment or a profile file names; null: none. */
async function namedServer(): Promise<string | null> {
  const { loadClientConfigProfile } = await import('@temporalio/envconfig');
  const { address } = loadClientConfigProfile();
  return address === undefined || address === '' ? null : address;
}

/** The dev server has neither TLS nor users: whoever reaches it commands every host. Beyond this machine only by an explicit word. */
function mustBeAlone(context: CliContext, { ip, insecure }: Options): void {
  if (ip.startsWith('127.')) return;
  const danger =
    'it speaks without TLS and asks nobody who they are: whoever reaches it can stop, move and remove every desktop';
  if (!insecure)
    throw usageError(
      'dev',
      `vmshadow dev starts no server on ${ip}: ${danger}. Use a Temporal server with mTLS or API keys (TEMPORAL_ADDRESS, docs/operations.md), ` +
        'or say --insecure where nobody else is on that network.',
    );
  // The dev server listens on every address of this machine then (temporal/embedded-server.ts).
  context.note(
    `${RED}INSECURE: the Temporal server for ${ip} listens on all addresses of this machine; ${danger}.${PLAIN}`,
  );
}

async function serve(
  context: CliContext,
  options: Options,
  cloud: CloudConfig,
  signal: AbortSignal,
): Promise<void> {
  const { runManager } = await import('../../workers/manager.js');
  const logger = makeLogger();
  const given = await namedServer();
  if (given !== null) {
    if (options.port !== undefined || options.uiPort !== undefined)
      throw usageError(
        'dev',
        `--port and --ui-port are of a server that is started here, and ${given} is used (TEMPORAL_ADDRESS or a profile names it)`,
      );
    context.note(`Temporal: ${given} (named by TEMPORAL_ADDRESS or a profile: no server is started)`);
    await withPage(context, options, cloud, undefined, () => runManager({ cloud, logger, signal }));
    return;
  }
  mustBeAlone(context, options);
  const { startEmbeddedServer } = await import('../../temporal/embedded-server.js');
  const dbFile = resolve(options.db);
  await mkdir(dirname(dbFile), { recursive: true });
  const server = await startEmbeddedServer({
    dbFile,
    ip: options.ip,
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.uiPort === undefined ? {} : { uiPort: options.uiPort }),
    logFile: `${dbFile}.log`,
  });
  try {
    process.env['TEMPORAL_ADDRESS'] = server.address;
    context.note(`Temporal: ${server.address}   web UI: ${server.uiAddress}   database: ${dbFile}`);
    context.note(`Other shells: export TEMPORAL_ADDRESS=${server.address}`);
    await withPage(context, options, cloud, server.uiAddress, () => runManager({ cloud, logger, signal }));
  } finally {
    await server.stop();
  }
}

/** Serve the page of the pool on loopback meanwhile. Where it cannot be served that is said, and the rest goes on. */
async function withPage(
  context: CliContext,
  { web, webPort: port }: Options,
  { pool }: CloudConfig,
  ui: string | undefined,
  body: () => Promise<void>,
): Promise<void> {
  if (!web) return body();
  const { openPage } = await import('./web.js');
  const page = await openPage({ pool, port, ui }).catch((error: unknown) => {
    context.note(`no page: ${messageOf(error)}`);
    return null;
  });
  if (page !== null) context.note(`page: ${page.address}`);
  try {
    await body();
  } finally {
    await page?.stop();
  }
}
