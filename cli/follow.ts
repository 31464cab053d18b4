// Follows one move until it ends. A manager that is away for a while is waited for: the move itself goes on without it.
import { hasCode, VmshadowError } from '../domain/errors.js';
import type { DesktopId } from '../domain/model/ids.js';
import type { MoveStatus } from '../temporal/contract/move.js';
import { migrateId } from '../temporal/contract/names.js';
import { pause } from './daemon.js';

/** The part of the loop's client that following needs. */
export interface MoveSource {
  moveStatus(desktop: DesktopId): Promise<MoveStatus | null>;
  moveExecution(desktop: DesktopId): Promise<string | null>;
}

export interface FollowOptions {
  readonly desktop: DesktopId;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  onProgress(status: MoveStatus): void;
  /** Called when the control plane gives no answer, once each time. */
  onSilence(reason: string): void;
}

/**
 * Wait until the move has ended: after a commit until the disks are compared, not for the grace time of the old disk. Null when the
 * signal aborted before an outcome was known. Throws INTERNAL where Temporal ended the workflow without a result.
 */
export async function followMove(source: MoveSource, options: FollowOptions): Promise<MoveStatus | null> {
  const { desktop, signal } = options;
  let silent = false;
  let decided: MoveStatus | null = null;
  while (!signal.aborted) {
    try {
      const status = await source.moveStatus(desktop);
      if (status !== null) {
        options.onProgress(status);
        if (status.outcome !== 'running') decided = status;
        if (isOver(status)) return status;
      }
      if (decided === null) await assertStillThere(source, desktop);
      silent = false;
    } catch (error) {
      if (!hasCode(error, 'CONTROL_PLANE')) throw error;
      if (!silent) options.onSilence(error.message);
      silent = true;
    }
    await pause(options.intervalMs, signal);
  }
  return decided;
}

function isOver(status: MoveStatus): boolean {
  if (status.outcome === 'running') return false;
  if (status.outcome !== 'moved') return true;
  return status.diskHashes !== null || status.error !== null || status.phases.at(-1)?.endedAtMs !== null;
}

async function assertStillThere(source: MoveSource, desktop: DesktopId): Promise<void> {
  const execution = await source.moveExecution(desktop);
  if (execution === 'RUNNING' || execution === 'PAUSED') return;
  // It may have ended between the two questions.
  const last = await source.moveStatus(desktop);
  if (last !== null && last.outcome !== 'running') return;
  throw new VmshadowError(
    'INTERNAL',
    `the move of ${desktop} was ended from outside (${execution ?? 'not found'}). Look at workflow ${migrateId(desktop)} in the Temporal UI, and at \`vmshadow status\` for where the desktop runs.`,
    { details: { desktop } },
  );
}
