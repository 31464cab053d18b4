// Mutated, forged and stale packets against both ends of the handshake and of a session.
import { createSocket } from 'node:dgram';
import { HostLink } from '../../../../guest-proxy/client/host-link.js';
import { ControlServer } from '../../../../guest-proxy/host/control-server.js';
import {
  answerHandshake,
  beginHandshake,
  finishHandshake,
  verifyHello,
} from '../../../../guest-proxy/protocol/handshake.js';
import type { Message } from '../../../../guest-proxy/protocol/messages.js';
import { answerChallenge, proofKey } from '../../../../guest-proxy/protocol/proof.js';
import {
  type Challenge,
  type Data,
  decodeControlPacket,
  type Hello,
  type HelloReply,
} from '../../../../guest-proxy/protocol/wire.js';
import { randomFrom } from '../../../../lab/random.js';
import { client, established, hostA, hostB, stranger } from '../support.js';

/** Whole numbers below 2^31, the same each run. */
function numbersFrom(seed: number): () => number {
  const random = randomFrom(seed);
  return () => Math.floor(random() * 2 ** 31);
}

/** Change one to three bytes, cut, lengthen or splice; never the same bytes. */
function mutate(bytes: Buffer, next: () => number): Buffer {
  const copy = Buffer.from(bytes);
  const how = next() % 10;
  if (how === 0) return copy.subarray(0, next() % copy.length);
  if (how === 1) return Buffer.concat([copy, Buffer.from([next() & 0xff])]);
  for (let i = 0; i <= next() % 3; i += 1) {
    const at = next() % copy.length;
    copy[at] = (copy[at]! ^ (1 + (next() % 255))) & 0xff;
  }
  return copy.equals(bytes) ? Buffer.concat([copy, Buffer.from([1])]) : copy;
}

/** A UDP port of the loopback that nobody uses. */
async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done));
  const { port } = socket.address();
  await new Promise<void>((done) => socket.close(done));
  return port;
}

const RUNS = 10_000;
/** A client asks until it is answered; on a machine that is busy elsewhere the answer takes many of its ticks. */
const TICKS = 200;

/** Turns of the event loop in which all sockets are read: unlike one long timer, they also see answers when the process was not run meanwhile. */
async function turns(n: number): Promise<void> {
  for (let i = 0; i < n; i += 1) await new Promise((done) => setTimeout(done, 10));
}

it(`opens none of ${String(RUNS)} mutated messages, and still opens the true one afterwards`, () => {
  const { hostEnd, clientEnd } = established();
  const next = numbersFrom(1);
  const truth: Message = { kind: 'commit', desktop: 'desk-1', epoch: 7 };
  const sealed = hostEnd.seal(truth);
  for (let i = 0; i < RUNS; i += 1) {
    const packet = decodeControlPacket(mutate(sealed, next));
    if (packet?.kind === 'data') expect(clientEnd.open(packet)).toBeNull();
  }
  expect(clientEnd.open(decodeControlPacket(sealed) as Data)?.message).toEqual(truth);
});

it(`takes none of ${String(RUNS)} mutated HELLOs and replies`, () => {
  const { handshake, answer } = established();
  const next = numbersFrom(2);
  for (let i = 0; i < RUNS; i += 1) {
    const hello = decodeControlPacket(mutate(handshake.packet, next));
    if (hello?.kind === 'hello') expect(verifyHello(hello)).toBe(false);
    const reply = decodeControlPacket(mutate(answer.packet, next));
    if (reply?.kind === 'helloReply') expect(finishHandshake(handshake, reply)).toBeNull();
  }
});

it('refuses a HELLO that somebody else has signed for the client', () => {
  const forged = beginHandshake(
    { desktop: 'desk-1', epoch: 0, stamp: 1 },
    { ...stranger, publicBytes: client.publicBytes, publicKey: client.publicKey },
  );
  expect(verifyHello(decodeControlPacket(forged.packet) as Hello)).toBe(false);
});

it('refuses a reply signed by another host than the one it names, or made for another HELLO', () => {
  const mine = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 1 }, client);
  const hello = decodeControlPacket(mine.packet) as Hello;
  const pretender = { ...hostB, publicBytes: hostA.publicBytes };
  const forged = answerHandshake(hello, { role: 'owner', epoch: 0 }, pretender)!;
  expect(finishHandshake(mine, decodeControlPacket(forged.packet) as HelloReply)).toBeNull();
  const other = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 2 }, client);
  const forOther = answerHandshake(
    decodeControlPacket(other.packet) as Hello,
    { role: 'owner', epoch: 0 },
    hostA,
  )!;
  const moved = { ...(decodeControlPacket(forOther.packet) as HelloReply), nonce: mine.nonce };
  expect(finishHandshake(mine, moved)).toBeNull();
});

