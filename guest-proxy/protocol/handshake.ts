// HELLO and its reply: X25519 keys of one use, signed by the long-term identities. The host's signature covers the client's whole HELLO,
// and the session keys are derived from both packets: neither end can be made to believe in another peer, desktop, epoch or direction.
import type { Identity } from './identity.js';
import type { SessionKeys } from './session.js';
import sodium, { bufferOf } from './sodium.js';
import { type Hello, type HelloReply, type Role, helloBody, helloReplyBody } from './wire.js';

const HELLO_CONTEXT = Buffer.from('vmshadow hello 1');
const REPLY_CONTEXT = Buffer.from('vmshadow hello reply 1');
const KEY_BYTES = 32;

/** Bytes of randomness; injected, so that tests get the same packets each time. */
export type RandomBytes = (length: number) => Buffer;

export const systemRandom: RandomBytes = (length) => bufferOf(sodium.randombytes_buf(length));

interface SharedKeys {
  readonly sharedRx: Uint8Array;
  readonly sharedTx: Uint8Array;
}

interface Ephemeral {
  readonly publicKey: Buffer;
  readonly secretKey: Buffer;
}

function ephemeralFrom(random: RandomBytes): Ephemeral {
  const pair = sodium.crypto_kx_seed_keypair(random(sodium.crypto_kx_SEEDBYTES));
  return { publicKey: bufferOf(pair.publicKey), secretKey: bufferOf(pair.privateKey) };
}

function sign(context: Buffer, body: Buffer, identity: Identity): Buffer {
  return bufferOf(sodium.crypto_sign_detached(Buffer.concat([context, body]), identity.secretBytes));
}

/** Make a session's keys out of those of crypto_kx, with the transcript mixed in. */
function bindKeys(id: Buffer, shared: SharedKeys, transcript: Buffer): SessionKeys {
  const bind = (key: Uint8Array) => bufferOf(sodium.crypto_generichash(KEY_BYTES, transcript, key));
  return { id, receive: bind(shared.sharedRx), transmit: bind(shared.sharedTx) };
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
  let shared: SharedKeys;
  try {
    shared = sodium.crypto_kx_server_session_keys(ephemeral.publicKey, ephemeral.secretKey, hello.ephemeral);
  } catch {
    return null;
  }
  const transcript = Buffer.concat([helloBytes, body]);
  const signature = sign(REPLY_CONTEXT, transcript, identity);
  return { packet: Buffer.concat([body, signature]), keys: bindKeys(id, shared, transcript) };
}

/** Finish a handshake with the reply to it; null when it is forged or answers something else. Who the host may be, the caller checks first. */
export function finishHandshake(handshake: ClientHandshake, reply: HelloReply): SessionKeys | null {
  if (!reply.nonce.equals(handshake.nonce)) return null;
  const transcript = Buffer.concat([handshake.packet, helloReplyBody(reply)]);
  const signed = Buffer.concat([REPLY_CONTEXT, transcript]);
  if (!sodium.crypto_sign_verify_detached(reply.signature, signed, reply.hostKey)) return null;
  const { publicKey, secretKey } = handshake.ephemeral;
  let shared: SharedKeys;
  try {
    shared = sodium.crypto_kx_client_session_keys(publicKey, secretKey, reply.ephemeral);
  } catch {
    return null;
  }
  return bindKeys(Buffer.from(reply.session), shared, transcript);
}
