// Two relays in this process, TLS between them, programs at their unix sockets.
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { HostRef } from '../../../domain/model/ids.js';
import { savedInAll } from '../../../domain/migration/saved.js';
import { createAuthority, issueHost } from '../../../drivers/peers/pki.js';
import { freePort } from '../../support/free-port.js';
import { Relay, type RelayTls } from '../../../transfer/relay/relay.js';
import { FrameReader, FRAMES, frameHead } from '../../../transfer/relay/frames.js';
import { nbdGreeting, nbdRequest, pageOf } from './streams.js';

const host = (name: string) => HostRef.parse({ site: 's', host: name });

describe('two relays', () => {
  let folder: string;
  let ports: { disk: number; memory: number };
  let program: Server;
  let heard: Buffer[];
  let taken: Socket[];
  let problems: string[];
  const relays: Relay[] = [];
  const tls = new Map<string, { client: RelayTls; server: RelayTls }>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmsrelay-'));
    await createAuthority(join(folder, 'pki'));
    for (const name of ['a', 'b', 'c']) {
      const files = await issueHost(join(folder, 'pki'), { ...host(name), addresses: ['127.0.0.1'] });
      const read = (path: string) => readFile(path, 'utf8');
      const ca = await read(files.ca);
      tls.set(name, {
        client: { ca, cert: await read(files.clientCert), key: await read(files.clientKey) },
        server: { ca, cert: await read(files.serverCert), key: await read(files.serverKey) },
      });
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  beforeEach(async () => {
    heard = [];
    taken = [];
    problems = [];
    ports = { disk: await freePort(), memory: await freePort() };
    for (const end of ['a', 'b']) await mkdir(join(folder, end, 'cache'), { recursive: true });
    program = createServer({ allowHalfOpen: true }, (socket) => {
      taken.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (bytes: Buffer) => heard.push(bytes));
      socket.on('end', () => socket.end('bye'));
      socket.write('hello');
    });
    await new Promise<void>((resolve) => program.listen(join(folder, 'b', 'disk'), resolve));
    await startRelay('b', true);
    await startRelay('a', false);
  });
  afterEach(async () => {
    for (const relay of relays.splice(0)) relay.close();
    taken.forEach((socket) => socket.destroy());
    await new Promise((resolve) => program.close(resolve));
    for (const end of ['a', 'b']) await rm(join(folder, end), { recursive: true, force: true });
  });

  async function startRelay(end: 'a' | 'b', isTarget: boolean): Promise<void> {
    const at = (name: 'disk' | 'memory') => ({ address: '127.0.0.1', port: ports[name] });
    const path = (name: string) => join(folder, end, name);
    const log = (_: object, message: string) => problems.push(`${message} ${JSON.stringify(_)}`);
    const relay = new Relay(
      {
        pidFile: path('pid'),
        status: path('status'),
        pkiDir: '/',
        runAs: null,
        cache: { folder: path('cache'), limitBytes: 2 ** 28 },
        end: isTarget
          ? {
              role: 'target',
              from: host('a'),
              disk: { listen: at('disk'), connect: path('disk') },
              memory: { listen: at('memory'), connect: path('memory') },
            }
          : {
              role: 'source',
              disk: { listen: path('disk'), connect: at('disk') },
              memory: { listen: path('memory'), connect: at('memory') },
            },
      },
      tls.get(end)![isTarget ? 'server' : 'client'],
      { info: log, warn: log },
    );
    relays.push(relay);
    await relay.start();
  }

  const dial = () => connect({ path: join(folder, 'a', 'disk'), allowHalfOpen: true });
  const all = async (socket: Socket | TLSSocket): Promise<string> => {
    const said: Buffer[] = [];
    socket.on('error', () => undefined);
    socket.on('data', (bytes: Buffer) => said.push(bytes));
    socket.on('end', () => socket.end());
    if (!socket.closed) await once(socket, 'close').catch(() => undefined);
    return Buffer.concat(said).toString('latin1');
  };

  it('carry both directions byte for byte, and the end of each', async () => {
    const page = pageOf(2);
    const sent = Buffer.concat([
      nbdGreeting(),
      ...Array.from({ length: 600 }, (_, i) => [
        nbdRequest(1, i * 4_096, 4_096),
        i % 3 === 0 ? page : pageOf(i),
      ]).flat(),
      nbdRequest(2, 0, 0),
    ]);
    for (let i = 0; i < 2; i++) {
      heard.length = 0;
      const socket = dial();
      socket.end(sent);
      expect(await all(socket)).toBe('hellobye');
      expect(Buffer.concat(heard).equals(sent)).toBe(true);
    }
    const { raw, wireBytes } = relays[1]!.status().streams.disk;
    expect(raw.literal + raw.zero + raw.page + raw.difference + raw.reference).toBe(2 * sent.length);
    // What came once does not come again.
    expect(raw.reference).toBeGreaterThan(590 * 4_096);
    expect(wireBytes).toBeLessThan(1.2 * sent.length);
    const { saved } = relays[1]!.status();
    expect(saved.known).toBeGreaterThan(0.95 * raw.reference);
    expect(savedInAll(saved)).toBeLessThan(2 * sent.length);
    expect(savedInAll(saved) + wireBytes).toBeGreaterThan(2 * sent.length);
  });

  it('hang up at both ends when one program does, or when one of them ends', async () => {
    const socket = dial();
    await once(socket, 'data');
    taken[0]!.destroy();
    await all(socket);
    const next = dial();
    await once(next, 'data');
    const program = taken[1]!;
    relays[0]!.close();
    await Promise.all([all(next), all(program)]);
  });

  it('take nothing from a host that is not the source of the move, nor from one that is none', async () => {
    const strangers = [tls.get('c')!.client, { ca: tls.get('a')!.client.ca! }];
    for (const stranger of strangers) {
      const socket = connectTls({
        ...stranger,
        host: '127.0.0.1',
        port: ports.disk,
        ALPNProtocols: ['vmshadow-relay'],
      });
      await all(socket);
    }
    expect(taken).toEqual([]);
    expect(problems.join()).toMatch(/not the source of this move.*right certificate/);
  });

  it('end a stream of which a byte is wrong, with a word to the other end', async () => {
    const hello = Buffer.concat([
      frameHead(FRAMES.hello, 15),
      Buffer.from('VMSR'),
      Buffer.from([1, 1, 2]),
      Buffer.alloc(8),
    ]);
    const bad = [
      [Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'no relay'],
      [Buffer.concat([frameHead(FRAMES.batch, 1), Buffer.alloc(1)]), 'relays alone'],
      [Buffer.concat([hello.subarray(0, 9), Buffer.from([9, 8]), hello.subarray(11)]), 'version'],
      [Buffer.concat([hello.subarray(0, 11), Buffer.from([1]), hello.subarray(12)]), 'takes the disk'],
    ] as const;
    for (const [bytes, why] of bad) {
      const socket = connectTls({
        ...tls.get('a')!.client,
        host: '127.0.0.1',
        port: ports.disk,
        ALPNProtocols: ['vmshadow-relay'],
      });
      socket.write(bytes);
      expect(await all(socket)).toContain(why);
    }
    const socket = connectTls({
      ...tls.get('a')!.client,
      host: '127.0.0.1',
      port: ports.disk,
      ALPNProtocols: ['vmshadow-relay'],
    });
    socket.write(hello);
    await once(socket, 'data');
    socket.write(Buffer.concat([frameHead(FRAMES.batch, 60), Buffer.alloc(60, 3)]));
    expect(await all(socket)).toContain('expected 3 bytes');
    expect(Buffer.concat(heard)).toHaveLength(0);
  });

  it('cut frames out of bytes, however they come, and refuse lengths that no relay sends', () => {
    const reader = new FrameReader();
    const bytes = Buffer.concat([frameHead(9, 3), Buffer.from('abc'), frameHead(10, 0)]);
    const frames = [...bytes].flatMap((byte) => [...reader.push(Buffer.from([byte]))]);
    expect(frames.map(({ type, content }) => [type, content.toString()])).toEqual([
      [9, 'abc'],
      [10, ''],
    ]);
    for (const length of [0, 2 ** 23, 2 ** 32 - 1]) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(length);
      expect(() => [...new FrameReader().push(head)]).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
    }
  });
});
