// After the commit there is only forward: verify, keep the old disk for the grace time, then remove what is left at the source. What the
// verification finds, or that it could not be made, is said loudly and never keeps addresses, rules and reservations from being cleaned.
import { CancellationScope, patched, sleep } from '@temporalio/workflow';
import { failureInfo, type FailureInfo } from '../../temporal/contract/failures.js';
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
  const doubt = input.policy.verifyDisk ? await verify(input, move, state) : null;
  const differ = state.facts.diskHashes?.equal === false;
  if (doubt !== null) state.doubt(doubt);
  // Releases before ended here.
  if (differ && !patched('clean-up-though-disks-differ')) return;
  const keptUntilMs = Date.now() + input.policy.graceMs;
  state.learn({ sourceKeptUntilMs: keptUntilMs });
  state.note(`keeping the source's disk until ${new Date(keptUntilMs).toISOString()}`);
  await sleep(input.policy.graceMs);
  await persistent(input.from).cleanSource({
    moveId: move.moveId,
    ...(differ ? { keepDisk: true } : {}),
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

/** Compare the disks as they were at the switchover; gives what is wrong, or why nobody can tell. */
async function verify(
  input: MigrateInput,
  move: { desktop: MigrateInput['desktop']; moveId: string },
  state: MoveState,
): Promise<FailureInfo | null> {
  state.note('comparing the disks as they were at the switchover');
  const hashing = new CancellationScope();
  try {
    const [source, target] = await hashing.run(() =>
      Promise.all([
        persistentBulk(input.from).hashRetired(move),
        persistentBulk(input.to).hashSnapshot(move),
      ]),
    );
    state.learn({ diskHashes: { source, target, equal: source === target } });
    if (source === target) return null;
    return {
      code: 'DISK_COPY',
      message: `the disks DIFFER: the source's copy stays in the retired folder of ${input.from.site}/${input.from.host} until you remove it. Stop the desktop and compare before you go on.`,
    };
  } catch (error) {
    // One of the two alone is of no use.
    hashing.cancel();
    return {
      code: failureInfo(error).code,
      message: `the disks could not be compared: ${failureInfo(error).message}`,
    };
  }
}
