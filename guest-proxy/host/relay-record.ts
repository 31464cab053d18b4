// What a host keeps of a relay, durably: one file an end. And what goes to a desktop's next host, inside the state that hosts hand on.
import { hkdfSync } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { Endpoint, Ipv4 } from '../../domain/model/address.js';
import { DesktopId } from '../../domain/model/ids.js';
import { RecordStore } from '../../os/record-store.js';
import { RelayedFlow } from '../relay/flow.js';
import { ID_BYTES } from '../relay/wire.js';

/** Far above what moves make, and below what a session's name has room for. */
export const MAX_GENERATION = 0x7fff_ffff;

/** A relay as the desktop's next host gets it. */
export const RelayOffer = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 hex digits'),
  /** Base64, 32 bytes. */
  key: z.base64().length(44),
  /** The address that the flows know the desktop by, at the site that it has left. */
  oldExternal: Ipv4,
  /** Where that site's host takes packets of the relay. */
  oldHost: Endpoint,
  /** Grows with each host that the desktop comes to. */
  generation: z.number().int().min(0).max(MAX_GENERATION),
  flows: z.array(RelayedFlow).max(20_000),
  /** The relay ends then, whoever still uses it (wall clock); null where the desktop has not left yet. */
  untilMs: z.number().nullable(),
  /** The hosts of it say whose session they hear (relay/notes.ts). */
  hears: z.boolean().optional(),
  /** Addresses of users who run a proxy: their flows that have no other path keep the relay beyond its time, until they close. */
  users: z.array(Ipv4).max(1_000).optional(),
});
export type RelayOffer = z.infer<typeof RelayOffer>;

export const RelayRecord = RelayOffer.extend({
  version: z.literal(1),
  untilMs: z.number(),
  desktop: DesktopId,
  /** Of the site that the desktop has left, or of its present host. */
  role: z.enum(['old', 'new']),
  /** Where the present host was heard last; only the old site's end has one. */
  peer: Endpoint.nullable(),
});
export type RelayRecord = z.infer<typeof RelayRecord>;

/** Keep as many flows of these relays as there is room for, those of the first ones first; and tell how many are left out. */
export function within<R extends { readonly flows: readonly RelayedFlow[] }>(
  relays: readonly R[],
  room: number,
): { relays: R[]; left: number } {
  let free = Math.max(0, room);
  let left = 0;
  const kept = relays.map((relay) => {
    const flows = relay.flows.slice(0, free);
    free -= flows.length;
    left += relay.flows.length - flows.length;
    return { ...relay, flows };
  });
  return { relays: kept, left };
}

/** The records of a host whose proxy keeps its state in `stateDir`. */
export function relayRecords(stateDir: string): RecordStore<typeof RelayRecord> {
  return new RecordStore(join(stateDir, 'relays'), RelayRecord, "proxy's record of a relay");
}

/** The file's name: a desktop that has come home has both ends of a relay at one host. */
export function nameOf({ role, id }: Pick<RelayRecord, 'role' | 'id'>): string {
  return `${role}-${id}`;
}

/** Name a relay and make its key: always the same ones for a desktop's stay at an address, so that nothing has to be kept before it leaves. */
export function deriveRelay(
  secret: Buffer,
  stay: { desktop: string; epoch: number; external: string },
): Pick<RelayOffer, 'id' | 'key'> {
  const info = `vmshadow relay of ${stay.desktop} ${String(stay.epoch)} ${stay.external}`;
  const made = Buffer.from(hkdfSync('sha256', secret, '', info, ID_BYTES + 32));
  return {
    id: made.toString('hex', 0, ID_BYTES),
    key: made.subarray(ID_BYTES).toString('base64'),
  };
}
