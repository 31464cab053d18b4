// Memory and switchover. Memory is tried again with a fresh target copy when only it failed: the disk stays in sync meanwhile.
import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { MemoryCopied } from '../../activities/host/memory-rounds.js';
import type { SwitchoverDone } from '../../activities/switchover/switchover.js';
import { withNewNames } from '../../domain/model/old-names.js';
import { failedWith } from '../../temporal/contract/failures.js';
import type { MigrateInput } from '../../temporal/contract/move.js';
import { bulk, ctl, persistent, switching } from '../host-proxies.js';
import type { MoveState } from '../move-state.js';
import type { Saga } from '../saga.js';
import type { Prepared } from './before-commit.js';

/** A link that breaks memory three times in a row needs a person. */
const MEMORY_TRIES = 3;

/** What the operator's `forceSwitchover` does to the copy under way. */
export interface Force {
  requested: boolean;
  /** Ends the running look at convergence, so that it is looked at again, forced. */
  interrupt: () => void;
}

/** Copy memory until it fits the pause, then switch over. Resolves when the target owns and runs the desktop. */
export async function memoryAndSwitchover(
  input: MigrateInput,
  p: Prepared,
  state: MoveState,
  saga: Saga,
  force: Force,
): Promise<SwitchoverDone> {
  let first: Error | undefined;
  for (let attempt = 1; ; attempt++) {
    state.enter('memory');
    const cancelMemory = () =>
      persistent(input.from).cancelMemory({
        desktop: input.desktop,
        moveId: p.source.moveId,
        // Its own, or the one of a reclaim after the target's refusal.
        epochs: [p.source.epoch, p.targetEpoch + 1],
      });
    const endpoint = await ctl(input.to).prepareIncoming(p.target);
    saga.add('end the memory copy', cancelMemory);
    try {
      const copied = await copyMemory(input, p, endpoint, force);
      state.progress({ memoryWireBytes: copied.wireBytes });
      state.enter('switchover');
      state.note(copied.why);
      return withNewNames(
        await switching(input.from).switchover({
          desktop: input.desktop,
          moveId: p.source.moveId,
          epoch: p.targetEpoch,
          sourceEpoch: p.source.epoch,
          peer: p.source.peer,
          oldExternal: p.checked.external,
          newExternal: p.reserved.newExternal,
          targetKey: p.reserved.targetKey,
          pauseBudgetMs: copied.pauseBudgetMs,
          snapshot: input.policy.verifyDisk,
        }),
      );
    } catch (error) {
      const worthAnother = failedWith(error, 'MEMORY_COPY') || failedWith(error, 'CONVERGENCE');
      // A switchover that failed in its pause has ended the mirror: no other try can go on, and why it failed is what there is to tell.
      if (first !== undefined && failedWith(error, 'DISK_COPY')) throw first;
      if (isCancellation(error) || !worthAnother || attempt >= MEMORY_TRIES) throw error;
      if (error instanceof Error) first ??= error;
      state.note(
        `memory failed, trying again with a fresh copy at the target (${String(attempt + 1)} of ${String(MEMORY_TRIES)})`,
      );
      await cancelMemory();
      saga.drop('end the memory copy');
    }
  }
}

async function copyMemory(
  input: MigrateInput,
  p: Prepared,
  target: Awaited<ReturnType<ReturnType<typeof ctl>['prepareIncoming']>>,
  force: Force,
): Promise<MemoryCopied> {
  const { pauseBudgetMs, maxPauseMs, maxRounds } = input.policy;
  const request = { ...p.source, target, rule: { pauseBudgetMs, maxPauseMs, maxRounds } };
  if (!force.requested) {
    const scope = new CancellationScope();
    force.interrupt = () => {
      scope.cancel();
    };
    try {
      return await scope.run(() => bulk(input.from).copyMemory({ ...request, forced: false }));
    } catch (error) {
      // Interrupted by force: the copy itself goes on in the hypervisor; take it up again below.
      if (
        !isCancellation(error) ||
        !(force.requested as boolean) ||
        CancellationScope.current().consideredCancelled
      )
        throw error;
    }
  }
  return bulk(input.from).copyMemory({ ...request, forced: true });
}
