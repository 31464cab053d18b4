// The TLS port that a dom0 opens for its peers: mutual TLS, the caller's name taken from its certificate (common name `site/host`).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import { isVmshadowError, messageOf, VmshadowError } from '../../domain/errors.js';
import type { Endpoint } from '../../domain/model/address.js';
import { HostRef } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import type { PeerRequests } from '../../ports/peers.js';
import type { HostCertificate } from './host-certificate.js';
import { MAX_BODY_BYTES, PEER_REQUESTS, type PeerVerb } from './peer-protocol.js';

export class PeerServer {
  readonly #target: PeerRequests;
  readonly #logger: Logger;
  #server: Server | null = null;

  constructor(target: PeerRequests, logger: Logger) {
    this.#target = target;
    this.#logger = logger;
  }

  /** Serve peers; a renewed certificate and new revocations hold at once, and connections under way go on. */
  async start(endpoint: Endpoint, certificate: HostCertificate): Promise<void> {
    const fixed = { requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
    const server = createServer({ ...certificate.server, ...fixed }, (req, res) => {
      void this.#answer(req, res, certificate);
    });
    certificate.onChange(() => server.setSecureContext({ ...certificate.server, minVersion: 'TLSv1.3' }));
    // The connection stays: the commit must not wait for a handshake.
    server.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(endpoint.port, endpoint.address, resolve);
    });
    server.on('tlsClientError', (error) => this.#logger.warn({ error: error.message }, 'a peer was refused'));
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #answer(req: IncomingMessage, res: ServerResponse, own: HostCertificate): Promise<void> {
    try {
      const verb = /^\/v1\/([a-z]+)$/.exec(req.url ?? '')?.[1] as PeerVerb | undefined;
      if (req.method !== 'POST' || verb === undefined || !Object.hasOwn(PEER_REQUESTS, verb))
        throw new VmshadowError('PROTOCOL', `unknown request ${req.method ?? ''} ${req.url ?? ''}`);
      reply(res, 200, await this.#handle(verb, callerOf(req, own), await bodyOf(req)));
    } catch (error) {
      const code = isVmshadowError(error) ? error.code : 'INTERNAL';
      this.#logger.warn({ url: req.url, code, error: messageOf(error) }, 'a peer request failed');
      reply(res, code === 'INPUT_INVALID' ? 400 : 409, { code, message: messageOf(error) });
    }
  }

  async #handle(verb: PeerVerb, from: HostRef, body: unknown): Promise<unknown> {
    switch (verb) {
      case 'ping':
        return parseInput(PEER_REQUESTS.ping, body, 'peer request ping');
      case 'expect': {
        const { key, change, state } = parseInput(PEER_REQUESTS.expect, body, 'peer request expect');
        await this.#target.expect(from, key, change, state);
        return {};
      }
      case 'confirm': {
        const { key } = parseInput(PEER_REQUESTS.confirm, body, 'peer request confirm');
        await this.#target.confirm(from, key);
        return {};
      }
      case 'commit': {
        const { key, snapshot } = parseInput(PEER_REQUESTS.commit, body, 'peer request commit');
        return this.#target.commit(from, key, { snapshot });
      }
    }
  }
}

function reply(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function callerOf(req: IncomingMessage, own: HostCertificate): HostRef {
  const certificate = req.socket instanceof TLSSocket ? req.socket.getPeerCertificate() : undefined;
  const name = certificate?.subject.CN;
  const [site, host] = typeof name === 'string' ? name.split('/') : [];
  // A connection that is older than the revocation is refused as a new one would be.
  if (certificate !== undefined && own.isRevoked(certificate.serialNumber))
    throw new VmshadowError('FENCED', `the certificate of ${String(name)} is revoked`);
  return parseInput(HostRef, { site, host }, `certificate of ${req.socket.remoteAddress ?? 'a peer'}`);
}

async function bodyOf(req: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES)
      throw new VmshadowError('INPUT_INVALID', `a request of more than ${String(MAX_BODY_BYTES)} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new VmshadowError('INPUT_INVALID', 'the body is not JSON', { cause });
  }
}
