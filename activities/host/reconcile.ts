// What reconciliation asks of a host beside the activities of moves: what it holds, and the steps that end a move of which only leftovers
// are left. Each holds the desktop's lock and reads the records under it: they may be past what was reported.
import { decisionOn, isReleasedTo } from '../../domain/migration/ownership.js';
import { VmshadowError } from '../../domain/errors.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import type { Held } from '../../domain/reconcile/held.js';
import { finishReleased } from '../switchover/switchover.js';
import { TargetSide } from '../switchover/target-side.js';
import type { HostContext } from './host-context.js';
import type { EndCopies, FinishMove, MoveRef, OfDesktop, ReportHeld, RunHere } from './inputs.js';

/** An attempt of a terminated move lets go of the lock when its heartbeat is refused: within the heartbeat's time. */
const LOCK_WAIT_MS = 60_000;

/** Make the activities of reconciliation. */
export function reconcileActivities(ctx: HostContext) {
  const locked = <T>(desktop: DesktopId, what: string, work: () => Promise<T>): Promise<T> =>
    ctx.locks.run(desktop, what, work, { waitMs: LOCK_WAIT_MS });

  const fenced = (desktop: DesktopId, why: string) =>
    new VmshadowError('FENCED', `${hostKey(ctx.self)} leaves ${desktop} alone: ${why}. Look again.`);

  return {
    /** Report everything that moves could have left here; of one desktop, or of all. Changes nothing. */
    async reportHeld({ desktop }: ReportHeld): Promise<Held> {
      const isWanted = (id: DesktopId) => desktop === null || id === desktop;
      // The records last: what they say of the rest is then never older than it.
      const [list, moves, networks, capped, reservations] = await Promise.all([
        ctx.hypervisor.list(),
        ctx.hypervisor.moves(desktop ?? undefined),
        ctx.network.held(desktop ?? undefined),
        ctx.linkCap.capped(),
        ctx.reservations.list(),
      ]);
      // What is being made is its creation's: it goes on with it, or its next attempt removes it.
      const begun = (await ctx.creations.list()).filter((c) => !c.made).map((c) => c.definition.id);
      const making = new Set(begun);
      const records = await ctx.ownership.list();
      const coming = new Set(moves.incoming.map((m) => m.desktop));
      return {
        host: ctx.self,
        atMs: ctx.now(),
        records: records.filter((r) => isWanted(r.desktop)),
        reservations: reservations
          .filter((r) => isWanted(r.definition.id))
          .map(({ moveId, definition, from, epoch, oldExternal }) => ({
            moveId,
            desktop: definition.id,
            from,
            epoch,
            switching: oldExternal !== null,
          })),
        desktops: list
          .filter(({ definition: { id } }) => isWanted(id) && !coming.has(id) && !making.has(id))
          .map(({ definition, state }) => ({ desktop: definition.id, state })),
        incoming: [...moves.incoming],
        retired: [...moves.retired],
        outgoing: moves.outgoing.map((o) => ({ ...o, copies: [...o.copies] })),
        networks: networks.filter((n) => !making.has(n.desktop)).map((n) => ({ ...n, moved: [...n.moved] })),
        capped: capped.filter((moveId) => desktop === null || moveId.startsWith(`${desktop}-`)),
      };
    },

    /** Source: end what copies a desktop away that this host owns at `epoch`; it runs on, its clients forget the change. */
    async endCopies({ desktop, epoch, copies }: EndCopies): Promise<void> {
      await locked(desktop, 'ending the copies of a move that has ended', async () => {
        const record = await ctx.ownership.get(desktop);
        if (record?.state !== 'owner' || record.epoch !== epoch)
          throw fenced(desktop, `it does not own it at epoch ${String(epoch)} any more`);
        await ctx.hypervisor.endCopies(desktop, copies);
        const [network] = await ctx.network.held(desktop);
        if (network !== undefined) await ctx.network.releaseHere(desktop);
        if (network?.outgoing != null) await ctx.network.abortClients(network.outgoing);
        await ctx.ownership.dropRoom(desktop);
      });
    },

    /** Source: ask the target for its word about a desktop that was released to it, once, and go by it. */
    async finishMove(request: FinishMove): Promise<void> {
      const { desktop, epoch, peer } = request;
      await locked(desktop, 'finishing a move that was cut off', async () => {
        const record = await ctx.ownership.get(desktop);
        const [network] = await ctx.network.held(desktop);
        const change = network?.outgoing;
        if (!isReleasedTo(record, epoch, peer.host) || change?.epoch !== epoch)
          throw fenced(desktop, `its release at epoch ${String(epoch)} is not waiting for a decision`);
        await finishReleased(ctx, { ...request, ...change });
      });
    },

    /** Target: let the copy run that this host has taken over and that has not run yet. */
    async runHere({ desktop, moveId, epoch, from }: RunHere): Promise<void> {
      // Whoever owns it at this epoch can only go on from there: no decision is made here.
      if (decisionOn(await ctx.ownership.get(desktop), epoch) !== 'owner')
        throw fenced(desktop, `it has not taken it over at epoch ${String(epoch)}`);
      await new TargetSide(ctx).commit(from, { desktop, moveId, epoch }, { snapshot: false });
    },

    /** Target: a move has brought its desktop here: give back what was reserved for it, and the view of its disk. */
    async settleDeadMove({ desktop, moveId }: MoveRef): Promise<void> {
      await locked(desktop, `the end of move ${moveId}`, async () => {
        const reservation = await ctx.reservations.get(moveId);
        const decision =
          reservation === null ? 'gone' : decisionOn(await ctx.ownership.get(desktop), reservation.epoch);
        const { incoming } = await ctx.hypervisor.moves(desktop);
        if ((decision !== 'owner' && decision !== 'gone') || incoming.some((m) => m.moveId === moveId))
          throw fenced(desktop, `move ${moveId} has not brought it here`);
        await ctx.hypervisor.discardTarget({ desktop, moveId });
        await ctx.reservations.remove(moveId);
        await ctx.ownership.dropRoom(desktop);
      });
    },

    /** Take tap, address and rules away of a desktop that neither is here nor comes here. */
    async detachStale({ desktop }: OfDesktop): Promise<void> {
      await locked(desktop, 'taking a tap away that nobody uses', async () => {
        const record = await ctx.ownership.get(desktop);
        const coming = (await ctx.reservations.list()).some((r) => r.definition.id === desktop);
        const [network] = await ctx.network.held(desktop);
        const waits = record?.state === 'released' && network?.outgoing?.epoch === record.epoch;
        const isHere = (await ctx.hypervisor.get(desktop)) !== null;
        const making = (await ctx.creations.get(desktop))?.made === false;
        if (
          record?.state === 'owner' ||
          coming ||
          making ||
          waits ||
          isHere ||
          (network?.moved.length ?? 0) > 0
        )
          throw fenced(desktop, 'its tap and address are in use');
        await ctx.network.detach(desktop);
      });
    },

    /** Take the bandwidth cap of a move away that has ended. */
    async uncapMove({ desktop, moveId }: MoveRef): Promise<void> {
      await locked(desktop, `the end of move ${moveId}`, () => ctx.linkCap.uncap(moveId));
    },
  };
}
