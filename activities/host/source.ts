// Source side of a move up to the switchover, as activities: check, copy the disk, make it synchronous, copy memory, undo.
// Heartbeats carry a checkpoint; an activity of a killed worker is called again and finds its job running in the hypervisor.
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import {
  decideConvergence,
  expectedPauseMs,
  type ConvergenceRule,
} from '../../domain/migration/convergence.js';
import { lookAtDisk, type DiskChase } from '../../domain/migration/disk-convergence.js';
import { assertOwner, type OwnershipRecord } from '../../domain/migration/ownership.js';
import type { MoveProgress } from '../../domain/migration/progress.js';
import { WireRate } from '../../domain/migration/wire-rate.js';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { hostKey, type DesktopId } from '../../domain/model/ids.js';
import type { CopyProgress, DiskTarget, HypervisorInfo } from '../../ports/hypervisor.js';
import type { HostContext } from './host-context.js';
import type { PeerAddress } from '../../ports/peers.js';
import { whileBeating, type ProgressReporter } from './progress-reporter.js';

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

export interface SourceMove {
  readonly desktop: DesktopId;
  readonly moveId: string;
  /** The source's present epoch. */
  readonly epoch: number;
  readonly peer: PeerAddress;
  readonly mbps: number;
}

/** What undoing needs: `epochs` are those at which this host may own the desktop then (its own, or the one of a reclaim). */
export interface UndoMove {
  readonly desktop: DesktopId;
  readonly moveId: string;
  readonly epochs?: readonly number[];
}

export interface MemoryCopied {
  readonly pauseBudgetMs: number;
  readonly expectedPauseMs: number;
  readonly rounds: number;
  readonly why: string;
  /** Of the memory, on the wire; null: not known. */
  readonly wireBytes: number | null;
}

/** An undo that has waited this long for the lock cuts the move's link: whatever holds it may hang on a dead one. */
const CUT_AFTER_MS = 10_000;
/** A look a second: often enough for a smooth bar, rare enough to cost nothing. */
const LOOK_MS = 1_000;
/** Pre-copy rounds near the end are short: look more often, so that the switchover does not come a round late. */
const MEMORY_LOOK_MS = 250;

