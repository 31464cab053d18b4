// What one dom0 asks another over TLS: POST /v1/VERB with a JSON body, checked here on the way in.
import { z } from 'zod';
import { Ipv4 } from '../../domain/model/address.js';
import { DesktopId } from '../../domain/model/ids.js';

const SwitchoverKey = z.object({
  desktop: DesktopId,
  moveId: z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a move id'),
  epoch: z.number().int().min(2),
});

export const PEER_REQUESTS = {
  ping: z.object({}),
  expect: z.object({
    key: SwitchoverKey,
    change: z.object({ oldExternal: Ipv4, newExternal: Ipv4 }),
    state: z.object({ clients: z.array(z.string()), flows: z.unknown() }),
  }),
  confirm: z.object({ key: SwitchoverKey }),
  commit: z.object({ key: SwitchoverKey, snapshot: z.boolean() }),
} as const;
export type PeerVerb = keyof typeof PEER_REQUESTS;

export const CommitAnswer = z.object({
  decision: z.enum(['owner', 'refused']),
  runningAtMs: z.number().nullable(),
});

/** Errors travel as their code and message. */
export const PeerError = z.object({ code: z.string(), message: z.string() });

/** Bodies are small: a desktop's flows at most. */
export const MAX_BODY_BYTES = 4 * 2 ** 20;
