// Payloads encrypted on their way to Temporal (XChaCha20-Poly1305, libsodium), so that whoever has the server, its database or a backup reads
// names, addresses and plans of nobody. What is not encrypted is taken as well: histories go on when encryption is switched on.
//   encrypted payload: metadata encoding = 'binary/encrypted', encryption-cipher, encryption-key-id;
//   data = nonce (24 bytes, random) | cipher text and tag of the protobuf of the payload as it was; the key's id is authenticated with it
import { randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type Sodium from 'libsodium-wrappers';
import { VmshadowError } from '../domain/errors.js';
import { KEYS_VARIABLE, type PayloadKeys } from './payload-keys.js';

const ENCODING = 'encoding';
const CIPHER = 'encryption-cipher';
const KEY_ID = 'encryption-key-id';
const ENCRYPTED = Buffer.from('binary/encrypted');
const XCHACHA20_POLY1305 = Buffer.from('xchacha20poly1305-ietf');
const NONCE_BYTES = 24;

const { Payload: PayloadType } = proto.temporal.api.common.v1;

/** Loaded by the first payload that needs it: WebAssembly takes a moment. */
let sodium: Promise<typeof Sodium> | null = null;
const ready = () =>
  (sodium ??= import('libsodium-wrappers').then(async ({ default: library }) => {
    await library.ready;
    return library;
  }));

/** Encrypt with the key that is written with, decrypt with any; without keys pass through, but for what is encrypted: CONFIG_INVALID. */
export function encryptingCodec(keys: PayloadKeys | null): PayloadCodec {
  return {
    encode: async (payloads) =>
      keys === null ? payloads : Promise.all(payloads.map((p) => encrypt(keys, p))),
    decode: (payloads) => Promise.all(payloads.map((p) => decrypt(keys, p))),
  };
}

const keyOf = (keys: PayloadKeys | null, id: string): Buffer | null => {
  const text = keys !== null && Object.hasOwn(keys.keys, id) ? keys.keys[id] : undefined;
  return text === undefined ? null : Buffer.from(text, 'base64');
};

async function encrypt(keys: PayloadKeys, payload: Payload): Promise<Payload> {
  const { crypto_aead_xchacha20poly1305_ietf_encrypt: seal } = await ready();
  const id = Buffer.from(keys.write);
  const nonce = randomBytes(NONCE_BYTES);
  const plain = PayloadType.encode(payload).finish();
  const sealed = seal(plain, id, null, nonce, keyOf(keys, keys.write) ?? Buffer.alloc(0));
  return {
    metadata: { [ENCODING]: ENCRYPTED, [CIPHER]: XCHACHA20_POLY1305, [KEY_ID]: id },
    data: Buffer.concat([nonce, sealed]),
  };
}

async function decrypt(keys: PayloadKeys | null, payload: Payload): Promise<Payload> {
  const { [ENCODING]: encoding, [CIPHER]: cipher, [KEY_ID]: id } = payload.metadata ?? {};
  const ours = is(ENCRYPTED, encoding) && is(XCHACHA20_POLY1305, cipher) && id !== undefined;
  if (!ours) return payload;
  const name = Buffer.from(id).toString();
  const key = keyOf(keys, name);
  if (key === null)
    throw new VmshadowError(
      'CONFIG_INVALID',
      `a payload is encrypted with the key ${name}, which ${keys === null ? `is not here: ${KEYS_VARIABLE} names no file of keys` : `the file in ${KEYS_VARIABLE} does not hold`}`,
    );
  const { crypto_aead_xchacha20poly1305_ietf_decrypt: open } = await ready();
  const data = Buffer.from(payload.data ?? new Uint8Array());
  try {
    const plain = open(null, data.subarray(NONCE_BYTES), id, data.subarray(0, NONCE_BYTES), key);
    return PayloadType.decode(plain);
  } catch (cause) {
    throw new VmshadowError(
      'CONFIG_INVALID',
      `a payload cannot be decrypted with the key ${name}: it was changed, or another key has this id`,
      { cause },
    );
  }
}

const is = (wanted: Buffer, found: Uint8Array | null | undefined): boolean =>
  found !== undefined && found !== null && wanted.equals(found);
