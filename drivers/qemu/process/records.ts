// What the driver remembers durably: one record a desktop of this host, a move that comes in, a disk that was set aside. One that cannot
// be read is an error with the file's name, never skipped: it may stand for a running desktop.
import { z } from 'zod';
import { Port } from '../../../domain/model/address.js';
import { DesktopDefinition } from '../../../domain/model/desktop.js';
import { DesktopId, HostRef } from '../../../domain/model/ids.js';
import { RecordStore } from '../../../os/record-store.js';
import type { Layout } from './layout.js';

/** A desktop of this host. */
export const DesktopRecord = z.object({
  definition: DesktopDefinition,
  tap: z.string().min(1).max(15),
  /** Which copy's files are the desktop's (layout.ts). */
  copy: z.string(),
  /** A copy that should run and has no process has crashed. */
  wanted: z.enum(['running', 'stopped']),
  /** SHA-256 of the view taken when the copy was activated, once it is known. */
  viewSha256: z.string().nullable().default(null),
});
export type DesktopRecord = z.infer<typeof DesktopRecord>;

/** A move that this host is the target of. */
export const IncomingRecord = z.object({
  desktop: DesktopId,
  moveId: z.string(),
  definition: DesktopDefinition,
  /** Known once memory is expected. */
  tap: z.string().min(1).max(15).nullable(),
  diskPort: Port,
  memoryPort: Port,
  /** Both streams come through a relay of this host's, which takes them from this host alone; null: straight from QEMU. */
  relay: HostRef.nullable().default(null),
  /** `activated` is written before the copy runs: after a crash it tells "may have run" from "never ran". */
  phase: z.enum(['prepared', 'activated']),
});
export type IncomingRecord = z.infer<typeof IncomingRecord>;

/** A disk that a desktop left behind. */
const RetiredRecord = z.object({
  desktop: DesktopId,
  moveId: z.string(),
  definition: DesktopDefinition,
  copy: z.string(),
});

export interface QemuRecords {
  readonly desktops: RecordStore<typeof DesktopRecord, DesktopId>;
  /** By `moveName` (layout.ts), as the retired ones are. */
  readonly incoming: RecordStore<typeof IncomingRecord>;
  readonly retired: RecordStore<typeof RetiredRecord>;
}

/** The driver's records, in their folders. */
export function qemuRecords(layout: Layout): QemuRecords {
  return {
    desktops: new RecordStore(layout.desktopsFolder, DesktopRecord, "QEMU driver's record of a desktop", {
      idOf: (record) => (record as DesktopRecord).definition.id,
    }),
    incoming: new RecordStore(layout.incomingFolder, IncomingRecord, "QEMU driver's record of a move"),
    retired: new RecordStore(layout.retiredFolder, RetiredRecord, "QEMU driver's record of a retired disk"),
  };
}
