// Capacity that this host has promised to moves under way, one file a move: it survives the worker and counts as used until released.
import { z } from 'zod';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { HostRef } from '../../domain/model/ids.js';
import { RecordStore, type RecordStoreOptions } from '../../os/record-store.js';

export const CapacityReservation = z.object({
  moveId: z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a move id'),
  definition: DesktopDefinition,
  from: HostRef,
  /** The epoch that this host would own. */
  epoch: z.number().int().min(2),
  atMs: z.number(),
  /** Used of the source's disk when the move began: about what will come, bytes. A source of a release before does not say. */
  diskUsedBytes: z.number().min(0).default(0),
  /** The address that the desktop's users know so far; known from the switchover on. */
  oldExternal: z.string().nullable().default(null),
});
export type CapacityReservation = z.infer<typeof CapacityReservation>;

/** Reservations by move id. */
export class ReservationStore extends RecordStore<typeof CapacityReservation> {
  constructor(folder: string, options?: RecordStoreOptions) {
    super(folder, CapacityReservation, 'capacity reservation', options);
  }
}
