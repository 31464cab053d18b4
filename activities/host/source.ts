// Source side of a move up to the switchover, as activities: check, copy the disk, make it synchronous, copy memory, undo.
// Heartbeats carry a checkpoint; an activity of a killed worker is called again and finds its job running in the hypervisor.
import { VmshadowError } from '../../domain/errors.js';
import type { OwnershipRecord } from '../../domain/migration/ownership.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { hostKey } from '../../domain/model/ids.js';
import { outOfSpace } from '../../domain/model/real-room.js';
import type { HypervisorInfo } from '../../ports/hypervisor.js';
import type { PeerAddress } from '../../ports/peers.js';
import { assertDiskInSync, diskLooks, untilCopied, whileLooking } from './disk-progress.js';
import type { HostContext } from './host-context.js';
import type { CheckSource, CopyDisk, CopyMemory, SourceMove, UndoMove } from './inputs.js';
import { untilConverged, type MemoryCopied } from './memory-rounds.js';
import type { ProgressReporter } from './progress-reporter.js';
import { owning, undoing } from './source-move.js';

export interface SourceChecked {
  readonly definition: DesktopDefinition;
  /** The epoch that the source owns now. */
  readonly epoch: number;
  readonly info: HypervisorInfo;
  /** What of the disk takes room here: about what will cross the WAN. A host of a release before does not say. */
  readonly diskUsedBytes?: number;
  readonly external: string;
  readonly linkRttMs: number;
}

/** Make the activities of a move's source, up to the switchover. */
export function sourceActivities(ctx: HostContext, reporter: () => ProgressReporter) {
  return {
    /** Check that this host runs the desktop and that the target's dom0 answers; changes nothing. */
    async checkSource({ desktop, peer }: CheckSource): Promise<SourceChecked> {
      const runtime = await ctx.hypervisor.get(desktop);
      const record = await ctx.ownership.get(desktop);
      if (runtime === null || record?.state !== 'owner')
        throw new VmshadowError(
          'NOT_OWNER',
          `desktop ${desktop} does not belong to ${hostKey(ctx.self)}; run \`vmshadow desktop list\``,
        );
      if (runtime.state === 'out-of-space')
        throw new VmshadowError(
          'OUT_OF_SPACE',
          `desktop ${desktop} cannot be moved: its guest stands still in a write, ${outOfSpace(await ctx.hypervisor.resources())}, and can be moved then`,
        );
      if (runtime.state !== 'running')
        throw new VmshadowError(
          'DESKTOP_DOWN',
          `desktop ${desktop} is ${runtime.state}; only a running desktop can be moved. Start it first.`,
        );
      const external = await ctx.network.externalOf(desktop);
      if (external === null)
        throw new VmshadowError(
          'NETWORK',
          `desktop ${desktop} has no external address on ${hostKey(ctx.self)}`,
        );
      const linkRttMs = await probePeer(ctx, peer);
      return {
        definition: runtime.definition,
        epoch: record.epoch,
        info: await ctx.hypervisor.info(),
        diskUsedBytes: runtime.diskUsedBytes,
        external,
        linkRttMs,
      };
    },

    /** Copy the disk in the background until the target has all of it, or only the guest's newest writes are left to chase. */
    copyDisk(move: CopyDisk): Promise<{ wireBytes: number | null }> {
      const report = reporter();
      return owning(ctx, move, 'the disk copy', report, () => untilCopied(ctx, move, report));
    },

    /** Make replication synchronous; from here on each write of the guest waits for the target. */
    switchToSync(move: SourceMove): Promise<void> {
      const report = reporter();
      return owning(ctx, move, 'synchronous replication', report, async () => {
        const stop = ctx.watchLink(move, ctx.peers.connect(move.peer.host, move.peer.endpoint));
        try {
          await whileLooking(diskLooks(ctx, move, report), () =>
            ctx.hypervisor.makeSynchronous(move, report.signal),
          );
        } finally {
          stop();
        }
      });
    },

    /** Copy memory in rounds while the guest runs, until the convergence rule says that it is time to switch over. */
    copyMemory(move: CopyMemory): Promise<MemoryCopied> {
      const report = reporter();
      return owning(ctx, move, 'the memory copy', report, async () => {
        await assertDiskInSync(ctx, move);
        await ctx.linkCap.cap(move.moveId, move.target.address, move.target.port, move.mbps);
        const stop = ctx.watchLink(move, ctx.peers.connect(move.peer.host, move.peer.endpoint));
        try {
          await ctx.hypervisor.startMemoryCopy(move, move.target, move.mbps);
          return await untilConverged(ctx, move, report);
        } finally {
          stop();
        }
      });
    },

    /** End the memory copy; the source runs on and the disk stays in sync. */
    async cancelMemory(move: UndoMove): Promise<void> {
      // It resumes a stopped source: never once another host may run the desktop.
      const mine = (record: OwnershipRecord | null) =>
        record?.state === 'owner' && (move.epochs === undefined || move.epochs.includes(record.epoch));
      await undoing(ctx, move, 'ending the memory copy', mine, () => ctx.hypervisor.cancelMemoryCopy(move));
    },

    /** End replication; the source runs on as if nothing had been. */
    async cancelDisk(move: UndoMove): Promise<void> {
      // A released source's disk job is the target's business until the target has decided.
      const notReleased = (record: OwnershipRecord | null) => record?.state !== 'released';
      await undoing(ctx, move, 'ending the disk copy', notReleased, async () => {
        await ctx.hypervisor.cancelDiskCopy(move);
        await ctx.linkCap.uncap(move.moveId);
      });
    },
  };
}

async function probePeer(ctx: HostContext, peer: PeerAddress): Promise<number> {
  const startedMs = ctx.now();
  const alive = await ctx.peers.connect(peer.host, peer.endpoint).ping(AbortSignal.timeout(5_000));
  if (!alive)
    throw new VmshadowError(
      'HOST_UNREACHABLE',
      `${hostKey(peer.host)} does not answer at ${peer.endpoint.address}:${String(peer.endpoint.port)}. Check that \`vmshadow dom0\` runs there and that the port is open.`,
      { retryable: false },
    );
  return ctx.now() - startedMs;
}
