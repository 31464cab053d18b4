// Packets of the control channel (UDP, one packet a datagram), version 1. Numbers are big-endian. Pure: bytes in, values out.
//   all      'V' 'S' | version u8 = 1 | kind u8 | ...
//   1 HELLO        desktop 32 | client key 32 | ephemeral 32 | stamp u64 | nonce 16 | epoch u64 | signature 64            = 196
//   2 HELLO_REPLY  host key 32 | ephemeral 32 | nonce 16 | session 8 | role u8, 0 0 0 | epoch u64 | signature 64          = 168
//   3 DATA         session 8 | counter u64 | sealed message (messages.ts) + tag 16                                       = 36 + n
//   4 UNKNOWN      session 8: "I do not know this session" (a hint, not authenticated)                                    = 12
//   5 PROBE, 6 PROBE_REPLY  nonce 16                                                                                      = 20
//   7 CHALLENGE    host key 32 | nonce 16 of the HELLO | issued u64 | cookie 16 | mac 16 (proof.ts)                       = 92
//   8 HELLO_AGAIN  issued u64 | cookie 16 | mac 16 | the HELLO, whole                                                     = 240
// 7 and 8 are younger: a client that does not know them drops a CHALLENGE, and a host that does not know them never sends one.
// No answer is larger than its question. `desktop` is padded with zeros; `epoch` is the newest that the sender knows.
import { Reader, paddedLabel, u64, u8 } from './bytes.js';

const PROTOCOL_VERSION = 1;
const MAGIC = Buffer.from('VS', 'latin1');
const KIND = {
  hello: 1,
  helloReply: 2,
  data: 3,
  unknown: 4,
  probe: 5,
  probeReply: 6,
  challenge: 7,
  helloAgain: 8,
} as const;
/** What a host is to the desktop it answers for. */
const ROLES = ['owner', 'expecting', 'moved'] as const;
export type Role = (typeof ROLES)[number];

const DESKTOP_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 16;
const SESSION_BYTES = 8;
const SIGNATURE_BYTES = 64;
const MAC_BYTES = 16;
export const HELLO_BYTES = 196;
export const HELLO_REPLY_BYTES = 168;
/** Kind, session and counter: authenticated with the sealed message. */
const DATA_HEADER_BYTES = 20;
/** More than any message of ours; what is longer is dropped unread. */
const MAX_PACKET_BYTES = 1200;

export interface Hello {
  readonly kind: 'hello';
  readonly desktop: string;
  readonly clientKey: Buffer;
  readonly ephemeral: Buffer;
  /** Grows with each HELLO of a client, so that an old one is recognised. */
  readonly stamp: number;
  readonly nonce: Buffer;
  readonly epoch: number;
  readonly signature: Buffer;
}

export interface HelloReply {
  readonly kind: 'helloReply';
  readonly hostKey: Buffer;
  readonly ephemeral: Buffer;
  readonly nonce: Buffer;
  readonly session: Buffer;
  readonly role: Role;
  readonly epoch: number;
  readonly signature: Buffer;
}

export interface Data {
  readonly kind: 'data';
  readonly session: Buffer;
  readonly counter: number;
  readonly header: Buffer;
  readonly sealed: Buffer;
}

export interface Unknown {
  readonly kind: 'unknown';
  readonly session: Buffer;
}

export interface Probe {
  readonly kind: 'probe' | 'probeReply';
  readonly nonce: Buffer;
}

export interface Challenge {
  readonly kind: 'challenge';
  readonly hostKey: Buffer;
  /** Of the HELLO that is challenged. */
  readonly nonce: Buffer;
  /** The host's own time, ms; larger in each later challenge of this host's run. */
  readonly issued: number;
  readonly cookie: Buffer;
  readonly mac: Buffer;
}

export interface HelloAgain {
  readonly kind: 'helloAgain';
  readonly issued: number;
  readonly cookie: Buffer;
  readonly mac: Buffer;
  readonly hello: Hello;
  /** The HELLO as it came. */
  readonly helloBytes: Buffer;
}

export type Packet = Hello | HelloReply | Data | Unknown | Probe | Challenge | HelloAgain;

const head = (kind: keyof typeof KIND): Buffer =>
  Buffer.concat([MAGIC, u8(PROTOCOL_VERSION), u8(KIND[kind])]);

/** Encode a HELLO without its signature: the part that is signed. */
export function helloBody(h: Omit<Hello, 'kind' | 'signature'>): Buffer {
  return Buffer.concat([
    head('hello'),
    paddedLabel(h.desktop, DESKTOP_BYTES),
    h.clientKey,
    h.ephemeral,
    u64(h.stamp),
    h.nonce,
    u64(h.epoch),
  ]);
}

