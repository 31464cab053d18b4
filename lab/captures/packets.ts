// IP packets of made-up conversations, byte by byte, as a tap beside the server sees them: for captures that tests and benches throw at
// the fingerprint. Only headers and the first bytes of a payload are made; how long a packet was on the wire is kept beside.
import { randomFrom } from '../random.js';

/** What one side says, when it passes the tap. */
export interface Said {
  readonly atMs: number;
  readonly fromServer: boolean;
  readonly bytes: number;
  readonly text?: string | Uint8Array;
}

export interface Conversation {
  readonly protocol?: 'tcp' | 'udp';
  readonly server?: string;
  readonly client?: string;
  readonly port: number;
  readonly clientPort?: number;
  /** The client's way there and back, ms: its kernel acknowledges by so much later. */
  readonly rttMs?: number;
  /** The handshake was captured. */
  readonly opens?: boolean;
  /** TCP timestamps; silent: yes. */
  readonly timestamps?: boolean;
  /** From one segment of a message to its next, ms. */
  readonly spacingMs?: number;
  readonly said: (random: () => number) => Said[];
}

export interface Packet {
  readonly timeMs: number;
  readonly fromServer: boolean;
  /** The beginning of the IP packet. */
  readonly bytes: Buffer;
  /** The length of the IP packet on the wire. */
  readonly wireBytes: number;
}

const MSS = 1_448;
/** Datagrams are cut by the application. */
const DATAGRAM = 1_200;
const START_MS = 1_700_000_000_000;
const KEPT_BYTES = 48;
const FLAG = { syn: 2, push: 8, ack: 16 };

export const SERVER = '10.77.0.2';
export const CLIENT = '198.51.100.2';

interface Segment {
  readonly atMs: number;
  readonly fromServer: boolean;
  readonly bytes: number;
  readonly last: boolean;
  readonly text: string | Uint8Array;
}

/** Write a conversation out, in the order of time. */
export function packetsOf(c: Conversation, seed = 7): Packet[] {
  const said = [...c.said(randomFrom(seed))].sort((a, b) => a.atMs - b.atMs);
  const size = c.protocol === 'udp' ? DATAGRAM : MSS;
  const segments = said.flatMap((s): Segment[] =>
    Array.from({ length: Math.max(1, Math.ceil(s.bytes / size)) }, (_, k) => ({
      atMs: s.atMs + k * (c.spacingMs ?? 0.1),
      fromServer: s.fromServer,
      bytes: Math.max(1, Math.min(size, Math.round(s.bytes) - k * size)),
      last: (k + 1) * size >= s.bytes,
      text: k === 0 ? (s.text ?? '') : '',
    })),
  );
  segments.sort((a, b) => a.atMs - b.atMs);
  return c.protocol === 'udp' ? datagrams(c, segments) : stream(c, segments);
}

function datagrams(c: Conversation, segments: readonly Segment[]): Packet[] {
  return segments.map((s, n) => {
    const head = Buffer.alloc(8);
    ports(c, s.fromServer).forEach((port, i) => head.writeUInt16BE(port, 2 * i));
    head.writeUInt16BE(8 + s.bytes, 4);
    head.writeUInt16BE(1 + ((n * 7919) % 65_535), 6);
    return packet(c, s.fromServer, s.atMs, head, s.bytes, s.text, 17, n);
  });
}

