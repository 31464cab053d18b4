// Checks what the cloud's authority says of keys (domain/model/keys.ts): the authority is the one of the hosts' certificates.
import { createPublicKey, verify } from 'node:crypto';
import { type SignedKey, signedText } from '../../domain/model/keys.js';

/** Tell whether the authority (its public key as SPKI, DER in base64) has signed this. */
export function isSignedBy(authority: string, entry: SignedKey): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(authority, 'base64'), format: 'der', type: 'spki' });
    const text = Buffer.from(signedText(entry));
    return verify('sha256', text, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(entry.signature, 'base64'));
  } catch {
    return false;
  }
}
