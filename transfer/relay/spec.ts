// What a relay is told when it is started.
import { z } from 'zod';
import { Endpoint } from '../../domain/model/address.js';
import { HostRef } from '../../domain/model/ids.js';
import { RunAs } from '../../os/run-as.js';

const UnixPath = z.string().startsWith('/').max(107);
const Outgoing = z.object({ listen: UnixPath, connect: Endpoint });
const Incoming = z.object({ listen: Endpoint, connect: UnixPath });

export const RelaySpec = z.object({
  pidFile: z.string().startsWith('/'),
  /** Where it tells what it has sent. */
  status: UnixPath,
  /** This host's certificates (drivers/peers/pki.ts). */
  pkiDir: z.string().startsWith('/'),
  /** Who it is once it has read them. */
  runAs: RunAs.nullable(),
  cache: z.object({ folder: z.string().startsWith('/'), limitBytes: z.number().int().positive() }),
  end: z.discriminatedUnion('role', [
    z.object({ role: z.literal('source'), disk: Outgoing, memory: Outgoing }),
    z.object({ role: z.literal('target'), disk: Incoming, memory: Incoming, from: HostRef }),
  ]),
});
export type RelaySpec = z.infer<typeof RelaySpec>;
