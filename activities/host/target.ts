// Target side of a move, as activities: reserve, make ready, undo. Everything is idempotent; undo works from any state.
import { coerce, lt } from 'semver';
import { VmshadowError } from '../../domain/errors.js';
import { decisionOn, refuse } from '../../domain/migration/ownership.js';
import { cpuProblem, isHostCpu } from '../../domain/model/cpu.js';
import { hostKey, sameHost, type HostRef } from '../../domain/model/ids.js';
import type { DiskTarget, MemoryTarget } from '../../ports/hypervisor.js';
import type { CapacityReservation } from '../stores/reservation-store.js';
import type { HostContext } from './host-context.js';
import { CHANGES_OF_A_MOVE } from '../stores/ownership-store.js';
import type { MoveRef, ReserveTarget, TargetMove } from './inputs.js';

export interface TargetReserved {
  readonly newExternal: string;
  readonly targetKey: string;
  readonly tap: string;
  /** The epoch that this host would own: the one asked for, or the first that it has not spent. Missing from hosts of an older release. */
  readonly epoch?: number;
}

/** Make the activities of a move's target. */
export function targetActivities(ctx: HostContext) {
  /** Work for a move that this host expects, whose epoch nothing has been decided about. */
  const expected = <T>(move: TargetMove, work: (from: HostRef) => Promise<T>): Promise<T> =>
    ctx.locks.run(move.definition.id, `move ${move.moveId}`, async () => {
      const reservation = await ctx.reservations.get(move.moveId);
      const record = await ctx.ownership.get(move.definition.id);
      if (
        reservation?.definition.id !== move.definition.id ||
        decisionOn(record, reservation.epoch) !== 'undecided'
      )
        throw new VmshadowError(
          'FENCED',
          `${hostKey(ctx.self)} expects nothing of move ${move.moveId} of ${move.definition.id} any more: start the move again`,
        );
      return work(reservation.from);
    });

  return {
    /** Check version, machine type and capacity, then reserve capacity and an external address and make the tap. */
    async reserveTarget(request: ReserveTarget): Promise<TargetReserved> {
      const { definition, moveId, from, diskUsedBytes = 0 } = request;
      return ctx.locks.run(definition.id, `move ${moveId}`, async () => {
        const epoch = await checkCompatible(ctx, request);
        const reserved = await ctx.reservations.get(moveId);
        if (reserved === null)
          await ctx.capacityGate.claim(
            definition,
            () =>
              ctx.reservations.put(moveId, {
                moveId,
                definition,
                from,
                epoch,
                atMs: ctx.now(),
                diskUsedBytes,
                oldExternal: null,
              }),
            diskUsedBytes,
          );
        // Its word about the epoch, and taking that back, must not depend on who fills the disk meanwhile.
        await ctx.ownership.keepRoom(definition.id, CHANGES_OF_A_MOVE);
        const tap = await ctx.network.attach(definition);
        const newExternal = await ctx.network.allocateExternal(definition.id);
        return { newExternal, targetKey: ctx.network.publicKey, tap, epoch: reserved?.epoch ?? epoch };
      });
    },

    /** Make (or find again) the empty replica and serve it to the source of the reservation alone. */
    prepareReplica: (move: TargetMove): Promise<DiskTarget> =>
      expected(move, (from) => ctx.hypervisor.prepareDisk(key(move), move.definition, from)),

    /** Start a fresh paused copy that waits for the source's memory; the replica stays. */
    prepareIncoming: (move: TargetMove): Promise<MemoryTarget> =>
      expected(move, (from) => ctx.hypervisor.prepareMemory(key(move), move.definition, move.tap, from)),

    /** Drop all that a move made here, unless this host has come to own the desktop by it. */
    async dropTarget({ moveId, desktop }: MoveRef): Promise<void> {
      await ctx.locks.run(desktop, `the end of move ${moveId}`, async () => {
        const reservation = await ctx.reservations.get(moveId);
        if (reservation !== null) await refuseForEver(ctx, reservation);
        await ctx.hypervisor.discardTarget({ desktop, moveId });
        if (reservation === null) return;
        // A later move of the desktop to here may have its own reservation already: tap and address are then in use.
        const others = (await ctx.reservations.list()).some(
          (r) => r.definition.id === desktop && r.moveId !== moveId,
        );
        if (!others) {
          await ctx.network.releaseExternal(desktop);
          await ctx.network.detach(desktop);
          await ctx.ownership.dropRoom(desktop);
        }
        await ctx.reservations.remove(moveId);
      });
    },

    /** After the commit: the desktop counts by itself now. */
    async settleTarget({ moveId, desktop }: MoveRef): Promise<void> {
      await ctx.locks.run(desktop, `the end of move ${moveId}`, async () => {
        await ctx.reservations.remove(moveId);
        await ctx.ownership.dropRoom(desktop);
      });
    },
  };
}

