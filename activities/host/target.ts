// Target side of a move, as activities: reserve, make ready, undo. Everything is idempotent; undo works from any state.
import { VmshadowError } from '../../domain/errors.js';
import { decisionOn } from '../../domain/migration/ownership.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { DiskTarget, HypervisorInfo } from '../../ports/hypervisor.js';
import type { HostContext } from './host-context.js';

export interface ReserveTargetRequest {
  readonly moveId: string;
  readonly definition: DesktopDefinition;
  readonly from: HostRef;
  readonly epoch: number;
  readonly source: HypervisorInfo;
}

export interface TargetReserved {
  readonly newExternal: string;
  readonly targetKey: string;
  readonly tap: string;
}

export interface TargetMove {
  readonly moveId: string;
  readonly definition: DesktopDefinition;
  readonly tap: string;
}

/** Make the activities of a move's target. */
export function targetActivities(ctx: HostContext) {
  return {
    /** Check version, machine type and capacity, then reserve capacity and an external address and make the tap. */
    async reserveTarget(request: ReserveTargetRequest): Promise<TargetReserved> {
      const { definition } = request;
      await checkCompatible(ctx, request);
      const { moveId, from, epoch } = request;
      if ((await ctx.reservations.get(moveId)) === null)
        await ctx.capacityGate.claim(definition, () =>
          ctx.reservations.put({ moveId, definition, from, epoch, atMs: ctx.now(), oldExternal: null }),
        );
      const tap = await ctx.network.attach(definition);
      const newExternal = await ctx.network.allocateExternal(definition.id);
      return { newExternal, targetKey: ctx.network.publicKey, tap };
    },

    /** Make (or find again) the empty replica and serve it. */
    prepareReplica: (move: TargetMove): Promise<DiskTarget> =>
      ctx.hypervisor.prepareDisk(key(move), move.definition),

    /** Start a fresh paused copy that waits for memory; the replica stays. */
    prepareIncoming: (move: TargetMove): Promise<Endpoint> =>
      ctx.hypervisor.prepareMemory(key(move), move.definition, move.tap),

    /** Drop all that a move made here, unless this host has come to own the desktop by it. */
    async dropTarget({ moveId, desktop }: { moveId: string; desktop: DesktopId }): Promise<void> {
      const reservation = await ctx.reservations.get(moveId);
      if (
        reservation !== null &&
        decisionOn(await ctx.ownership.read(desktop), reservation.epoch) === 'owner'
      )
        throw new VmshadowError(
          'TOO_LATE',
          `desktop ${desktop} was already taken over by ${hostKey(ctx.self)}; it can only go forward`,
        );
      await ctx.hypervisor.discardTarget({ desktop, moveId });
      if (reservation !== null) {
        await ctx.network.releaseExternal(desktop);
        await ctx.network.detach(desktop);
        await ctx.reservations.remove(moveId);
      }
    },

    /** After the commit: the desktop counts by itself now. */
    async settleTarget({ moveId }: { moveId: string }): Promise<void> {
      await ctx.reservations.remove(moveId);
    },
  };
}

const key = (move: TargetMove) => ({ desktop: move.definition.id, moveId: move.moveId });

async function checkCompatible(
  ctx: HostContext,
  { definition, source, epoch }: ReserveTargetRequest,
): Promise<void> {
  const mine = await ctx.hypervisor.info();
  const where = `${hostKey(ctx.self)} cannot take ${definition.id}`;
  const problems: string[] = [];
  if (mine.driver !== source.driver)
    problems.push(`its hypervisor is ${mine.driver}, the source's is ${source.driver}`);
  else if (compareVersions(mine.version, source.version) < 0)
    problems.push(
      `its ${mine.driver} is ${mine.version}, older than the source's ${source.version}: upgrade the target first`,
    );
  if (!mine.machines.includes(definition.machine))
    problems.push(`it does not know the machine type ${definition.machine}`);
  if (mine.cpuModel !== source.cpuModel)
    problems.push(`its CPU model is ${mine.cpuModel}, the source's is ${source.cpuModel}`);
  const record = await ctx.ownership.read(definition.id);
  if (record !== null && record.epoch >= epoch)
    problems.push(`it has a record of epoch ${String(record.epoch)}, this move would be ${String(epoch)}`);
  if (problems.length > 0)
    throw new VmshadowError('PEER_REFUSED', `${where}: ${problems.join('; ')}`, { details: { problems } });
}

/** Compare dotted versions as numbers: negative when `a` is older. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((v) => v.split('.').map((part) => Number.parseInt(part, 10) || 0)) as [
    number[],
    number[],
  ];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