/** Encode a HELLO_REPLY without its signature. */
export function helloReplyBody(r: Omit<HelloReply, 'kind' | 'signature'>): Buffer {
  return Buffer.concat([
    head('helloReply'),
    r.hostKey,
    r.ephemeral,
    r.nonce,
    r.session,
    Buffer.from([ROLES.indexOf(r.role), 0, 0, 0]),
    u64(r.epoch),
  ]);
}

/** Encode the header of a DATA packet; the sealed message follows it. */
export function dataHeader(session: Buffer, counter: number): Buffer {
  return Buffer.concat([head('data'), session, u64(counter)]);
}

export function encodeUnknown(session: Buffer): Buffer {
  return Buffer.concat([head('unknown'), session]);
}

export function encodeProbe(kind: 'probe' | 'probeReply', nonce: Buffer): Buffer {
  return Buffer.concat([head(kind), nonce]);
}

/** Encode a CHALLENGE without its MAC: the part that the MAC covers. */
export function challengeBody(c: Omit<Challenge, 'kind' | 'mac'>): Buffer {
  return Buffer.concat([head('challenge'), c.hostKey, c.nonce, u64(c.issued), c.cookie]);
}

export function encodeChallenge(c: Omit<Challenge, 'kind'>): Buffer {
  return Buffer.concat([challengeBody(c), c.mac]);
}

/** Encode a HELLO_AGAIN; `hello` is the datagram of a HELLO. */
export function encodeHelloAgain(a: { issued: number; cookie: Buffer; mac: Buffer; hello: Buffer }): Buffer {
  return Buffer.concat([head('helloAgain'), u64(a.issued), a.cookie, a.mac, a.hello]);
}

function readHelloAgain(r: Reader): HelloAgain | null {
  const fixed = { issued: r.u64(), cookie: r.take(MAC_BYTES), mac: r.take(MAC_BYTES) };
  const helloBytes = r.take(HELLO_BYTES);
  const hello = decodeControlPacket(helloBytes);
  return hello?.kind === 'hello' ? { kind: 'helloAgain', ...fixed, hello, helloBytes } : null;
}

function readHello(r: Reader): Hello {
  return {
    kind: 'hello',
    desktop: r.paddedLabel(DESKTOP_BYTES),
    clientKey: r.take(KEY_BYTES),
    ephemeral: r.take(KEY_BYTES),
    stamp: r.u64(),
    nonce: r.take(NONCE_BYTES),
    epoch: r.u64(),
    signature: r.take(SIGNATURE_BYTES),
  };
}

function readHelloReply(r: Reader): HelloReply | null {
  const fixed = {
    hostKey: r.take(KEY_BYTES),
    ephemeral: r.take(KEY_BYTES),
    nonce: r.take(NONCE_BYTES),
    session: r.take(SESSION_BYTES),
  };
  const role = ROLES[r.u8()];
  const reserved = r.take(3);
  const rest = { epoch: r.u64(), signature: r.take(SIGNATURE_BYTES) };
  if (role === undefined || reserved.some((b) => b !== 0)) return null;
  return { kind: 'helloReply', ...fixed, role, ...rest };
}

/** Decode a datagram; null when it is not exactly a packet of this version. Costs no cryptography. */
export function decodeControlPacket(bytes: Buffer): Packet | null {
  if (bytes.length < 4 || bytes.length > MAX_PACKET_BYTES) return null;
  if (!bytes.subarray(0, 2).equals(MAGIC) || bytes[2] !== PROTOCOL_VERSION) return null;
  const r = new Reader(bytes.subarray(4));
  let packet: Packet | null;
  switch (bytes[3]) {
    case KIND.hello:
      packet = readHello(r);
      break;
    case KIND.helloReply:
      packet = readHelloReply(r);
      break;
    case KIND.data: {
      const header = bytes.subarray(0, DATA_HEADER_BYTES);
      const fields = { session: r.take(SESSION_BYTES), counter: r.u64() };
      const sealed = r.take(Math.max(0, bytes.length - DATA_HEADER_BYTES));
      packet = { kind: 'data', ...fields, header, sealed };
      break;
    }
    case KIND.unknown:
      packet = { kind: 'unknown', session: r.take(SESSION_BYTES) };
      break;
    case KIND.probe:
      packet = { kind: 'probe', nonce: r.take(NONCE_BYTES) };
      break;
    case KIND.probeReply:
      packet = { kind: 'probeReply', nonce: r.take(NONCE_BYTES) };
      break;
    case KIND.challenge:
      packet = {
        kind: 'challenge',
        hostKey: r.take(KEY_BYTES),
        nonce: r.take(NONCE_BYTES),
        issued: r.u64(),
        cookie: r.take(MAC_BYTES),
        mac: r.take(MAC_BYTES),
      };
      break;
    case KIND.helloAgain:
      packet = readHelloAgain(r);
      break;
    default:
      return null;
  }
  return r.ok() ? packet : null;
}
