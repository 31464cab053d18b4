// Ownership records of this host, one file a desktop: on stable storage before anything follows from them. Changes go through the pure
// transitions of domain/migration/ownership.ts.
import { OwnershipRecord } from '../../domain/migration/ownership.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { RecordStore, type RecordStoreOptions } from '../../os/record-store.js';

/** At either end: `owner`, then `refused`; or `released`, then `owner` again. Room for both is kept before the first. */
export const CHANGES_OF_A_MOVE = 2;

export class OwnershipStore extends RecordStore<typeof OwnershipRecord, DesktopId> {
  constructor(folder: string, options?: RecordStoreOptions) {
    super(folder, OwnershipRecord, 'ownership record', {
      idOf: (record) => (record as OwnershipRecord).desktop,
      ...options,
    });
  }
}