/**
 * Before a target is dropped: where its switchover had begun, the source may have released (an attempt that Temporal gave up), and asks
 * for our word. Throws TOO_LATE where that word is already `owner`.
 */
async function refuseForEver(ctx: HostContext, reservation: CapacityReservation): Promise<void> {
  const { definition, epoch, from, oldExternal } = reservation;
  const decision = decisionOn(await ctx.ownership.get(definition.id), epoch);
  if (decision === 'owner' || decision === 'gone')
    throw new VmshadowError(
      'TOO_LATE',
      `desktop ${definition.id} was already taken over by ${hostKey(ctx.self)}; it can only go forward`,
    );
  if (decision === 'undecided' && oldExternal !== null)
    await ctx.ownership.change(definition.id, (r) => refuse(r, definition.id, epoch, from, ctx.now()));
}

const key = (move: TargetMove) => ({ desktop: move.definition.id, moveId: move.moveId });

/** Throw PEER_REFUSED with every reason against the move; gives the epoch that this host would own. */
async function checkCompatible(ctx: HostContext, request: ReserveTarget): Promise<number> {
  const { definition, source, epoch } = request;
  const mine = await ctx.hypervisor.info();
  const where = `${hostKey(ctx.self)} cannot take ${definition.id}`;
  const problems: string[] = [];
  const ofHosts: string[] = [];
  const older = isOlder(mine.version, source.version);
  if (mine.driver !== source.driver)
    ofHosts.push(`its hypervisor is ${mine.driver}, the source's is ${source.driver}`);
  else if (older === null)
    ofHosts.push(
      `its ${mine.driver} is ${mine.version}, the source's ${source.version}: expected 10.0.2 or the like`,
    );
  else if (older)
    ofHosts.push(
      `its ${mine.driver} is ${mine.version}, older than the source's ${source.version}: upgrade the target first`,
    );
  if (!mine.machines.includes(definition.machine))
    problems.push(`it does not know the machine type ${definition.machine}`);
  // Of a release before only the name is known.
  const cpu =
    mine.cpu !== undefined && source.cpu !== undefined
      ? cpuProblem(definition.cpu, source.cpu, mine.cpu)
      : mine.cpuModel !== source.cpuModel
        ? `its CPU model is ${mine.cpuModel}, the source's is ${source.cpuModel}`
        : null;
  if (cpu !== null) (isHostCpu(definition.cpu) ? ofHosts : problems).push(cpu);
  const record = await ctx.ownership.get(definition.id);
  if (record?.state === 'owner')
    problems.push(`it owns the desktop itself, at epoch ${String(record.epoch)}`);
  if (sameHost(request.from, ctx.self)) problems.push('it is the source itself');
  const all = [...ofHosts, ...problems];
  if (all.length > 0)
    throw new VmshadowError('PEER_REFUSED', `${where}: ${all.join('; ')}`, {
      // No other desktop of that source would fare better.
      details: { problems: all, ofHosts: ofHosts.length > 0 },
    });
  // What this host has refused or released before is spent: the move takes the first epoch after it.
  return Math.max(epoch, (record?.epoch ?? 0) + 1);
}

/** Tell whether version `a` comes before `b`; what a distribution adds (`7.2.15+ds`) does not count. Null where one of them is no version. */
export function isOlder(a: string, b: string): boolean | null {
  const [x, y] = [coerce(a), coerce(b)];
  return x === null || y === null ? null : lt(x, y);
}