/** What both kernels add: acknowledgements at once at the server, a round trip later from the client. */
function stream(c: Conversation, segments: readonly Segment[]): Packet[] {
  const { rttMs = 0.3 } = c;
  interface Event {
    readonly atMs: number;
    readonly fromServer: boolean;
    readonly bytes: number;
    readonly flags: number;
    readonly text: string | Uint8Array;
    /** Acknowledges what the other side has sent up to here; undefined: all that has passed when it was sent. */
    readonly ack?: number;
  }
  const sent = { server: 1_000, client: 5_000 };
  const events: Event[] = [];
  const first = (segments[0]?.atMs ?? 0) - rttMs - 1;
  if (c.opens === true) {
    events.push({ atMs: first, fromServer: false, bytes: 0, flags: FLAG.syn, text: '' });
    events.push({ atMs: first + 0.1, fromServer: true, bytes: 0, flags: FLAG.syn | FLAG.ack, text: '' });
  }
  let end = { server: sent.server, client: sent.client };
  let unacked = 0;
  for (const s of segments) {
    const me = s.fromServer ? 'server' : 'client';
    end = { ...end, [me]: end[me] + s.bytes };
    events.push({ ...s, flags: FLAG.ack | (s.last ? FLAG.push : 0) });
    unacked = s.fromServer ? unacked + 1 : 0;
    if (!s.fromServer || unacked % 2 === 0 || s.last)
      events.push({
        atMs: s.atMs + (s.fromServer ? rttMs : 0.08),
        fromServer: !s.fromServer,
        bytes: 0,
        flags: FLAG.ack,
        text: '',
        ack: end[me],
      });
  }
  const ordered = events.map((e, i) => ({ e, i })).sort((a, b) => a.e.atMs - b.e.atMs || a.i - b.i);
  const acked = { server: sent.client, client: sent.server };
  const history: { atMs: number; end: number }[] = [];
  return ordered.map(({ e }, n) => {
    const me = e.fromServer ? ('server' as const) : ('client' as const);
    // The client knows what passed the tap half a round trip before it spoke; the server all of it.
    const seen = e.fromServer
      ? sent.client
      : (history.findLast((h) => h.atMs <= e.atMs - rttMs)?.end ?? 1_000);
    acked[me] = Math.max(acked[me], e.ack ?? seen);
    const options = c.timestamps === false ? 0 : 12;
    const head = Buffer.alloc(20 + options);
    ports(c, e.fromServer).forEach((port, i) => head.writeUInt16BE(port, 2 * i));
    head.writeUInt32BE(sent[me] - (e.flags & FLAG.syn ? 1 : 0), 4);
    head.writeUInt32BE((e.flags & FLAG.ack) === 0 ? 0 : acked[me], 8);
    head.writeUInt8(((20 + options) / 4) << 4, 12);
    head.writeUInt8(e.flags, 13);
    head.writeUInt16BE(1 + ((n * 7919) % 65_535), 16);
    if (options > 0) {
      head.set([1, 1, 8, 10], 20);
      head.writeUInt32BE(Math.floor(e.atMs + 50_000) >>> 0, 24);
      head.writeUInt32BE(
        Math.max(0, Math.floor(e.atMs + 50_000 - (e.fromServer ? rttMs / 2 : rttMs))) >>> 0,
        28,
      );
    }
    if (e.bytes > 0) sent[me] += e.bytes;
    if (e.fromServer) history.push({ atMs: e.atMs, end: sent.server });
    return packet(c, e.fromServer, e.atMs, head, e.bytes, e.text, 6, n);
  });
}

function ports(c: Conversation, fromServer: boolean): [number, number] {
  const { port, clientPort = 50_123 } = c;
  return fromServer ? [port, clientPort] : [clientPort, port];
}

function packet(
  c: Conversation,
  fromServer: boolean,
  atMs: number,
  head: Buffer,
  bytes: number,
  text: string | Uint8Array,
  protocol: number,
  n: number,
): Packet {
  const { server = SERVER, client = CLIENT } = c;
  const kept = Buffer.alloc(Math.min(bytes, KEPT_BYTES), 0x5a);
  Buffer.from(text).copy(kept);
  const body = Buffer.concat([head, kept]);
  const [from, to] = fromServer ? [server, client] : [client, server];
  const ip = server.includes(':')
    ? ipv6(body, from, to, protocol, head.length + bytes)
    : ipv4(body, from, to, protocol, head.length + bytes, n);
  return {
    timeMs: START_MS + atMs,
    fromServer,
    bytes: ip,
    wireBytes: ip.length - body.length + head.length + bytes,
  };
}

/** An IPv4 packet; `length` is its payload's on the wire. */
export function ipv4(
  body: Buffer,
  from: string,
  to: string,
  protocol: number,
  length = body.length,
  id = 0,
  fragment = 0,
): Buffer {
  const b = Buffer.alloc(20);
  b.writeUInt8(0x45, 0);
  b.writeUInt16BE(20 + length, 2);
  b.writeUInt16BE(id % 65_536, 4);
  b.writeUInt16BE(fragment, 6);
  b.writeUInt8(64, 8);
  b.writeUInt8(protocol, 9);
  b.set(from.split('.').map(Number), 12);
  b.set(to.split('.').map(Number), 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += b.readUInt16BE(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  b.writeUInt16BE(~(sum + (sum >>> 16)) & 0xffff, 10);
  return Buffer.concat([b, body]);
}

/** An IPv6 packet; addresses are written in full groups or with `::`. */
export function ipv6(body: Buffer, from: string, to: string, next: number, length = body.length): Buffer {
  const b = Buffer.alloc(40);
  b.writeUInt8(0x60, 0);
  b.writeUInt16BE(length, 4);
  b.writeUInt8(next, 6);
  b.writeUInt8(64, 7);
  [from, to].forEach((address, i) =>
    groups(address).forEach((g, k) => b.writeUInt16BE(g, 8 + 16 * i + 2 * k)),
  );
  return Buffer.concat([b, body]);
}

function groups(address: string): number[] {
  const [left = '', right] = address.split('::');
  const words = (s: string) => (s === '' ? [] : s.split(':').map((w) => parseInt(w, 16)));
  const [a, b] = [words(left), words(right ?? '')];
  return [...a, ...new Array<number>(8 - a.length - b.length).fill(0), ...b];
}
