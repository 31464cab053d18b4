// One end of a move's relay: listens for QEMU (at the source) or for the other relay (at the target), one stream each for disk and memory, and tells
// on a socket of its own what it has sent. It ends by itself when nobody has used it for long: a move that was forgotten leaves nothing.
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer as createLocalServer, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type SecureContextOptions } from 'node:tls';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { SavedBytes } from '../../domain/migration/saved-bytes.js';
import { hostKey } from '../../domain/model/ids.js';
import { SiteCache } from '../cache/site-cache.js';
import { nothingSent, savedOf, type SentBytes } from '../stream/encoder.js';
import { KnownPages } from '../stream/pages.js';
import { ALPN } from './frames.js';
import { IDENTITY_BYTES, SourceStream, type OtherEnd, type StreamName } from './source-stream.js';
import { TargetStream } from './target-stream.js';
import type { RelaySpec } from './spec.js';

/** A target waits for its source while capacity, address and disk are made ready. */
const IDLE_MS = 30 * 60_000;
const CONNECT_WITHIN_MS = 10_000;
const NAMES: readonly StreamName[] = ['disk', 'memory'];

export interface RelayLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What a relay tells of itself, in one line of JSON. */
export interface RelayStatus {
  readonly streams: Record<
    StreamName,
    SentBytes & { readonly wireBytes: number; readonly pathBytesPerSecond: number }
  >;
  readonly saved: SavedBytes;
  readonly cachePages: number;
}

/** Certificates as texts, and what the relay does with them. */
export type RelayTls = Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'crl'>;

export class Relay {
  readonly #spec: RelaySpec;
  readonly #tls: RelayTls;
  readonly #log: RelayLog;
  readonly #cache: SiteCache;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #sent: Record<StreamName, SentBytes> = { disk: nothingSent(), memory: nothingSent() };
  /** What was given to TLS. */
  readonly #given: Record<StreamName, number> = { disk: 0, memory: 0 };
  readonly #other: OtherEnd = { known: new KnownPages(), identity: Buffer.alloc(IDENTITY_BYTES) };
  readonly #identity = randomBytes(IDENTITY_BYTES);
  /** The last of each. */
  readonly #carrying = new Map<StreamName, SourceStream>();
  #idleSinceMs = Date.now();

  constructor(spec: RelaySpec, tls: RelayTls, log: RelayLog) {
    this.#spec = spec;
    this.#tls = tls;
    this.#log = log;
    this.#cache = new SiteCache({ ...spec.cache, onProblem: (problem) => log.warn({}, problem) });
  }

