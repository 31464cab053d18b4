// Desktops that are being made here, one file each: what a creation takes is counted while it lasts, also after a crash, and only the
// creation that made something removes it again.
import { z } from 'zod';
import { DesktopDefinition } from '../../domain/model/desktop.js';
import { MoveId } from '../../domain/model/ids.js';
import { RecordStore, type RecordStoreOptions } from '../../os/record-store.js';

const Creation = z.object({
  /** Names the workflow run that makes it. */
  creation: MoveId,
  definition: DesktopDefinition,
  atMs: z.number(),
  /** The desktop is this host's; its workflow does not know yet. */
  made: z.boolean(),
});

/** Creations by desktop. */
export class CreationStore extends RecordStore<typeof Creation> {
  constructor(folder: string, options?: RecordStoreOptions) {
    super(folder, Creation, 'creation', options);
  }
}
