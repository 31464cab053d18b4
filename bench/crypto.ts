// `npm run bench -- crypto`: what a handshake and a message of the connection protocol cost, in CPU time, which a busy machine disturbs
// least. Whole steps are measured as client and host make them: layout, keys, signatures, replay window.
import { createKeyPair, identityOf } from '../guest-proxy/protocol/identity.js';
import {
  answerHandshake,
  beginHandshake,
  finishHandshake,
  verifyHello,
} from '../guest-proxy/protocol/handshake.js';
import type { Message } from '../guest-proxy/protocol/messages.js';
import { Session } from '../guest-proxy/protocol/session.js';
import { type Data, decodeControlPacket, type Hello, type HelloReply } from '../guest-proxy/protocol/wire.js';
import { percentile } from '../lab/demo/percentiles.js';
import type { BenchResult } from './bench-result.js';

const client = identityOf(createKeyPair(Buffer.alloc(32, 1)));
const host = identityOf(createKeyPair(Buffer.alloc(32, 2)));

/** Batches of a step: enough for a median that a burst of other work does not move. */
const BATCHES = 40;
/** Some milliseconds of work each, against a CPU clock of microseconds. */
const HANDSHAKES_A_BATCH = 25;
const MESSAGES_A_BATCH = 500;
/** A host of 1,000 clients that all come back at once answers them within a second or two: none has given up by then. */
const HOST_TARGET_US = 2_000;
/** A message is sent every few seconds a client: at this cost 1,000 clients take no more than a hundredth of a core. */
const MESSAGE_TARGET_US = 100;

/** The longest message of a move: PREPARE with a desktop's name of ordinary length. */
const MESSAGE: Message = {
  kind: 'prepare',
  desktop: 'desktop-0042',
  epoch: 6,
  oldExternal: '198.51.100.10',
  newExternal: '192.0.2.10',
  targetKey: host.publicBytes,
  lifetimeMs: 600_000,
};

/** Microseconds of CPU time a call of `step` in each batch; batch 0 warms up and does not count. */
function measure(calls: number, step: (call: number) => void): number[] {
  return Array.from({ length: BATCHES + 1 }, (_, batch) => {
    const begun = process.cpuUsage();
    for (let i = 0; i < calls; i += 1) step(batch * calls + i);
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / calls;
  }).slice(1);
}

const begin = (stamp: number) => beginHandshake({ desktop: 'desktop-0042', epoch: 3, stamp }, client);

function answer(packet: Buffer): NonNullable<ReturnType<typeof answerHandshake>> {
  const hello = decodeControlPacket(packet) as Hello;
  if (!verifyHello(hello)) throw new Error('the host refused a true HELLO');
  return answerHandshake(hello, { role: 'owner', epoch: 3 }, host)!;
}

/** Run all steps; about ten seconds. */
export async function run(): Promise<BenchResult> {
  const handshake = begin(1);
  const answered = answer(handshake.packet);
  const finish = () => finishHandshake(handshake, decodeControlPacket(answered.packet) as HelloReply)!;
  const clientEnd = new Session(finish(), 'client');
  const hostEnd = new Session(answered.keys, 'host');
  const total = (BATCHES + 1) * MESSAGES_A_BATCH;
  const sealed = Array.from({ length: total }, () => hostEnd.seal(MESSAGE));
  const raw: Record<string, number[]> = {
    'HELLO, at the client': measure(HANDSHAKES_A_BATCH, begin),
    'HELLO verified and answered, at the host': measure(HANDSHAKES_A_BATCH, () => answer(handshake.packet)),
    'HELLO_REPLY verified, at the client': measure(HANDSHAKES_A_BATCH, finish),
    'a message sealed': measure(MESSAGES_A_BATCH, () => hostEnd.seal(MESSAGE)),
    'a message opened': measure(MESSAGES_A_BATCH, (call) => {
      if (clientEnd.open(decodeControlPacket(sealed[call]!) as Data) === null)
        throw new Error('a true message was refused');
    }),
  };
  const rows = Object.entries(raw).map(([step, us]) => ({
    step,
    median: percentile(us, 0.5)!,
    p95: percentile(us, 0.95)!,
  }));
  const sum = (starts: string) => rows.filter((r) => r.step.startsWith(starts)).map((r) => r.median);
  const handshakeUs = sum('HELLO').reduce((a, b) => a + b, 0);
  const hostUs = sum('HELLO verified')[0]!;
  const messageUs = Math.max(...sum('a message'));
  return {
    targets: [
      {
        name: "the host's part of a handshake",
        target: `<= ${HOST_TARGET_US} us`,
        measured: `${hostUs.toFixed(0)} us`,
        met: hostUs <= HOST_TARGET_US,
      },
      {
        name: 'sealing or opening a message',
        target: `<= ${MESSAGE_TARGET_US} us`,
        measured: `${messageUs.toFixed(1)} us`,
        met: messageUs <= MESSAGE_TARGET_US,
      },
    ],
    table: [
      '| CPU time | median us | p95 us |',
      '|---|---|---|',
      ...rows.map((r) => `| ${r.step} | ${r.median.toFixed(1)} | ${r.p95.toFixed(1)} |`),
      `| a handshake, both ends | ${handshakeUs.toFixed(1)} | - |`,
      '',
    ].join('\n'),
    raw,
  };
}
