// What the authority has said since it issued: its words about keys (cloud-keys.json) and its list of revoked certificates (ca-crl.pem).
import { join } from 'node:path';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { newestWords, SignedKeys } from '../../domain/model/keys.js';
import { readTextIfThere } from '../../os/durable-file.js';
import { RecordFile } from '../../os/record-file.js';
import { parseRevocations, plainSerial } from './revocations.js';

/** In the folders of the authority and of each host. */
export const KEY_LIST = 'cloud-keys.json';

/** The authority's words about keys, in its folder. */
export const keyListFile = (authorityDir: string) =>
  new RecordFile(join(authorityDir, KEY_LIST), SignedKeys, "list of the cloud's keys", { mode: 0o644 });

/** Tells whether a certificate, by its serial number (hex), or an identity's public key counts no more. */
export type Revoked = (serial: string, publicKey: string | null) => boolean;

/** Read the lists in the authority's folder; throws, naming the file, where one is there and cannot be read. */
export async function readRevoked(authorityDir: string): Promise<Revoked> {
  const serials = await revokedSerials(authorityDir);
  const words = newestWords((await keyListFile(authorityDir).get())?.keys ?? []);
  const keys = new Set(words.filter((word) => word.revoked).map((word) => word.key));
  return (serial, publicKey) =>
    serials.has(plainSerial(serial)) || (publicKey !== null && keys.has(publicKey));
}

async function revokedSerials(authorityDir: string): Promise<ReadonlySet<string>> {
  const file = join(authorityDir, 'ca-crl.pem');
  const pem = await readTextIfThere(file);
  if (pem === null) return new Set();
  try {
    const authority = await readTextIfThere(join(authorityDir, 'ca-cert.pem'));
    return (await parseRevocations(pem, authority ?? '')).serials;
  } catch (cause) {
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${file} cannot be read (${messageOf(cause)}): restore it from a backup, or from the folder of a host`,
      { cause },
    );
  }
}
