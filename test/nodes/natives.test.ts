// What is compiled, under the Node that runs this (scripts/test, tier `nodes`): each part loads and does something real. Needs root and, for the
// queue, a network namespace of its own.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import nfqueue from 'nfqueue';
import { ProgramBuilder } from '../../domain/placement/solvers/linear-program.js';
import { highsSolver } from '../../drivers/solver/highs-solver.js';
import { punchPacket } from '../../guest-proxy/punch/packets.js';
import { sendRaw } from '../../guest-proxy/punch/raw-sender.js';
import { beginHandshake, verifyHello } from '../../guest-proxy/protocol/handshake.js';
import { createKeyPair, identityOf } from '../../guest-proxy/protocol/identity.js';
import { compress, decompress } from '../../transfer/stream/zstd.js';
import { decodeControlPacket, type Hello } from '../../guest-proxy/protocol/wire.js';

const QUEUE_NUMBER = 7_999;

it('nfqueue opens a queue', () => {
  expect(nfqueue.createQueueHandler(QUEUE_NUMBER, 65_536, () => undefined)).toBeDefined();
});

it('koffi sends a raw packet, which arrives', async () => {
  const receiver = createSocket('udp4');
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const arrived = once(receiver, 'message') as Promise<[Buffer, { port: number }]>;
  const local = { address: '127.0.0.1', port: 40_000 };
  const remote = { address: '127.0.0.1', port: receiver.address().port };
  const bytes = punchPacket({ protocol: 'udp', local, remote }, remote.address, 'open');
  await sendRaw([{ destination: remote.address, bytes }]);
  expect((await arrived)[1].port).toBe(local.port);
  receiver.close();
});

it("koffi calls the system's zstd, which gives back what it was given and no more", () => {
  const bytes = Buffer.alloc(100_000, 'what comes again ');
  const small = compress(bytes)!;
  expect(small.length).toBeLessThan(1_000);
  expect(decompress(small, bytes.length).equals(bytes)).toBe(true);
  expect(() => decompress(small, bytes.length - 1)).toThrow(expect.objectContaining({ code: 'PROTOCOL' }));
});

it('libsodium signs and verifies', () => {
  const identity = identityOf(createKeyPair());
  const { packet } = beginHandshake({ desktop: 'desk', epoch: 1, stamp: 1 }, identity);
  expect(verifyHello(decodeControlPacket(packet) as Hello)).toBe(true);
});

it("Temporal's core starts and stops", async () => {
  await Runtime.install({ logger: new DefaultLogger('WARN') }).shutdown();
});

it('HiGHS solves a program', async () => {
  const program = new ProgramBuilder();
  const row = program.row(0, 1);
  program.column(2, [[row, 1]]);
  program.column(3, [[row, 1]]);
  expect(await highsSolver(program.build(true), { timeLimitMs: 10_000 })).toMatchObject({
    status: 'optimal',
  });
});
