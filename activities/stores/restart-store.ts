// Which desktops of this host were started by dom0 itself, and when: a restarted dom0 must not begin to count anew.
import { RestartRecord } from '../../domain/model/restarts.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { RecordStore, type RecordStoreOptions } from '../../os/record-store.js';

export class RestartStore extends RecordStore<typeof RestartRecord, DesktopId> {
  constructor(folder: string, options?: RecordStoreOptions) {
    super(folder, RestartRecord, 'record of restarts', options);
  }
}
