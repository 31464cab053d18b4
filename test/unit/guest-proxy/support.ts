// Fixed identities, randomness and two established ends for the protocol's tests.
import { createKeyPair, identityOf } from '../../../guest-proxy/protocol/identity.js';
import {
  answerHandshake,
  beginHandshake,
  finishHandshake,
  type RandomBytes,
} from '../../../guest-proxy/protocol/handshake.js';
import { Session } from '../../../guest-proxy/protocol/session.js';
import { decodeControlPacket, type Hello, type HelloReply } from '../../../guest-proxy/protocol/wire.js';

export const client = identityOf(createKeyPair(Buffer.alloc(32, 1)));
export const hostA = identityOf(createKeyPair(Buffer.alloc(32, 2)));
export const hostB = identityOf(createKeyPair(Buffer.alloc(32, 3)));
export const stranger = identityOf(createKeyPair(Buffer.alloc(32, 4)));

/** "Random" bytes that are the same each time: first, first + 1, ... */
function counting(first: number): RandomBytes {
  let next = first;
  return (length) => Buffer.from(Array.from({ length }, () => next++ & 0xff));
}

/** A handshake between `client` and `hostA`, and both ends of its session. */
export function established() {
  const handshake = beginHandshake(
    { desktop: 'desk-1', epoch: 3, stamp: 1_700_000_000_000 },
    client,
    counting(0),
  );
  const hello = decodeControlPacket(handshake.packet) as Hello;
  const answer = answerHandshake(hello, { role: 'owner', epoch: 4 }, hostA, counting(100))!;
  const reply = decodeControlPacket(answer.packet) as HelloReply;
  const keys = finishHandshake(handshake, reply)!;
  return {
    handshake,
    hello,
    answer,
    reply,
    clientEnd: new Session(keys, 'client'),
    hostEnd: new Session(answer.keys, 'host'),
  };
}
