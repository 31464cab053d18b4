// What holds for every part of a move at its source: the desktop's lock, and the ownership record read under it (ARCHITECTURE, "Attempts").
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { assertOwner, type OwnershipRecord } from '../../domain/migration/ownership.js';
import { hostKey } from '../../domain/model/ids.js';
import type { HostContext } from './host-context.js';
import type { SourceMove, UndoMove } from './inputs.js';
import { whileBeating, type ProgressReporter } from './progress-reporter.js';

/** An undo that has waited this long for the lock cuts the move's link: whatever holds it may hang on a dead one. */
const CUT_AFTER_MS = 10_000;
/** Do a part of a move under the desktop's lock, and only while this host owns the desktop with the move's epoch; FENCED otherwise. */
export function owning<T>(
  ctx: HostContext,
  move: Pick<SourceMove, 'desktop' | 'epoch'>,
  wanted: string,
  report: ProgressReporter,
  work: () => Promise<T>,
): Promise<T> {
  return whileBeating(report, (signal) =>
    ctx.locks.run(
      move.desktop,
      wanted,
      async () => {
        assertOwner(await ctx.ownership.get(move.desktop), move.desktop, move.epoch, wanted);
        return work();
      },
      { signal },
    ),
  );
}

/**
 * Undo a part of a move under the lock, looking at the record before and after the wait. An operation that holds the lock and hangs on
 * a dead link is cut loose: what is undone needs the link no more.
 */
export async function undoing(
  ctx: HostContext,
  move: UndoMove,
  wanted: string,
  allowed: (record: OwnershipRecord | null) => boolean,
  work: () => Promise<void>,
): Promise<void> {
  const assertAllowed = async () => {
    const record = await ctx.ownership.get(move.desktop);
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
