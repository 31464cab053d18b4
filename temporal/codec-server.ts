// A codec server by Temporal's protocol: the web UI and the `temporal` command show what is encrypted or compressed by asking it. It listens
// on loopback, for the pages of the named origins and for programs of this machine; the keys never leave it.
//   POST .../decode, .../encode   {"payloads": [{"metadata": {KEY: base64}, "data": base64}]} -> the same shape
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PayloadCodec } from '@temporalio/common';
import { z } from 'zod';
import { isVmshadowError } from '../domain/errors.js';

/** A page of the UI's largest histories. */
const MAX_BODY_BYTES = 32 * 2 ** 20;
const LOOPBACK = '127.0.0.1';
/** Names of this machine for itself: a page of a stranger whose name was pointed here says another one (DNS rebinding). */
const OWN_NAMES = new Set([LOOPBACK, 'localhost', '[::1]']);

const Body = z.object({
  payloads: z.array(
    z.object({ metadata: z.record(z.string(), z.base64()).default({}), data: z.base64().default('') }),
  ),
});

export interface CodecServerOptions {
  readonly codec: PayloadCodec;
  /** 0: any that is free. */
  readonly port: number;
  /** Origins of the pages that may ask, e.g. `http://127.0.0.1:8233`. */
  readonly origins: readonly string[];
}

export interface CodecServer {
  readonly address: string;
  stop(): Promise<void>;
}

/** Start a codec server on loopback. */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const server = createServer((request, response) => {
    answer(options, request).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        // Its message names a key at most.
        const message = isVmshadowError(error) ? error.message : 'the payloads cannot be read';
        send(response, { status: 400, headers: corsOf(options, request), body: { message } });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, LOOPBACK, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://${LOOPBACK}:${String(port)}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

async function answer(options: CodecServerOptions, request: IncomingMessage): Promise<Reply> {
  const { origin, host = '' } = request.headers;
  const name = host.replace(/:\d+$/, '');
  if (!OWN_NAMES.has(name)) return { status: 403, body: { message: `this is not ${name}` } };
  if (origin !== undefined && !options.origins.includes(origin))
    return { status: 403, body: { message: `pages of ${origin} may not ask: name it with --origin` } };
  const headers = corsOf(options, request);
  if (request.method === 'OPTIONS') return { status: 204, headers };
  const what = /\/(encode|decode)$/.exec(request.url?.split('?')[0] ?? '')?.[1] as
    'encode' | 'decode' | undefined;
  if (what === undefined) return { status: 404, headers, body: { message: 'expected /encode or /decode' } };
  if (request.method !== 'POST') return { status: 405, headers, body: { message: 'expected POST' } };
  const text = await readBody(request);
  if (text === null) return { status: 413, headers, body: { message: 'too many bytes' } };
  const { payloads } = Body.parse(JSON.parse(text));
  const given = payloads.map(({ metadata, data }) => ({
    metadata: Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, bytesOf(value)])),
    data: bytesOf(data),
  }));
  const made = await options.codec[what](given);
  const body = {
    payloads: made.map(({ metadata, data }) => ({
      metadata: Object.fromEntries(
        Object.entries(metadata ?? {}).map(([key, value]) => [key, base64Of(value)]),
      ),
      data: base64Of(data ?? new Uint8Array()),
    })),
  };
  return { status: 200, headers, body };
}

function corsOf({ origins }: CodecServerOptions, request: IncomingMessage): Record<string, string> {
  const { origin } = request.headers;
  if (origin === undefined || !origins.includes(origin)) return {};
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'POST, OPTIONS',
    'access-control-allow-headers': 'content-type, x-namespace, authorization',
    'access-control-allow-credentials': 'true',
    // A UI that does not come from this machine asks a browser for it (Private Network Access).
    'access-control-allow-private-network': 'true',
    vary: 'Origin',
  };
}

/** The body of a request; null when it is too long. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return null;
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}

function send(response: ServerResponse, { status, headers = {}, body }: Reply): void {
  response.writeHead(status, {
    ...headers,
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'base64');
const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
