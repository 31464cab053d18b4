// Long-term identities: Ed25519 key pairs (libsodium). The file holds the secret and is readable by its owner only.
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { PublicKey } from '../../domain/model/keys.js';
import { isMissing } from '../../os/durable-file.js';
import { RecordFile } from '../../os/record-file.js';
import sodium, { bufferOf } from './sodium.js';

const SecretKey = z.string().refine(
  (s) => {
    const decoded = Buffer.from(s, 'base64');
    return decoded.length === sodium.crypto_sign_SECRETKEYBYTES && decoded.toString('base64') === s;
  },
  `expected an Ed25519 secret key: ${String(sodium.crypto_sign_SECRETKEYBYTES)} bytes in base64`,
);

/** A key pair as it stands in files, base64. */
export const KeyPair = z
  .object({ publicKey: PublicKey, secretKey: SecretKey })
  .refine(
    (pair) => Buffer.from(pair.secretKey, 'base64').subarray(32).toString('base64') === pair.publicKey,
    {
      message: 'the public key does not belong to the secret key',
    },
  );
export type KeyPair = z.infer<typeof KeyPair>;

export interface Identity {
  /** Base64. */
  readonly publicKey: string;
  readonly publicBytes: Buffer;
  readonly secretBytes: Buffer;
}

/** Make a new key pair; from 32 bytes of `seed` always the same one (tests). */
export function createKeyPair(seed?: Uint8Array): KeyPair {
  const pair = seed === undefined ? sodium.crypto_sign_keypair() : sodium.crypto_sign_seed_keypair(seed);
  const base64 = (key: Uint8Array) => bufferOf(key).toString('base64');
  return { publicKey: base64(pair.publicKey), secretKey: base64(pair.privateKey) };
}

/** Decode a key pair for use. */
export function identityOf(pair: KeyPair): Identity {
  return {
    publicKey: pair.publicKey,
    publicBytes: Buffer.from(pair.publicKey, 'base64'),
    secretBytes: Buffer.from(pair.secretKey, 'base64'),
  };
}

/** Create a key pair in `file` (mode 0600) and give its public key; ALREADY_EXISTS when the file is there, whatever is in it. */
export async function createIdentity(file: string): Promise<string> {
  try {
    await stat(file);
  } catch (error) {
    if (!isMissing(error)) throw error;
    const pair = createKeyPair();
    await identityFile(file).put(pair);
    return pair.publicKey;
  }
  throw new VmshadowError(
    'ALREADY_EXISTS',
    `${file} holds an identity already: remove it first to make a new one`,
  );
}

/** Load the identity in `file`; CONFIG_INVALID when it is missing, malformed, or readable by others. */
export async function loadIdentity(file: string): Promise<Identity> {
  const identity = await findIdentity(file);
  if (identity === null)
    throw new VmshadowError('CONFIG_INVALID', `${file} is missing: make an identity with \`vmshadow keys\``);
  return identity;
}

/** As `loadIdentity`, but null when there is none. */
export async function findIdentity(file: string): Promise<Identity | null> {
  const pair = await identityFile(file).get();
  if (pair === null) return null;
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0)
    throw new VmshadowError('CONFIG_INVALID', `${file} may be read by others: run \`chmod 600 ${file}\``);
  return identityOf(pair);
}

function identityFile(path: string): RecordFile<typeof KeyPair> {
  return new RecordFile(path, KeyPair, 'identity', { invalidCode: 'CONFIG_INVALID' });
}
