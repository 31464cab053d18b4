// The one file that a thin client's proxy needs (`vmshadow keys enroll` makes it). It holds the client's secret key: mode 0600.
import { z } from 'zod';
import { Endpoint, Ipv4, Port } from '../../domain/model/address.js';
import { DesktopId, SiteId } from '../../domain/model/ids.js';
import { PublicKey } from '../../domain/model/keys.js';
import { createKeyPair, KeyPair } from './identity.js';

const DEFAULT_CONTROL_PORT = 7946;

export const ClientConfig = z.object({
  version: z.literal(1),
  desktop: DesktopId,
  /** When the file was made, ms since 1970. A later file wins over what the proxy has kept, an older one never does. */
  issuedAtMs: z.number().int().min(0).default(0),
  /** Where the desktop was when the file was made, and the epoch of that; what the proxy has learnt since wins. */
  external: Ipv4,
  epoch: z.number().int().min(0).default(0),
  controlPort: Port.default(DEFAULT_CONTROL_PORT),
  identity: KeyPair,
  /** Public keys of all hosts of the cloud when the file was made. */
  hosts: z.array(PublicKey).min(1),
  /** Public key of the cloud's authority (SPKI, DER in base64): what it signs adds hosts and takes them away. Null: `hosts` is final. */
  authority: z.base64().nullable().default(null),
  /** Where the round trip to each site is measured. */
  probes: z.array(z.object({ site: SiteId, endpoint: Endpoint })).default([]),
});
export type ClientConfig = z.infer<typeof ClientConfig>;

/** Make the configuration of a new client with a new key pair; its public key is to be enrolled at the desktop's host. */
export function makeClientConfig(input: {
  desktop: string;
  external: string;
  issuedAtMs?: number;
  epoch?: number;
  controlPort?: number;
  hosts: readonly string[];
  authority?: string | null;
  probes: readonly { site: string; endpoint: Endpoint }[];
}): ClientConfig {
  return ClientConfig.parse({ ...input, version: 1, identity: createKeyPair() });
}