/** Make the activities of a move's source, up to the switchover. */
export function sourceActivities(ctx: HostContext, reporter: () => ProgressReporter) {
  /** Do a part of a move under the desktop's lock, and only while this host owns the desktop with the move's epoch. */
  const owning = <T>(
    move: Pick<SourceMove, 'desktop' | 'epoch'>,
    wanted: string,
    report: ProgressReporter,
    work: () => Promise<T>,
  ): Promise<T> =>
    whileBeating(report, (signal) =>
      ctx.locks.run(
        move.desktop,
        wanted,
        async () => {
          assertOwner(await ctx.ownership.read(move.desktop), move.desktop, move.epoch, wanted);
          return work();
        },
        { signal },
      ),
    );

  /**
   * Undo a part of a move under the lock, looking at the record before and after the wait. An operation that holds the lock and hangs on
   * a dead link is cut loose: what is undone needs the link no more.
   */
  const undoing = async (
    move: UndoMove,
    wanted: string,
    allowed: (record: OwnershipRecord | null) => boolean,
    work: () => Promise<void>,
  ): Promise<void> => {
    const assertAllowed = async () => {
      const record = await ctx.ownership.read(move.desktop);
      if (!allowed(record)) throw fencedUndo(ctx, move, wanted, record);
    };
    await assertAllowed();
    const cut = setTimeout(() => {
      ctx.hypervisor.cutLink(move).catch((error: unknown) => {
        ctx.logger.warn({ ...move, error: messageOf(error) }, 'cutting the link of a move failed');
      });
    }, CUT_AFTER_MS);
    try {
      await ctx.locks.run(move.desktop, wanted, async () => {
        clearTimeout(cut);
        await assertAllowed();
        await work();
      });
    } finally {
      clearTimeout(cut);
    }
  };

  return {
    /** Check that this host runs the desktop and that the target's dom0 answers; changes nothing. */
    async checkSource({ desktop, peer }: { desktop: DesktopId; peer: PeerAddress }): Promise<SourceChecked> {
      const runtime = await ctx.hypervisor.get(desktop);
      const record = await ctx.ownership.read(desktop);
      if (runtime === null || record?.state !== 'owner')
        throw new VmshadowError(
          'NOT_OWNER',
          `desktop ${desktop} does not belong to ${hostKey(ctx.self)}; run \`vmshadow desktop list\``,
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
    copyDisk(move: SourceMove & { target: DiskTarget }): Promise<{ wireBytes: number | null }> {
      const report = reporter();
      return owning(move, 'the disk copy', report, () => untilCopied(ctx, move, report));
    },

    /** Make replication synchronous; from here on each write of the guest waits for the target. */
    switchToSync(move: SourceMove): Promise<void> {
      const report = reporter();
      return owning(move, 'synchronous replication', report, async () => {
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
    copyMemory(
      move: SourceMove & { target: Endpoint; rule: ConvergenceRule; forced: boolean },
    ): Promise<MemoryCopied> {
      const report = reporter();
      return owning(move, 'the memory copy', report, async () => {
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
      await undoing(move, 'ending the memory copy', mine, () => ctx.hypervisor.cancelMemoryCopy(move));
    },

    /** End replication; the source runs on as if nothing had been. */
    async cancelDisk(move: UndoMove): Promise<void> {
      // A released source's disk job is the target's business until the target has decided.
      const notReleased = (record: OwnershipRecord | null) => record?.state !== 'released';
      await undoing(move, 'ending the disk copy', notReleased, async () => {
        await ctx.hypervisor.cancelDiskCopy(move);
        await ctx.linkCap.uncap(move.moveId);
      });
    },
  };
}

function fencedUndo(
  ctx: HostContext,
  move: UndoMove,
  wanted: string,
  record: OwnershipRecord | null,
): VmshadowError {
  const has = record === null ? 'no record' : `${record.state} at epoch ${String(record.epoch)}`;
  return new VmshadowError(
    'FENCED',
    `${wanted} of ${move.desktop} (move ${move.moveId}) refused: ${hostKey(ctx.self)} has ${has}. Look at \`vmshadow status\` for where the desktop is.`,
  );
}

/** Look at the disk copy until the target has all of it, or only the guest's newest writes are left to chase. */
async function untilCopied(
  ctx: HostContext,
  move: SourceMove & { target: DiskTarget },
  report: ProgressReporter,
): Promise<{ wireBytes: number | null }> {
  await ctx.linkCap.cap(move.moveId, move.target.endpoint.address, move.target.endpoint.port, move.mbps);
  await ctx.hypervisor.startDiskCopy(move, move.target, move.mbps);
  const look = diskLooks(ctx, move, report);
  let chase: DiskChase | null = null;
  for (;;) {
    const now = await look();
    if (now.state === 'failed' || now.state === 'none')
      throw new VmshadowError(
        'DISK_COPY',
        `copying the disk of ${move.desktop} to ${hostKey(move.peer.host)} ended: ${now.error ?? 'the copy is gone'}`,
      );
    if (now.state !== 'copying') return { wireBytes: now.wireBytes };
    const judged = lookAtDisk(chase, now.totalBytes - now.doneBytes, now.doneBytes, ctx.now());
    if (judged.chasing) return { wireBytes: now.wireBytes };
    chase = judged.chase;
    await sleep(LOOK_MS, undefined, { signal: report.signal });
  }
}

/** A switchover that failed after the stop may have ended the mirror: memory alone would then meet a stale disk. */
async function assertDiskInSync(ctx: HostContext, move: SourceMove): Promise<void> {
  const { state, error } = await ctx.hypervisor.diskProgress(move);
  if (state !== 'synchronous')
    throw new VmshadowError(
      'DISK_COPY',
      `the disk of ${move.desktop} is no longer kept in sync (${error ?? state}): the move has to begin again`,
    );
}

/** Make a function that looks at the disk copy and reports how far it is and how fast. */
function diskLooks(
  ctx: HostContext,
  move: SourceMove,
  report: ProgressReporter,
): () => Promise<CopyProgress> {
  const rate = new WireRate();
  return async () => {
    const now = await ctx.hypervisor.diskProgress(move);
    if (now.state === 'failed' || now.state === 'none') return now;
    await report({
      diskDoneBytes: now.doneBytes,
      diskTotalBytes: now.totalBytes,
      diskWireBytes: now.wireBytes,
      bytesPerSecond: rate.at(ctx.now(), now.wireBytes),
    });
    return now;
  };
}

/** Look once a second while something else goes on; a look that fails says nothing of it. */
async function whileLooking<T>(look: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  // Not waited for at the end: with a dead link a look may hang longer than the work.
  void (async () => {
    while (!done.signal.aborted) {
      await look().catch(() => undefined);
      await sleep(LOOK_MS, undefined, { signal: done.signal }).catch(() => undefined);
    }
  })();
  try {
    return await work();
  } finally {
    done.abort();
  }
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

async function untilConverged(
  ctx: HostContext,
  move: SourceMove & { rule: ConvergenceRule; forced: boolean },
  report: ProgressReporter,
): Promise<MemoryCopied> {
  const startedMs = ctx.now();
  const history: number[] = [];
  const rate = new WireRate();
  let round = 0;
  for (;;) {
    const now = await ctx.hypervisor.memoryProgress(move);
    if (now.state === 'failed' || now.state === 'cancelled' || now.state === 'none')
      throw new VmshadowError(
        'MEMORY_COPY',
        `copying the memory of ${move.desktop} ended (${now.state}): ${now.error ?? 'no reason given'}`,
      );
    const progress: Partial<MoveProgress> = {
      // Before its first round the hypervisor has not yet counted what remains.
      memoryDoneBytes: now.round === 0 ? 0 : Math.max(0, now.totalBytes - now.remainingBytes),
      memoryTotalBytes: now.totalBytes,
      memoryWireBytes: now.wireBytes,
      bytesPerSecond: rate.at(ctx.now(), now.wireBytes),
      dirtyBytesPerSecond: now.dirtyBytesPerSecond,
      round: now.round,
    };
    await report(progress);
    if (now.round > round) {
      round = now.round;
      if (round > 1) history.push(expectedPauseMs(now.remainingBytes, now.bytesPerSecond));
    }
    const decision = decideConvergence(
      { ...now, elapsedMs: ctx.now() - startedMs, history, forced: move.forced },
      move.rule,
    );
    // A hypervisor that has stopped the guest by itself leaves nothing to decide.
    const stopped = now.state === 'pre-switchover' || now.state === 'device' || now.state === 'completed';
    if (decision.kind === 'switch' || stopped)
      return {
        pauseBudgetMs: decision.kind === 'switch' ? decision.pauseBudgetMs : move.rule.pauseBudgetMs,
        expectedPauseMs: Number.isFinite(decision.expectedPauseMs) ? decision.expectedPauseMs : 0,
        rounds: now.round,
        why: decision.kind === 'switch' ? decision.why : 'the hypervisor had converged',
        wireBytes: now.wireBytes,
      };
    await sleep(MEMORY_LOOK_MS, undefined, { signal: report.signal });
  }
}
