// How a client shows, before anything costly is done for it, that it holds its key and hears what is sent to its address: the host answers
// a HELLO with a CHALLENGE, and the client sends the same HELLO again with the challenge's cookie and a MAC (HELLO_AGAIN).
//   key     of one client and one host, from their identities (X25519 of both): nobody else can make or check either MAC
//   cookie  of the host alone, over the time of issue, the client and its address: the host keeps nothing for a challenge
// The time of issue is the host's. It stands for the HELLO's stamp, so a client whose clock went back is served at once.
import sodium, { bufferOf } from './sodium.js';
import { u64 } from './bytes.js';
import { type Challenge, challengeBody, encodeChallenge, encodeHelloAgain, type HelloAgain } from './wire.js';
import type { Identity } from './identity.js';

const MAC_BYTES = 16;
const KEY_CONTEXT = Buffer.from('vmshadow proof key 1');
const CHALLENGE_CONTEXT = Buffer.from('vmshadow challenge 1');
const AGAIN_CONTEXT = Buffer.from('vmshadow hello again 1');

const mac = (key: Buffer, ...parts: readonly Buffer[]): Buffer =>
  bufferOf(sodium.crypto_generichash(MAC_BYTES, Buffer.concat(parts), key));

const equal = (a: Buffer, b: Buffer): boolean => a.length === b.length && sodium.memcmp(a, b);

/** Derive the key that an identity shares with the owner of the Ed25519 key `peer`; null when that is no key. About 0.2 ms: keep it. */
export function proofKey(mine: Identity, peer: Buffer): Buffer | null {
  try {
    const secret = sodium.crypto_sign_ed25519_sk_to_curve25519(mine.secretBytes);
    const shared = sodium.crypto_scalarmult(secret, sodium.crypto_sign_ed25519_pk_to_curve25519(peer));
    return bufferOf(sodium.crypto_generichash(32, KEY_CONTEXT, shared));
  } catch {
    return null;
  }
}

/** Make the cookie that the host checks later, of who asked from where (`claim`) and the time of issue. */
export function cookieOf(secret: Buffer, claim: string, issued: number): Buffer {
  return mac(secret, u64(issued), Buffer.from(claim));
}

/** Tell whether a HELLO_AGAIN carries the host's own cookie for `claim`. */
export function hasCookie(again: HelloAgain, secret: Buffer, claim: string): boolean {
  return equal(again.cookie, cookieOf(secret, claim, again.issued));
}

/** Make the datagram of a challenge. */
export function makeChallenge(challenge: Omit<Challenge, 'kind' | 'mac'>, key: Buffer): Buffer {
  return encodeChallenge({ ...challenge, mac: mac(key, CHALLENGE_CONTEXT, challengeBody(challenge)) });
}

/** Tell whether a challenge comes from the host that it names. */
export function isChallengeOf(challenge: Challenge, key: Buffer): boolean {
  return equal(challenge.mac, mac(key, CHALLENGE_CONTEXT, challengeBody(challenge)));
}

/** Make the datagram that answers a challenge with the HELLO (its whole datagram) that was challenged. */
export function answerChallenge(challenge: Challenge, hello: Buffer, key: Buffer): Buffer {
  const { issued, cookie } = challenge;
  return encodeHelloAgain({
    issued,
    cookie,
    mac: mac(key, AGAIN_CONTEXT, u64(issued), cookie, hello),
    hello,
  });
}

/** Tell whether a HELLO_AGAIN was made with the key of the client that it names. */
export function isProved(again: HelloAgain, key: Buffer): boolean {
  return equal(again.mac, mac(key, AGAIN_CONTEXT, u64(again.issued), again.cookie, again.helloBytes));
}
