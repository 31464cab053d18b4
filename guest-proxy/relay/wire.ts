// What two hosts send each other for flows that go on over an old site. Pure.
//
//   bytes  0..3   "VSR1"
//          4..11  relay id: one a desktop and epoch of the host that it has left
//         12..27  session of the sender: generation (4), start (8, ms), random (4)
//         28..35  counter, from 0
//         36..    sealed by AES-256-GCM: kind (1: a packet, 2: a note) and content; tag of 16 bytes
//
// The key of a session is HKDF-SHA256(relay key, salt = session, info = direction and id); nonce: 4 zero bytes and the counter; the header is
// authenticated. The relay key goes from host to host over their mutually authenticated TLS channel. A sender that starts anew, on either
// host, has a new session and so a new key: no nonce is ever used twice. The newest session (generation, then start) speaks for the
// desktop's present host; the old site answers to where its newest packet came from.
// A note is JSON; fields that a receiver does not know are ignored, and so are kinds.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const MAGIC = Buffer.from('VSR1');
const ID_AT = 4;
const SESSION_AT = 12;
const COUNTER_AT = 28;
const HEADER_BYTES = 36;
const TAG_BYTES = 16;
export const ID_BYTES = 8;
export const SESSION_BYTES = 16;
const KEY_BYTES = 32;
export const KIND = { packet: 1, note: 2 } as const;

/** Whose packets: of the old site, or of the desktop's present one. */
export type Direction = 'from-old' | 'from-new';

export interface Header {
  /** Hex. */
  readonly id: string;
  readonly session: Buffer;
  readonly counter: number;
}

/** Name a new session of a sender. */
export function makeSession(generation: number, startMs: number, random = randomBytes(4)): Buffer {
  const session = Buffer.alloc(SESSION_BYTES);
  session.writeUInt32BE(generation, 0);
  session.writeBigUInt64BE(BigInt(Math.floor(startMs)), 4);
  session.set(random.subarray(0, 4), 12);
  return session;
}

/** The key of one sender's session. */
export function sessionKey(relayKey: Buffer, id: string, session: Buffer, direction: Direction): Buffer {
  return Buffer.from(hkdfSync('sha256', relayKey, session, `vmshadow relay ${direction} ${id}`, KEY_BYTES));
}

/** Read the header of a packet; null for what is none of ours. */
export function readHeader(bytes: Buffer): Header | null {
  if (bytes.length < HEADER_BYTES + TAG_BYTES + 1 || !bytes.subarray(0, ID_AT).equals(MAGIC)) return null;
  const counter = bytes.readBigUInt64BE(COUNTER_AT);
  if (counter > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return {
    id: bytes.toString('hex', ID_AT, SESSION_AT),
    session: bytes.subarray(SESSION_AT, COUNTER_AT),
    counter: Number(counter),
  };
}

function nonceOf(header: Buffer): Buffer {
  return Buffer.concat([Buffer.alloc(4), header.subarray(COUNTER_AT, HEADER_BYTES)]);
}

/** Seal one packet or note. */
export function seal(key: Buffer, header: Header, kind: number, content: Buffer): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.set(MAGIC, 0);
  head.set(Buffer.from(header.id, 'hex'), ID_AT);
  head.set(header.session, SESSION_AT);
  head.writeBigUInt64BE(BigInt(header.counter), COUNTER_AT);
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(head));
  cipher.setAAD(head);
  const sealed = [cipher.update(Buffer.from([kind])), cipher.update(content), cipher.final()];
  return Buffer.concat([head, ...sealed, cipher.getAuthTag()]);
}

/** Open what `readHeader` has read; null for what was not sealed with this key. */
export function open(key: Buffer, bytes: Buffer): { kind: number; content: Buffer } | null {
  const head = bytes.subarray(0, HEADER_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(head), { authTagLength: TAG_BYTES });
  decipher.setAAD(head);
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const plain = decipher.update(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return { kind: plain.readUInt8(0), content: plain.subarray(1) };
}
