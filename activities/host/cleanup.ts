// After the commit, on the source: verify, then take away what belongs to neither side's normal state. Retried until it works.
import { decisionOn } from '../../domain/migration/ownership.js';
import { VmshadowError } from '../../domain/errors.js';
import type { HostContext } from './host-context.js';
import type { CleanSource, MoveRef, RetireSource } from './inputs.js';
import { whileBeating, type ProgressReporter } from './progress-reporter.js';

/** Make the activities of the clean-up phase (`hash*` run on the bulk queue). */
export function cleanupActivities(ctx: HostContext, reporter: () => ProgressReporter) {
  return {
    /** End the source's stopped copy for ever; its disk is set aside. Refuses while this host owns the desktop. */
    async retireSource(move: RetireSource): Promise<void> {
      await ctx.locks.run(move.desktop, `retiring the source of move ${move.moveId}`, async () => {
        const record = await ctx.ownership.get(move.desktop);
        if (record?.state === 'owner' || decisionOn(record, move.epoch) === 'undecided')
          throw new VmshadowError(
            'FENCED',
            `desktop ${move.desktop} is not released at epoch ${String(move.epoch)}: its copy here is not touched`,
          );
        await ctx.hypervisor.retireSource(move);
        await ctx.linkCap.uncap(move.moveId);
        await ctx.ownership.dropRoom(move.desktop);
      });
    },

    hashRetired: (move: MoveRef): Promise<string> =>
      whileBeating(reporter(), (signal) => ctx.hypervisor.hashRetired(move, signal)),

    hashSnapshot: (move: MoveRef): Promise<string> =>
      whileBeating(reporter(), (signal) => ctx.hypervisor.hashSnapshot(move, signal)),

    /** Remove the set-aside disk (unless it is to be kept), the forwarding of the old address, and the tap. */
    async cleanSource({ moveId, change, keepDisk = false }: CleanSource): Promise<void> {
      await ctx.locks.run(change.desktop, `the clean-up of move ${moveId}`, async () => {
        if (!keepDisk) await ctx.hypervisor.removeRetired({ desktop: change.desktop, moveId });
        await ctx.network.forgetMoved(change);
        const record = await ctx.ownership.get(change.desktop);
        // The desktop may have come back, or be on its way back: then the tap is in use again.
        const coming = (await ctx.reservations.list()).some((r) => r.definition.id === change.desktop);
        if (record?.state !== 'owner' && !coming) await ctx.network.detach(change.desktop);
      });
    },
  };
}
