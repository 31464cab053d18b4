// Public keys as text.
import { z } from 'zod';

/** An Ed25519 public key, base64. Who may use it is not told by its form: the connection proxy looks. */
export const PublicKey = z
  .string()
  .regex(/^[A-Za-z0-9+/]{1,64}={0,2}$/, 'expected a public key in base64, as `vmshadow keys` prints it');
