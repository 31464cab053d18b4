// The server of the page: files and JSON by GET and HEAD, for whoever `guard.ts` lets in. It changes nothing.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { isVmshadowError, messageOf, VmshadowError } from '../../domain/errors.js';
import type { Refusal } from '../api.js';
import { loadAssets, type Asset } from './assets.js';
import { COOKIE, isOurs, isToken, tokenIn } from './guard.js';
import { PoolWatch, type PoolWatchOptions } from './pool-watch.js';
import { routeOf, type Asked } from './routes.js';

export interface WebServerOptions extends PoolWatchOptions {
  /** An IP address. */
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Names besides addresses and localhost that it may be asked by. */
  readonly names: readonly string[];
  /** Null: whoever reaches it may look. */
  readonly token: string | null;
}

export interface WebServer {
  readonly address: string;
  stop(): Promise<void>;
}

/** Nothing from elsewhere, nothing inline, in no frame. Styles are set by script one by one, which this allows. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Smaller answers are not worth it. */
const WORTH_PACKING = 1_000;
const pack = promisify(gzip);

/** Start serving, and looking at the pool. */
export async function startWebServer(options: WebServerOptions): Promise<WebServer> {
  const assets = await loadAssets();
  const watch = new PoolWatch(options);
  const server = createServer((request, response) => {
    answer(options, assets, watch, request)
      .catch((error: unknown) => refusalOf(error))
      .then((reply) => send(request, response, reply))
      .catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: options.port, host: options.host }, resolve);
  });
  const ending = new AbortController();
  void watch.record(ending.signal);
  const { port } = server.address() as AddressInfo;
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    address: `http://${name}:${String(port)}`,
    stop: async () => {
      ending.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      // A question to a loop whose manager has ended is not waited for: it takes half a minute to fail.
      await closed;
    },
  };
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly asset?: Asset;
}

const plain = (status: number, code: string, message: string): Reply => {
  const body: Refusal = { error: { code, message } };
  return { status, body };
};

async function answer(
  { names, token }: WebServerOptions,
  assets: ReadonlyMap<string, Asset>,
  watch: PoolWatch,
  request: IncomingMessage,
): Promise<Reply> {
  if (!isOurs(request.headers.host, names))
    return plain(421, 'INPUT_INVALID', 'this name is none of this server: name it with --name');
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return {
      ...plain(405, 'INPUT_INVALID', 'this page only shows: expected GET'),
      headers: { allow: 'GET, HEAD' },
    };
  const asked = routeOf(request.url ?? '');
  if (asked?.what === 'token' && (token === null || isToken(asked.token, token)))
    return { status: 303, headers: { location: '/', ...(token === null ? {} : cookieOf(token)) } };
  if (token !== null && !isToken(tokenIn(request.headers), token))
    return plain(401, 'INPUT_INVALID', 'open the address with the token that `vmshadow web` printed');
  if (asked === null || asked.what === 'token') return plain(404, 'INPUT_INVALID', 'there is no such page');
  if (asked.what !== 'file') return { status: 200, body: await lookUp(watch, asked) };
  const asset = assets.get(asked.name);
  return asset === undefined
    ? plain(404, 'INPUT_INVALID', 'there is no such page')
    : request.headers['if-none-match'] === asset.etag
      ? { status: 304, headers: { etag: asset.etag } }
      : { status: 200, asset };
}

function lookUp(
  watch: PoolWatch,
  asked: Exclude<Asked, { readonly what: 'file' | 'token' }>,
): Promise<object> {
  switch (asked.what) {
    case 'overview':
      return watch.overview();
    case 'desktops':
      return watch.desktops();
    case 'plan':
      return watch.plan();
    case 'desktop':
      return watch.desktop(asked.desktop, asked.limit);
    case 'health':
      return Promise.resolve({ ok: true });
  }
}

const cookieOf = (token: string) => ({
  'set-cookie': `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Lax`,
});

function refusalOf(error: unknown): Reply {
  const code = isVmshadowError(error) ? error.code : 'INTERNAL';
  const status = code === 'UNKNOWN_DESKTOP' ? 404 : code === 'INTERNAL' ? 500 : 503;
  return plain(status, code, isVmshadowError(error) ? messageOf(error) : 'a defect of this page');
}

async function send(request: IncomingMessage, response: ServerResponse, reply: Reply): Promise<void> {
  const { status, headers = {}, asset, body } = reply;
  const answer = asset ?? (body === undefined ? undefined : await written(body));
  const bytes = answer?.bytes;
  const packs = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
  const packed = packs ? answer?.gzipped : undefined;
  response.writeHead(status, {
    ...HEADERS,
    ...headers,
    'cache-control': asset === undefined ? 'no-store' : 'no-cache',
    vary: 'Accept-Encoding, Cookie',
    ...(asset === undefined ? {} : { etag: asset.etag }),
    ...(bytes === undefined ? {} : { 'content-type': asset?.type ?? 'application/json' }),
    ...(packed === undefined ? {} : { 'content-encoding': 'gzip' }),
    'content-length': String((packed ?? bytes)?.length ?? 0),
  });
  response.end(request.method === 'HEAD' ? undefined : (packed ?? bytes));
}

interface Written {
  readonly bytes: Buffer;
  readonly gzipped: Buffer | undefined;
}

const known = new WeakMap<object, Promise<Written>>();

/** Write and pack an answer, once for all who get the same one. */
function written(body: object): Promise<Written> {
  const before = known.get(body);
  if (before !== undefined) return before;
  const bytes = Buffer.from(JSON.stringify(body));
  const now = (bytes.length > WORTH_PACKING ? pack(bytes) : Promise.resolve(undefined)).then((gzipped) => ({
    bytes,
    gzipped,
  }));
  known.set(body, now);
  return now;
}

/** Why a server cannot listen where it is to, for people. */
export function cannotListen(host: string, port: number, error: unknown): VmshadowError {
  return new VmshadowError(
    'PREREQUISITE',
    `the page cannot be served at ${host}:${String(port)} (${messageOf(error)}); --port takes another`,
    { cause: error },
  );
}
