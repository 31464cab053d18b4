// What shows that packets of a flow itself pass between a client and a desktop's new address, both ways: carried by packets of that flow's own
// protocol and ports (punch/packets.ts), since a NAT that lets the control channel pass may drop a TCP connection that it has not seen begin.
//   ASK     c>h  "VSPATH1?" | session 8 | token 8 | client's own port u16 | mac 16                                      = 42
//   ANSWER  h>c  "VSPATH1!" | token 8 | address 4 and port u16 where the host has seen it | own port u16 | cookie 8     = 32
// mac: BLAKE2b under a key of the session; cookie: under one that only the host has. It keeps nothing for an ASK, and answers with less than it
// got. The client cannot check a cookie; it tells the host of the answers that came (PROVED, messages.ts), and only the host's DIRECT makes a flow go this way.
import { ipv4Bytes } from '../../domain/model/address.js';
import type { RelayedFlow } from '../relay/flow.js';
import { Reader, ipv4, u16, u8 } from './bytes.js';
import type { PathSeen } from './messages.js';
import sodium, { bufferOf } from './sodium.js';

export const ASK_MAGIC = Buffer.from('VSPATH1?', 'latin1');
export const ANSWER_MAGIC = Buffer.from('VSPATH1!', 'latin1');
export const ASK_BYTES = 42;
export const ANSWER_BYTES = 32;
export const TOKEN_BYTES = 8;
const COOKIE_BYTES = 8;
const SESSION_BYTES = 8;
const MAC_BYTES = 16;
const KEY_CONTEXT = Buffer.from('vmshadow path key 1');
const ASK_CONTEXT = Buffer.from('vmshadow path ask 1');
const COOKIE_CONTEXT = Buffer.from('vmshadow path cookie 1');
const PROTOCOL = { tcp: 6, udp: 17 } as const;

/** Derive the key of path proofs from the key that a session's client sends with. */
export function pathKey(clientKey: Buffer): Buffer {
  return bufferOf(sodium.crypto_generichash(32, KEY_CONTEXT, clientKey));
}

/** Derive the key of a session's cookies from what only the host knows. */
export function cookieKey(secret: Buffer, pathKeyOfSession: Buffer): Buffer {
  return bufferOf(sodium.crypto_generichash(32, pathKeyOfSession, secret));
}

const mac = (key: Buffer, ...parts: readonly Buffer[]): Buffer =>
  bufferOf(sodium.crypto_generichash(MAC_BYTES, Buffer.concat(parts), key));

/** What an ASK is asked of: a port of the desktop at one of its external addresses. */
export interface PathEnd {
  readonly protocol: RelayedFlow['protocol'];
  readonly external: string;
  readonly port: number;
}

export interface Ask {
  readonly session: Buffer;
  readonly token: Buffer;
  readonly clientPort: number;
}

const endBytes = ({ protocol, external, port }: PathEnd): Buffer =>
  Buffer.concat([u8(PROTOCOL[protocol]), Buffer.from(ipv4Bytes(external)), u16(port)]);

/** Make the content of the packet that asks for a path. */
export function encodeAsk(ask: Ask, end: PathEnd, key: Buffer): Buffer {
  const body = Buffer.concat([ASK_MAGIC, ask.session, ask.token, u16(ask.clientPort)]);
  return Buffer.concat([body, mac(key, ASK_CONTEXT, body, endBytes(end))]);
}

/** Read an ASK, which is not proved to be anybody's yet; null for anything else. */
export function decodeAsk(bytes: Buffer): (Ask & { readonly bytes: Buffer }) | null {
  if (bytes.length !== ASK_BYTES || !bytes.subarray(0, ASK_MAGIC.length).equals(ASK_MAGIC)) return null;
  const r = new Reader(bytes.subarray(ASK_MAGIC.length));
  return { session: r.take(SESSION_BYTES), token: r.take(TOKEN_BYTES), clientPort: r.u16(), bytes };
}

/** Tell whether the client of the session with this key has made an ASK for `end`. */
export function isAskOf(ask: { readonly bytes: Buffer }, end: PathEnd, key: Buffer): boolean {
  const body = ask.bytes.subarray(0, ASK_BYTES - MAC_BYTES);
  return sodium.memcmp(ask.bytes.subarray(ASK_BYTES - MAC_BYTES), mac(key, ASK_CONTEXT, body, endBytes(end)));
}

function cookieOf(end: PathEnd, path: Omit<PathSeen, 'protocol' | 'port' | 'cookie'>, key: Buffer): Buffer {
  const { token, seen, clientPort } = path;
  const where = Buffer.concat([token, ipv4(seen.address), u16(seen.port), u16(clientPort)]);
  return mac(key, COOKIE_CONTEXT, where, endBytes(end)).subarray(0, COOKIE_BYTES);
}

/** Make the content of the packet that answers an ASK which came from `seen`. */
export function encodeAnswer(ask: Ask, end: PathEnd, seen: PathSeen['seen'], key: Buffer): Buffer {
  const { token, clientPort } = ask;
  const cookie = cookieOf(end, { token, seen, clientPort }, key);
  return Buffer.concat([ANSWER_MAGIC, token, ipv4(seen.address), u16(seen.port), u16(clientPort), cookie]);
}

/** What an answer says. */
export type PathAnswer = Pick<PathSeen, 'token' | 'seen' | 'clientPort' | 'cookie'>;

/** Read an ANSWER, which may be anybody's; null for anything else. */
export function decodeAnswer(bytes: Buffer): PathAnswer | null {
  if (bytes.length !== ANSWER_BYTES || !bytes.subarray(0, ANSWER_MAGIC.length).equals(ANSWER_MAGIC))
    return null;
  const r = new Reader(bytes.subarray(ANSWER_MAGIC.length));
  const token = r.take(TOKEN_BYTES);
  const seen = { address: r.ipv4(), port: r.u16() };
  return { token, seen, clientPort: r.u16(), cookie: r.take(COOKIE_BYTES) };
}

/** Tell whether the host itself has given the answer that a client tells of. */
export function isAnswered(path: PathSeen, external: string, key: Buffer): boolean {
  const { protocol, port, cookie } = path;
  return sodium.memcmp(cookie, cookieOf({ protocol, external, port }, path, key));
}
