// What the authority has taken back: its list of revoked certificates (ca-crl.pem) and its words about keys (cloud-keys.json).
import { join } from 'node:path';
import { messageOf, VmshadowError } from '../domain/errors.js';
import { newestWords, SignedKeys } from '../domain/model/keys.js';
import { readTextIfThere } from '../os/durable-file.js';
import { RecordFile } from '../os/record-file.js';

/** Tells whether a certificate, by its serial number (hex), or an identity's public key counts no more. */
export type Revoked = (serial: string, publicKey: string | null) => boolean;

/** Read the lists in the authority's folder; throws, naming the file, where one is there and cannot be read. */
export async function readRevoked(dir: string): Promise<Revoked> {
  const serials = await revokedSerials(dir);
  const list = new RecordFile(join(dir, 'cloud-keys.json'), SignedKeys, "list of the cloud's keys", {
    mode: 0o644,
  });
  const words = newestWords((await list.get())?.keys ?? []);
  const keys = new Set(words.filter((word) => word.revoked).map((word) => word.key));
  return (serial, publicKey) =>
    serials.has(serial.toLowerCase().replace(/^0+/, '')) || (publicKey !== null && keys.has(publicKey));
}

async function revokedSerials(dir: string): Promise<ReadonlySet<string>> {
  const file = join(dir, 'ca-crl.pem');
  const pem = await readTextIfThere(file);
  if (pem === null) return new Set();
  const { parseRevocations } = await import('../drivers/peers/revocations.js');
  try {
    const authority = await readTextIfThere(join(dir, 'ca-cert.pem'));
    return (await parseRevocations(pem, authority ?? '')).serials;
  } catch (cause) {
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${file} cannot be read (${messageOf(cause)}): restore it from a backup, or from the folder of a host`,
      { cause },
    );
  }
}
