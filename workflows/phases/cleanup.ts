// After the commit there is only forward: verify, keep the old disk for the grace time, then remove what is left at the source.
import { sleep } from '@temporalio/workflow';
import type { MigrateInput } from '../../temporal/contract/move.js';
import { persistent, persistentBulk } from '../host-proxies.js';
import type { MoveState } from '../move-state.js';
import type { Prepared } from './before-commit.js';

/** Retire the source, compare the disks, clean both sides. Runs shielded from cancellation. */
export async function cleanup(input: MigrateInput, p: Prepared, state: MoveState): Promise<void> {
  state.enter('cleanup');
  const move = { desktop: input.desktop, moveId: p.source.moveId };
  const epoch = p.targetEpoch;
  await Promise.all([
    persistent(input.from).retireSource({ ...move, epoch }),
    persistent(input.to).settleTarget(move),
  ]);
  let keep = false;
  if (input.policy.verifyDisk) {
    state.note('comparing the disks as they were at the switchover');
    const [source, target] = await Promise.all([
      persistentBulk(input.from).hashRetired(move),
      persistentBulk(input.to).hashSnapshot(move),
    ]);
    state.learn({ diskHashes: { source, target, equal: source === target } });
    keep = source !== target;
  }
  if (keep) {
    state.note(
      `the disks differ: the source's copy stays in the retired folder of ${input.from.site}/${input.from.host}`,
    );
    return;
  }
  state.note(`keeping the source's disk for ${String(input.policy.graceMs / 1000)} s`);
  await sleep(input.policy.graceMs);
  await persistent(input.from).cleanSource({
    moveId: move.moveId,
    change: {
      desktop: input.desktop,
      epoch,
      oldExternal: p.checked.external,
      newExternal: p.reserved.newExternal,
      targetKey: p.reserved.targetKey,
    },
  });
  state.note(null);
}
