// Public keys as text.
import { z } from 'zod';

/** An Ed25519 public key (RFC 8032): 32 bytes in base64. The last of 43 digits holds 4 bits, and 2 that must be zero. */
export const PublicKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'expected an Ed25519 public key: 32 bytes in base64');

/** From so many days before a certificate's end it is said wherever an operator looks. */
export const CERTIFICATE_WARNING_DAYS = 30;

/**
 * What the cloud's authority says of a key: that it is a host's, or that a host's or a client's key counts no more. Of two words about one
 * key the one with the larger serial holds, so an older list never replaces a newer one.
 */
export const SignedKey = z.object({
  kind: z.enum(['host', 'client']),
  key: PublicKey,
  serial: z.number().int().positive(),
  revoked: z.boolean(),
  /** ECDSA P-256 with SHA-256 by the authority over `signedText`, r and s, base64. */
  signature: z.base64(),
});
export type SignedKey = z.infer<typeof SignedKey>;

/** The list that `vmshadow keys` writes beside each host's certificates. */
export const SignedKeys = z.object({ version: z.literal(1), keys: z.array(SignedKey) });
export type SignedKeys = z.infer<typeof SignedKeys>;

/** The text that the authority signs. */
export function signedText(entry: Omit<SignedKey, 'signature'>): string {
  const { kind, key, serial, revoked } = entry;
  return `vmshadow key 1 ${kind} ${key} ${String(serial)} ${revoked ? 'revoked' : 'valid'}`;
}

/** The newest word about each key. */
export function newestWords<T extends { key: string; serial: number }>(entries: readonly T[]): T[] {
  const byKey = new Map<string, T>();
  for (const entry of entries) {
    const known = byKey.get(entry.key);
    if (known === undefined || entry.serial > known.serial) byKey.set(entry.key, entry);
  }
  return [...byKey.values()];
}
