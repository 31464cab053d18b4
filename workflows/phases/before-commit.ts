// Preflight, async disk, sync switch: each step registers its undo first (saga). All of it can be cancelled.
import type { SourceChecked } from '../../activities/host/source.js';
import type { SourceMove, TargetMove } from '../../activities/host/inputs.js';
import type { TargetReserved } from '../../activities/host/target.js';
import { withNewNames } from '../../domain/model/old-names.js';
import { convertSize } from '../../domain/model/units.js';
import { failedWith } from '../../temporal/contract/failures.js';
import type { MigrateInput } from '../../temporal/contract/move.js';
import { clearLeftovers } from '../reconcile/clear-leftovers.js';
import { bulk, ctl, persistent } from '../host-proxies.js';
import type { MoveState } from '../move-state.js';
import type { Saga } from '../saga.js';

export interface Prepared {
  readonly checked: SourceChecked;
  readonly reserved: TargetReserved;
  readonly source: SourceMove;
  /** The epoch that the target will own. */
  readonly targetEpoch: number;
  readonly target: TargetMove;
}

const RESERVE = 'drop the reservation at the target';

/** Check both hosts, reserve capacity and an address at the target. Fails with nothing changed. */
export async function preflight(
  input: MigrateInput,
  moveId: string,
  state: MoveState,
  saga: Saga,
): Promise<Prepared> {
  state.enter('preflight');
  await clearLeftovers(input, state);
  const peer = { host: input.to, endpoint: input.peers.to };
  const checked = withNewNames(await ctl(input.from).checkSource({ desktop: input.desktop, peer }));
  // The definition's sizes, until the hypervisor tells its own: the bar covers both from the beginning.
  const { diskMiB, memoryMiB } = checked.definition;
  state.progress({
    diskTotalBytes: convertSize(diskMiB, 'MiB', 'B'),
    memoryTotalBytes: convertSize(memoryMiB, 'MiB', 'B'),
    diskUsedBytes: checked.diskUsedBytes ?? 0,
  });
  saga.add(RESERVE, () => persistent(input.to).dropTarget({ moveId, desktop: input.desktop }));
  let reserved: TargetReserved;
  try {
    reserved = await ctl(input.to).reserveTarget({
      moveId,
      definition: checked.definition,
      from: input.from,
      epoch: checked.epoch + 1,
      ...(checked.diskUsedBytes === undefined ? {} : { diskUsedBytes: checked.diskUsedBytes }),
      source: checked.info,
    });
  } catch (error) {
    if (failedWith(error, 'HOST_UNREACHABLE')) {
      // Most likely it never began: try to undo, but do not wait for a host that may be gone for good.
      saga.drop(RESERVE);
      saga.add(RESERVE, () => persistent(input.to, '30s').dropTarget({ moveId, desktop: input.desktop }));
    }
    throw error;
  }
  state.learn({ oldExternal: checked.external, newExternal: reserved.newExternal });
  return {
    checked,
    reserved,
    targetEpoch: reserved.epoch ?? checked.epoch + 1,
    source: { desktop: input.desktop, moveId, epoch: checked.epoch, peer, mbps: input.moveMbps },
    target: { moveId, definition: checked.definition, tap: reserved.tap },
  };
}

/** Copy the disk to an empty replica while the desktop runs. */
export async function asyncDisk(
  input: MigrateInput,
  p: Prepared,
  state: MoveState,
  saga: Saga,
): Promise<void> {
  state.enter('async-disk');
  const diskTarget = await ctl(input.to).prepareReplica(p.target);
  saga.add('end replication', () =>
    persistent(input.from).cancelDisk({ desktop: input.desktop, moveId: p.source.moveId }),
  );
  const { wireBytes } = await bulk(input.from).copyDisk({ ...p.source, target: diskTarget });
  state.progress({ diskWireBytes: wireBytes });
}

/** Let each further write reach both disks before the guest hears of it. */
export async function syncSwitch(input: MigrateInput, p: Prepared, state: MoveState): Promise<void> {
  state.enter('sync-switch');
  await bulk(input.from).switchToSync(p.source);
}
