// Looks at a disk copy that goes on in the hypervisor, until it is done or while something else is waited for.
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../domain/errors.js';
import { lookAtDisk, type DiskChase } from '../../domain/migration/disk-convergence.js';
import { WireRate } from '../../domain/migration/wire-rate.js';
import { hostKey } from '../../domain/model/ids.js';
import type { CopyProgress, DiskTarget } from '../../ports/hypervisor.js';
import type { HostContext } from './host-context.js';
import type { ProgressReporter } from './progress-reporter.js';
import type { SourceMove } from './inputs.js';

/** A look a second: often enough for a smooth bar, rare enough to cost nothing. */
const LOOK_MS = 1_000;

/** Look at the disk copy until the target has all of it, or only the guest's newest writes are left to chase. Throws DISK_COPY when it ends before. */
export async function untilCopied(
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

/** A switchover that failed after the stop may have ended the mirror: memory alone would then meet a stale disk. Throws DISK_COPY. */
export async function assertDiskInSync(ctx: HostContext, move: SourceMove): Promise<void> {
  const { state, error } = await ctx.hypervisor.diskProgress(move);
  if (state !== 'synchronous')
    throw new VmshadowError(
      'DISK_COPY',
      `the disk of ${move.desktop} is no longer kept in sync (${error ?? state}): the move has to begin again`,
    );
}

/** Make a function that looks at the disk copy and reports how far it is and how fast. */
export function diskLooks(
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
      saved: now.saved,
      bytesPerSecond: rate.at(ctx.now(), now.wireBytes),
    });
    return now;
  };
}

/** Look once a second while something else goes on; a look that fails says nothing of it. */
export async function whileLooking<T>(look: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
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
