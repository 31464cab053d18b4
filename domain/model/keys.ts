// Public keys as text.
import { z } from 'zod';

/** An Ed25519 public key (RFC 8032): 32 bytes in base64. The last of 43 digits holds 4 bits, and 2 that must be zero. */
export const PublicKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'expected an Ed25519 public key: 32 bytes in base64');
