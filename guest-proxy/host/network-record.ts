// What the host proxy keeps of a desktop, durably: one file each. The kernel's rules are made from these records alone.
import { join } from 'node:path';
import { z } from 'zod';
import { Ipv4 } from '../../domain/model/address.js';
import { InternalNetwork } from '../../domain/model/desktop.js';
import { DesktopId } from '../../domain/model/ids.js';
import { PublicKey } from '../../domain/model/keys.js';
import { RecordStore, type RecordStoreOptions } from '../../os/record-store.js';
import type { Role } from '../protocol/wire.js';

export const AddressChangeRecord = z.object({
  desktop: DesktopId,
  epoch: z.number().int().positive(),
  oldExternal: Ipv4,
  newExternal: Ipv4,
  targetKey: PublicKey,
});
export type AddressChangeRecord = z.infer<typeof AddressChangeRecord>;

export const NetworkRecord = z.object({
  version: z.literal(1),
  desktop: DesktopId,
  /** Set while the desktop is attached. */
  network: InternalNetwork.nullable(),
  external: Ipv4.nullable(),
  /** The default rewrite rule is in force. */
  active: z.boolean(),
  /** Newest epoch known here; no COMMIT of an older one is ever sent. */
  epoch: z.number().int().min(0),
  clients: z.array(PublicKey),
  /** The desktop is to come here. */
  expecting: AddressChangeRecord.nullable(),
  /** The desktop is to go; its clients have been told. */
  outgoing: AddressChangeRecord.nullable(),
  /** It has gone; packets for the old address are sent on. */
  moved: z.array(AddressChangeRecord),
  /** RST is dropped until then (guards G2, G3). */
  guardedUntilMs: z.number().nullable(),
});
export type NetworkRecord = z.infer<typeof NetworkRecord>;

/** The record of a desktop of which nothing is known yet. */
export function emptyRecord(desktop: DesktopId): NetworkRecord {
  return {
    version: 1,
    desktop,
    network: null,
    external: null,
    active: false,
    epoch: 0,
    clients: [],
    expecting: null,
    outgoing: null,
    moved: [],
    guardedUntilMs: null,
  };
}

/** What this host is to the desktop at one of its external addresses. */
export function roleAt(record: NetworkRecord, localAddress: string): Role {
  if (record.moved.some((change) => change.oldExternal === localAddress)) return 'moved';
  return record.active && record.expecting === null && record.external === localAddress
    ? 'owner'
    : 'expecting';
}

/** The external addresses that a record keeps in use. */
export function addressesOf(record: NetworkRecord): string[] {
  return [...(record.external === null ? [] : [record.external]), ...record.moved.map((m) => m.oldExternal)];
}

/** One record a desktop. */
export type NetworkRecords = RecordStore<typeof NetworkRecord, DesktopId>;

/** The records of a host whose proxy keeps its state in `stateDir`. */
export function networkRecords(stateDir: string, options?: RecordStoreOptions): NetworkRecords {
  const folder = join(stateDir, 'desktops');
  return new RecordStore(folder, NetworkRecord, "proxy's record of a desktop", options);
}
