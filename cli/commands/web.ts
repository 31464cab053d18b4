// `vmshadow web`: a read-only page of the pool for a browser. On loopback whoever has an account here may look, elsewhere who has the token.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { z } from 'zod';
import { isVmshadowError, messageOf, VmshadowError } from '../../domain/errors.js';
import { Port } from '../../domain/model/address.js';
import type { PoolId } from '../../domain/model/ids.js';
import type { Place } from '../../domain/users/geography.js';
import { errnoOf } from '../../os/file-operations.js';
import type { TemporalUi } from '../../web/api.js';
import type { WebServer } from '../../web/server/serve.js';
import { integer, parseArguments, poolOptions } from '../arguments.js';
import type { CliContext } from '../context.js';
import { untilAborted, untilStopped } from '../daemon.js';
import type { LoopClient } from '../loop-client.js';

/** Where it is looked for, beside the UI's 8233 and the codec server's 8234. */
const WEB_PORT = 8235;

const HttpUrl = z
  .string()
  .regex(/^https?:\/\/[^\s"<>]+$/, 'expected an address such as https://temporal.example.org')
  .transform((url) => url.replace(/\/+$/, ''));

const Options = z.object({
  pool: poolOptions.pool,
  host: z
    .string()
    .refine((text) => isIP(text) !== 0, 'expected an IP address')
    .default('127.0.0.1'),
  port: integer.pipe(Port).optional(),
  name: z
    .array(z.string().regex(/^[a-z0-9.-]{1,253}$/, 'expected a name such as vmshadow.example.org'))
    .default([]),
  tokenFile: z.string().min(1).optional(),
  ui: HttpUrl.optional(),
});

const Token = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9_-]{16,128}$/, 'expected 16 to 128 of letters, digits, _ and -');

/** 128 bits: nobody guesses it. */
const TOKEN_BYTES = 16;

const isLoopback = (host: string) => host.startsWith('127.') || host === '::1';

/** Serve the page until it is stopped. */
export async function webCommand(context: CliContext, raw: unknown): Promise<void> {
  const options = parseArguments(Options, raw, 'web');
  const token = await tokenOf(options);
  await untilStopped(
    async (signal) => {
      const server = await openPage({ ...options, token });
      const at = token === null || options.tokenFile !== undefined ? '' : `/?token=${token}`;
      context.note(`page: ${server.address}${at}`);
      if (!isLoopback(options.host))
        context.note(
          'It speaks plain HTTP: put a proxy with TLS before it where others could read along (docs/operations.md)',
        );
      await untilAborted(signal);
      await server.stop();
    },
    (name) => context.note(`${name}: stopping`),
  );
}

interface PageOptions {
  readonly pool: PoolId;
  readonly host?: string | undefined;
  /** Nothing: the usual one, or any other where that is in use. */
  readonly port?: number | undefined;
  readonly name?: readonly string[];
  readonly token?: string | null;
  /** Where the Temporal UI is. */
  readonly ui?: string | undefined;
}

/** Open the page; whoever opened it stops it. Throws PREREQUISITE where it cannot listen. */
export async function openPage(options: PageOptions): Promise<WebServer> {
  const { LoopClient } = await import('../loop-client.js');
  const { startWebServer, cannotListen } = await import('../../web/server/serve.js');
  const { host = '127.0.0.1', port = WEB_PORT, name = [], token = null } = options;
  const reader = await LoopClient.connect(options.pool);
  const close = () => reader.close();
  const start = async (at: number) =>
    startWebServer({
      host,
      port: at,
      names: name,
      token,
      reader,
      openPlaces,
      temporalUi: await uiOf(options.ui, reader),
    });
  try {
    const server = await start(port).catch((error: unknown) => {
      if (options.port !== undefined || errnoOf(error) !== 'EADDRINUSE') throw error;
      return start(0);
    });
    return { address: server.address, stop: () => server.stop().finally(close) };
  } catch (error) {
    await close();
    throw isVmshadowError(error) ? error : cannotListen(host, port, error);
  }
}

/** The token that is asked for: none on loopback unless a file has one; beyond it one from the file, or a new one. */
async function tokenOf({
  host,
  tokenFile,
}: Pick<z.output<typeof Options>, 'host' | 'tokenFile'>): Promise<string | null> {
  if (tokenFile === undefined)
    return isLoopback(host) ? null : randomBytes(TOKEN_BYTES).toString('base64url');
  const text = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
    throw new VmshadowError('CONFIG_INVALID', `${tokenFile}: cannot be read (${messageOf(cause)})`, {
      cause,
    });
  });
  const token = Token.safeParse(text);
  if (token.success) return token.data;
  const problem = token.error.issues[0]?.message ?? 'no token';
  throw new VmshadowError('CONFIG_INVALID', `${tokenFile}: ${problem}`);
}

/** Tells where addresses are, by the file that vmshadow.yaml names, where this machine has it too. */
async function openPlaces(file: string): Promise<(address: string) => Place | null> {
  const { openGeoDatabase } = await import('../../drivers/solver/geo-database.js');
  const database = await openGeoDatabase(file).catch(() => null);
  return (address) => database?.placeOf(address) ?? null;
}

/** The UI that was named, or that of an embedded server of this machine. */
async function uiOf(url: string | undefined, reader: LoopClient): Promise<TemporalUi | null> {
  const { loadClientConfigProfile } = await import('@temporalio/envconfig');
  const { namespace } = reader.client.options;
  if (url !== undefined) return { url, namespace };
  const name = (loadClientConfigProfile().address ?? 'localhost:7233').replace(/:\d+$/, '');
  return name === 'localhost' || isLoopback(name) ? { url: `http://${name}:8233`, namespace } : null;
}
