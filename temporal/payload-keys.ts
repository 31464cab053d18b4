// The keys that payloads are encrypted with on their way to Temporal: a file of its own, the same for the commands, the manager and every
// dom0, named by VMSHADOW_PAYLOAD_KEYS. Several keys can be read with, one is written with: so a key is replaced without a gap.
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { parseInput } from '../domain/model/parse.js';

export const KEYS_VARIABLE = 'VMSHADOW_PAYLOAD_KEYS';
export const KEY_BYTES = 32;

const KeyId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "a key id must be 1 to 64 of letters, digits, '.', '_' and '-'");
const Key = z
  .base64()
  .refine(
    (text) => Buffer.from(text, 'base64').length === KEY_BYTES,
    `expected ${String(KEY_BYTES)} bytes in base64`,
  );

export const PayloadKeys = z
  .object({
    /** The key that new payloads are encrypted with. */
    write: KeyId,
    /** All that can be read with, by id. */
    keys: z.record(KeyId, Key),
  })
  .refine(({ write, keys }) => Object.hasOwn(keys, write), {
    path: ['write'],
    message: 'there is no key of this id under `keys`',
  });
export type PayloadKeys = z.infer<typeof PayloadKeys>;

/** Read the keys that the environment names; null where it names none. Throws CONFIG_INVALID. */
export function payloadKeys(
  env: Readonly<Record<string, string | undefined>> = process.env,
): PayloadKeys | null {
  const path = env[KEYS_VARIABLE];
  return path === undefined || path === '' ? null : readPayloadKeys(path);
}

/** Read a file of keys. Throws CONFIG_INVALID, also where others than its owner may read it. */
export function readPayloadKeys(path: string): PayloadKeys {
  const what = `the payload keys in ${path}`;
  let found: unknown;
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new VmshadowError('CONFIG_INVALID', `${what} can be read by others: chmod 600 ${path}`);
    found = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof VmshadowError) throw error;
    // What a parser quotes of the file may be a key.
    const why = error instanceof SyntaxError ? 'it is no JSON' : messageOf(error);
    throw new VmshadowError('CONFIG_INVALID', `${what} (${KEYS_VARIABLE}) cannot be read: ${why}`);
  }
  return parseInput(PayloadKeys, found, what, 'CONFIG_INVALID');
}