it('refuses an ephemeral key of low order', () => {
  const hello = decodeControlPacket(
    beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 1 }, client).packet,
  ) as Hello;
  expect(
    answerHandshake({ ...hello, ephemeral: Buffer.alloc(32) }, { role: 'owner', epoch: 0 }, hostA),
  ).toBeNull();
});

describe('the host on its socket', () => {
  const quiet = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
  };
  let port: number;
  let server: ControlServer;
  let heard: Message[];
  let stoppedAtMs: number | null;
  beforeEach(async () => {
    heard = [];
    stoppedAtMs = null;
    port = await freePort();
    server = new ControlServer({
      identity: hostA,
      controlPort: port,
      logger: quiet,
      now: () => stoppedAtMs ?? Date.now(),
      lookup: (desktop, key) =>
        desktop === 'desk-1' && key === client.publicKey ? { role: 'owner', epoch: 1 } : null,
      onKeepalive: () => undefined,
      onMessage: (_, message) => heard.push(message),
    });
    await server.listen('127.0.0.1');
  });
  afterEach(() => server.closeAll());

  /** Send datagrams from one socket and give the answers that come within `loops` turns. */
  async function exchange(datagrams: readonly Buffer[], loops = 15): Promise<Buffer[]> {
    const socket = createSocket('udp4');
    const answers: Buffer[] = [];
    socket.on('message', (bytes) => answers.push(bytes));
    for (const bytes of datagrams) await new Promise((done) => socket.send(bytes, port, '127.0.0.1', done));
    await turns(loops);
    socket.close();
    return answers;
  }

  it('says nothing to a client that is not enrolled, and to a HELLO for another desktop', async () => {
    const unknown = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 1 }, stranger).packet;
    const elsewhere = beginHandshake({ desktop: 'desk-2', epoch: 0, stamp: 1 }, client).packet;
    expect(await exchange([unknown, elsewhere])).toEqual([]);
    expect(server.counters.unknownClient).toBe(2);
  });

  const kindsOf = (answers: readonly Buffer[]) => answers.map((bytes) => decodeControlPacket(bytes)?.kind);
  const forged = (stamp: number) =>
    beginHandshake(
      { desktop: 'desk-1', epoch: 0, stamp },
      { ...stranger, publicBytes: client.publicBytes, publicKey: client.publicKey },
    ).packet;

  it('answers a HELLO once: one that is replayed, or older, is challenged with less than it brought', async () => {
    const older = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 1 }, client).packet;
    const newer = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 2 }, client).packet;
    const answers = await exchange([newer, newer, older]);
    expect(kindsOf(answers).sort()).toEqual(['challenge', 'challenge', 'helloReply']);
    for (const answer of answers) expect(answer.length).toBeLessThan(older.length);
    expect(server.counters.stale).toBe(2);
  });

  it('bounds the HELLOs that it answers', async () => {
    stoppedAtMs = Date.now();
    const flood = Array.from(
      { length: 60 },
      (_, i) => beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: i + 1 }, client).packet,
    );
    const replies = kindsOf(await exchange(flood)).filter((kind) => kind === 'helloReply');
    // Those of a burst.
    expect(replies).toHaveLength(10);
    expect(server.counters.limited).toBeGreaterThan(0);
  });

  /** A client's link over a real socket: it ends when `done` says so; gives whether a session stood. */
  async function linkOf(stamp: number, ticks: number, before: () => Promise<void>): Promise<HostLink> {
    const socket = createSocket('udp4');
    const link = new HostLink({
      address: '127.0.0.1',
      desktop: 'desk-1',
      identity: client,
      send: (bytes) => socket.send(bytes, port, '127.0.0.1'),
      epochs: () => ({ epoch: 0, pendingEpoch: 0 }),
      stamp: () => stamp,
      accept: (reply) => reply.hostKey.equals(hostA.publicBytes),
      trusts: (key) => key === hostA.publicKey,
      onUp: () => undefined,
      onMessage: () => undefined,
    });
    socket.on('message', (bytes) => {
      const packet = decodeControlPacket(bytes);
      if (packet?.kind === 'challenge') link.receiveChallenge(packet);
      if (packet?.kind === 'helloReply') link.receiveReply(packet, 0);
    });
    for (let i = 0; i < ticks && link.hostKey === null; i += 1) {
      await before();
      link.tick(i * 5_000);
      await turns(10);
    }
    socket.close();
    return link;
  }

  it('serves the client while its key is used in forged HELLOs, far more than are verified', async () => {
    let stamp = 100;
    const startMs = Date.now();
    for (let i = 0; i < 12; i += 1) {
      // By the server's clock 500 HELLOs a second, however long the machine takes.
      stoppedAtMs = startMs + i * 300;
      const link = await linkOf(i + 1, TICKS, async () => {
        await exchange(
          Array.from({ length: 150 }, () => forged((stamp += 1))),
          0,
        );
      });
      expect(link.hostKey).toBe(hostA.publicKey);
      // Its own limit: what it needs is far below.
      server.counters.limited = 0;
    }
    expect(server.counters.unproved).toBeGreaterThan(0);
    expect(server.counters.badSignature).toBeGreaterThan(0);
  });

  it('serves a client whose clock went back and whose state is lost, at once', async () => {
    const earlier = await linkOf(1_700_000_000_000, 1, () => Promise.resolve());
    expect(earlier.hostKey).toBe(hostA.publicKey);
    const later = await linkOf(1, 2, () => Promise.resolve());
    expect(later.hostKey).toBe(hostA.publicKey);
    expect(server.counters.stale).toBeGreaterThan(0);
  });

  it('takes an answer to a challenge once, from where it was sent to, and only with the key', async () => {
    const socket = createSocket('udp4');
    const ask = async (bytes: Buffer) => {
      const answered = new Promise<Buffer | null>((done) => {
        socket.once('message', done);
        void turns(15).then(() => done(null));
      });
      socket.send(bytes, port, '127.0.0.1');
      const answer = await answered;
      socket.removeAllListeners('message');
      return answer;
    };
    const hello = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 5 }, client).packet;
    await ask(hello);
    const challenge = decodeControlPacket((await ask(hello))!) as Challenge;
    const right = answerChallenge(challenge, hello, proofKey(client, hostA.publicBytes)!);
    const withoutKey = answerChallenge(challenge, hello, proofKey(stranger, hostA.publicBytes)!);
    expect(await ask(withoutKey)).toBeNull();
    expect(await exchange([right])).toEqual([]);
    const next = numbersFrom(3);
    for (let i = 0; i < 500; i += 1) socket.send(mutate(right, next), port, '127.0.0.1');
    await turns(15);
    expect(kindsOf([(await ask(right))!])).toEqual(['helloReply']);
    expect(await ask(right)).toBeNull();
    socket.close();
  });

  it('keeps a session while HELLOs are replayed at it, and hears no more of it than any client needs to say', async () => {
    const socket = createSocket('udp4');
    const hello = beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 1 }, client);
    const answered = new Promise<Buffer>((done) => socket.once('message', done));
    socket.send(hello.packet, port, '127.0.0.1');
    const keys = finishHandshake(hello, decodeControlPacket(await answered) as HelloReply)!;
    const { Session } = await import('../../../../guest-proxy/protocol/session.js');
    const session = new Session(keys, 'client');
    const send = async (message: Message) => {
      await new Promise((done) => socket.send(session.seal(message), port, '127.0.0.1', done));
      await turns(5);
    };
    await send({ kind: 'keepalive', epoch: 0, pendingEpoch: 0 });
    // Answered anew but never confirmed: nobody holds its keys.
    await exchange([beginHandshake({ desktop: 'desk-1', epoch: 0, stamp: 2 }, client).packet], 5);
    await send({ kind: 'committed', desktop: 'desk-1', epoch: 3, flows: 1 });
    expect(heard).toEqual([{ kind: 'committed', desktop: 'desk-1', epoch: 3, flows: 1 }]);
    expect(server.sessionsAt('desk-1', '127.0.0.1')).toHaveLength(1);
    const flood = Array.from({ length: 2_000 }, () =>
      session.seal({ kind: 'committed', desktop: 'desk-1', epoch: 3, flows: 1 }),
    );
    stoppedAtMs = Date.now();
    for (const [i, bytes] of flood.entries()) {
      await new Promise((done) => socket.send(bytes, port, '127.0.0.1', done));
      // As many as a socket has room for.
      if (i % 100 === 0) await turns(1);
    }
    await turns(15);
    // What a client may say at once; a hundred more each second.
    expect(heard.length).toBeLessThanOrEqual(501);
    expect(server.counters.tooMany).toBeGreaterThan(0);
    const alive = new Promise<Buffer>((done) => socket.once('message', done));
    await send({ kind: 'keepalive', epoch: 3, pendingEpoch: 0 });
    expect(decodeControlPacket(await alive)?.kind).toBe('data');
    socket.close();
  });

  it('forgets the sessions of a client that is revoked, and no other', async () => {
    const link = await linkOf(1, 1, () => Promise.resolve());
    expect(link.hostKey).toBe(hostA.publicKey);
    await turns(5);
    server.dropClients((key) => key === stranger.publicKey);
    expect(server.all()).toHaveLength(1);
    server.dropClients((key) => key === client.publicKey);
    expect(server.all()).toHaveLength(0);
  });

  it('answers a packet of an unknown session with a hint that is smaller than it', async () => {
    const { clientEnd } = established();
    const stray = clientEnd.seal({ kind: 'keepalive', epoch: 0, pendingEpoch: 0 });
    const [hint] = await exchange([stray]);
    expect(decodeControlPacket(hint!)).toEqual({ kind: 'unknown', session: clientEnd.id });
    expect(hint!.length).toBeLessThan(stray.length);
  });
});
