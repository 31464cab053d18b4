// A capture of any size: ten seconds of a desktop again and again, its session going on in one connection, each time beside new ones.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { framed, inOrder } from '../../lab/captures/kind.js';
import { pcap, type Frame } from '../../lab/captures/files.js';
import { pulled, typing } from '../../lab/captures/flows.js';
import { packetsOf, type Conversation } from '../../lab/captures/packets.js';

const ROUND_SECONDS = 10;
const RTT_MS = 20;
/** Connections that each round adds: more than 4,096 in a gigabyte. */
const NEW_FLOWS = 120;
const SCREEN_PORT = 5_901;
/** Where Ethernet and an IPv4 header without options end. */
const TCP_AT = 34;
const FIRST_PORT = 1_024;
const PCAP_HEAD = 24;

interface Template {
  readonly frame: Frame;
  readonly fromServer: boolean;
  /** Which connection of the round; 0 is the session. */
  readonly flow: number;
}

/** Write a capture of about `bytes`, whole packets; give what is in it. */
export async function writeLargeCapture(
  path: string,
  bytes: number,
): Promise<{ packets: number; flows: number }> {
  const templates = templatesOf();
  const passed = { server: 0, client: 0 };
  for (const { frame, fromServer, flow } of templates)
    if (flow === 0) passed[fromServer ? 'server' : 'client'] += payloadOf(frame);
  const file = createWriteStream(path);
  file.write(pcap([]));
  let written = 0;
  let rounds = 0;
  for (; written < bytes; rounds++) {
    const frames = templates.map((t) => shifted(t, rounds, passed));
    const block = pcap(frames).subarray(PCAP_HEAD);
    written += block.length;
    if (!file.write(block)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
  return { packets: rounds * templates.length, flows: 1 + rounds * NEW_FLOWS };
}

function templatesOf(): Template[] {
  const session: Conversation = {
    port: SCREEN_PORT,
    rttMs: RTT_MS,
    said: pulled(ROUND_SECONDS, { rttMs: RTT_MS }),
  };
  const others = Array.from({ length: NEW_FLOWS }, (_, n): Conversation => ({
    port: 8_443,
    client: `198.51.100.${10 + n}`,
    rttMs: RTT_MS,
    said: typing(ROUND_SECONDS),
  }));
  return inOrder(
    ...[session, ...others].map((c, flow) => {
      const packets = packetsOf(c, 7 + flow);
      return framed(packets).map((frame, i) => ({
        timeMs: frame.timeMs,
        frame: { ...frame, bytes: padded(frame) },
        fromServer: packets[i]?.fromServer === true,
        flow,
      }));
    }),
  );
}

/** With all that was on the wire. */
function padded({ bytes, wireBytes }: Frame): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(Math.max(0, wireBytes - bytes.length))]);
}

function payloadOf({ bytes, wireBytes }: Frame): number {
  return wireBytes - TCP_AT - ((bytes[TCP_AT + 12] ?? 0) >> 4) * 4;
}

/** The same packet rounds later: the session's numbers go on, the others come from another port. */
function shifted(
  { frame, fromServer, flow }: Template,
  round: number,
  passed: { server: number; client: number },
): Frame {
  const bytes = Buffer.from(frame.bytes);
  const add = (at: number, n: number) => bytes.writeUInt32BE((bytes.readUInt32BE(at) + n) >>> 0, at);
  if (flow === 0) {
    const [own, other] = fromServer ? [passed.server, passed.client] : [passed.client, passed.server];
    add(TCP_AT + 4, own * round);
    add(TCP_AT + 8, other * round);
  } else bytes.writeUInt16BE(FIRST_PORT + round, TCP_AT + (fromServer ? 2 : 0));
  for (const at of [24, 28]) add(TCP_AT + at, ROUND_SECONDS * 1000 * round);
  return { timeMs: frame.timeMs + ROUND_SECONDS * 1000 * round, bytes, wireBytes: frame.wireBytes };
}
