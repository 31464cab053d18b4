// HELLO and its reply: X25519 keys of one use, signed by the long-term identities. The host's signature covers the client's whole HELLO,
// and the session keys are derived from both packets: neither end can be made to believe in another peer, desktop, epoch or direction.
import sodium from 'sodium-native';
import type { Identity } from './identity.js';
import type { SessionKeys } from './session.js';
import {
  type Hello,
  type HelloReply,
  type Role,
  helloBody,
  helloReplyBody,
  SIGNATURE_BYTES,
} from './wire.js';

const HELLO_CONTEXT = Buffer.from('vmshadow hello 1');
const REPLY_CONTEXT = Buffer.from('vmshadow hello reply 1');
const KEY_BYTES = 32;

/** Bytes of randomness; injected, so that tests get the same packets each time. */
export type RandomBytes = (length: number) => Buffer;

export const systemRandom: RandomBytes = (length) => {
  const bytes = Buffer.alloc(length);
  sodium.randombytes_buf(bytes);
  return bytes;
};

interface Ephemeral {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

function ephemeralFrom(random: RandomBytes): Ephemeral {
  const publicKey = Buffer.alloc(KEY_BYTES);
  const secretKey = Buffer.alloc(KEY_BYTES);
  sodium.crypto_kx_seed_keypair(publicKey, secretKey, random(32));
  return { publicKey, secretKey };
}

function sign(context: Buffer, body: Buffer, identity: Identity): Buffer {
  const signature = Buffer.alloc(SIGNATURE_BYTES);
  sodium.crypto_sign_detached(signature, Buffer.concat([context, body]), identity.secretBytes);
  return signature;
}

/** Mix the transcript into a key of crypto_kx. */
function bind(key: Buffer, transcript: Buffer): Buffer {
  const bound = Buffer.alloc(KEY_BYTES);
  sodium.crypto_generichash(bound, transcript, key);
  sodium.sodium_memzero(key);
  return bound;
}

/** A client's handshake under way. */
export interface ClientHandshake {
  readonly packet: Buffer;
  readonly nonce: Buffer;
  readonly ephemeral: Ephemeral;
}

/** Begin a session for `desktop`. `stamp` must be larger than in any earlier HELLO of this identity. */
export function beginHandshake(
  input: { desktop: string; epoch: number; stamp: number },
  identity: Identity,
  random: RandomBytes = systemRandom,
): ClientHandshake {
  const ephemeral = ephemeralFrom(random);
  const nonce = random(16);
  const body = helloBody({
    ...input,
    clientKey: identity.publicBytes,
    ephemeral: ephemeral.publicKey,
    nonce,
  });
  return { packet: Buffer.concat([body, sign(HELLO_CONTEXT, body, identity)]), nonce, ephemeral };
}

/** Verify the signature of a HELLO: the expensive check (about 0.1 ms), to be made last. */
export function verifyHello(hello: Hello): boolean {
  const message = Buffer.concat([HELLO_CONTEXT, helloBody(hello)]);
  return sodium.crypto_sign_verify_detached(hello.signature, message, hello.clientKey);
}

/** Answer a verified HELLO: the reply's datagram and the host's keys; null when the client's ephemeral key is not one. */
export function answerHandshake(
  hello: Hello,
  input: { role: Role; epoch: number },
  identity: Identity,
  random: RandomBytes = systemRandom,
): { packet: Buffer; keys: SessionKeys } | null {
  const ephemeral = ephemeralFrom(random);
  const id = random(8);
  const helloBytes = Buffer.concat([helloBody(hello), hello.signature]);
  const body = helloReplyBody({
    ...input,
    hostKey: identity.publicBytes,
    ephemeral: ephemeral.publicKey,
    nonce: hello.nonce,
    session: id,
  });
  const receive = Buffer.alloc(KEY_BYTES);
  const transmit = Buffer.alloc(KEY_BYTES);
  try {
    sodium.crypto_kx_server_session_keys(
      receive,
      transmit,
      ephemeral.publicKey,
      ephemeral.secretKey,
      hello.ephemeral,
    );
  } catch {
    return null;
  }
  const transcript = Buffer.concat([helloBytes, body]);
  const signature = sign(REPLY_CONTEXT, transcript, identity);
  return {
    packet: Buffer.concat([body, signature]),
    keys: { id, receive: bind(receive, transcript), transmit: bind(transmit, transcript) },
  };
}

/** Finish a handshake with the reply to it; null when it is forged or answers something else. Who the host may be, the caller checks first. */
export function finishHandshake(handshake: ClientHandshake, reply: HelloReply): SessionKeys | null {
  if (!reply.nonce.equals(handshake.nonce)) return null;
  const transcript = Buffer.concat([handshake.packet, helloReplyBody(reply)]);
  const signed = Buffer.concat([REPLY_CONTEXT, transcript]);
  if (!sodium.crypto_sign_verify_detached(reply.signature, signed, reply.hostKey)) return null;
  const receive = Buffer.alloc(KEY_BYTES);
  const transmit = Buffer.alloc(KEY_BYTES);
  const { publicKey, secretKey } = handshake.ephemeral;
  try {
    sodium.crypto_kx_client_session_keys(receive, transmit, publicKey, secretKey, reply.ephemeral);
  } catch {
    return null;
  }
  return {
    id: Buffer.from(reply.session),
    receive: bind(receive, transcript),
    transmit: bind(transmit, transcript),
  };
}