  /** Listen; everything is in force when it returns. */
  async start(): Promise<void> {
    const { end, status } = this.#spec;
    for (const stream of NAMES) {
      if (end.role === 'source') await this.#listenToProgram(stream, end[stream].listen, end[stream].connect);
      else await this.#listenToRelay(stream, end[stream].listen, end[stream].connect, hostKey(end.from));
    }
    const server = createLocalServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`${JSON.stringify(this.status())}\n`);
    });
    await this.#listen(server, { path: status });
  }

  /** Wait until the signal is aborted, or nobody has used the relay for long. */
  async untilDone(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = setInterval(() => {
        if (this.#sockets.size > 0) this.#idleSinceMs = Date.now();
        this.#cache.flush();
        if (Date.now() - this.#idleSinceMs > IDLE_MS) resolve();
      }, 1_000);
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      this.#stopLooking = () => clearInterval(look);
    });
  }

  #stopLooking: () => void = () => undefined;

  status(): RelayStatus {
    const of = (stream: StreamName) => ({
      ...this.#sent[stream],
      wireBytes: onTheWire(this.#given[stream]),
      pathBytesPerSecond: this.#carrying.get(stream)?.pathBytesPerSecond ?? 0,
    });
    return {
      streams: { disk: of('disk'), memory: of('memory') },
      saved: savedOf(Object.values(this.#sent)),
      cachePages: this.#cache.pages,
    };
  }

  close(): void {
    this.#stopLooking();
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#cache.close();
  }

  #listenToProgram(stream: StreamName, path: string, to: { address: string; port: number }): Promise<void> {
    const server = createLocalServer({ allowHalfOpen: true, pauseOnConnect: true }, (local) => {
      this.#keep(local);
      const socket = connectTls({
        ...this.#tls,
        host: to.address,
        port: to.port,
        ALPNProtocols: [ALPN],
        minVersion: 'TLSv1.3',
        timeout: CONNECT_WITHIN_MS,
      });
      this.#keep(socket);
      const giveUp = (error: Error): void => {
        this.#log.warn({ stream, error: messageOf(error) }, 'the other relay cannot be reached');
        socket.destroy();
        local.destroy();
      };
      const hungUp = (): void => giveUp(new Error('the program at this end hung up'));
      socket.once('error', giveUp);
      socket.once('timeout', () => giveUp(new Error(`no connection within ${CONNECT_WITHIN_MS} ms`)));
      local.once('close', hungUp);
      local.on('error', () => undefined);
      socket.once('secureConnect', () => {
        socket.setTimeout(0);
        socket.off('error', giveUp);
        local.off('close', hungUp);
        const carrying = new SourceStream({
          stream,
          local,
          socket,
          other: this.#other,
          sent: this.#sent[stream],
          store: this.#cache,
          onSent: (bytes) => (this.#given[stream] += bytes),
          onClose: (error) => this.#closed(stream, error),
        });
        this.#carrying.set(stream, carrying);
      });
    });
    return this.#listen(server, { path });
  }

  #listenToRelay(
    stream: StreamName,
    at: { address: string; port: number },
    connectTo: string,
    from: string,
  ): Promise<void> {
    const server = createTlsServer(
      {
        ...this.#tls,
        requestCert: true,
        rejectUnauthorized: true,
        ALPNProtocols: [ALPN],
        minVersion: 'TLSv1.3',
        allowHalfOpen: false,
        handshakeTimeout: CONNECT_WITHIN_MS,
      },
      (socket) => {
        const { subject } = socket.getPeerCertificate();
        const name: unknown = (subject as { CN?: unknown } | undefined)?.CN;
        if (name !== from) {
          this.#log.warn(
            { stream, name: String(name) },
            'a host that is not the source of this move was refused',
          );
          socket.destroy();
          return;
        }
        this.#keep(socket);
        new TargetStream({
          stream,
          socket,
          connectTo,
          identity: this.#identity,
          cache: this.#cache,
          onClose: (error) => this.#closed(stream, error),
        });
      },
    );
    server.on('tlsClientError', (error) =>
      this.#log.info(
        { stream, error: messageOf(error) },
        'somebody without the right certificate was refused',
      ),
    );
    return this.#listen(server, { host: at.address, port: at.port });
  }

  #closed(stream: StreamName, error: Error | null): void {
    this.#cache.flush();
    if (error === null) this.#log.info({ stream }, 'a stream has ended');
    else this.#log.warn({ stream, error: messageOf(error) }, 'a stream broke off');
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  #listen(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
    this.#servers.push(server);
    // What a killed relay left.
    if ('path' in where) rmSync(where.path, { force: true });
    return new Promise((resolve, reject) => {
      server.once('error', (cause) =>
        reject(new VmshadowError('NETWORK', `the relay cannot listen: ${messageOf(cause)}`, { cause })),
      );
      server.listen(where, resolve);
    });
  }
}

/** Bytes with TLS 1.3's and those of IP and TCP: records of 16 KiB, segments of a common size; retransmissions are the kernel's to tell. */
function onTheWire(bytes: number): number {
  const RECORD = { bytes: 16_384, extra: 22 };
  const SEGMENT = { bytes: 1_448, extra: 52 };
  const encrypted = bytes + Math.ceil(bytes / RECORD.bytes) * RECORD.extra;
  return encrypted + Math.ceil(encrypted / SEGMENT.bytes) * SEGMENT.extra;
}
