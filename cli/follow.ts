// Follows what a workflow does until it ends. A manager that is away for a while is waited for: the work itself goes on without it.
import { hasCode, VmshadowError } from '../domain/errors.js';
import type { DesktopId } from '../domain/model/ids.js';
import type { MoveStatus } from '../temporal/contract/move.js';
import { migrateId } from '../temporal/contract/names.js';
import { pause } from './daemon.js';

/** A workflow that has a status with an outcome, `running` until that is known. */
export interface Followed<S> {
  /** Null while it has none yet. */
  status(): Promise<S | null>;
  /** Temporal's own word on it: RUNNING, COMPLETED, TERMINATED ...; null when there never was one. */
  execution(): Promise<string | null>;
  /** Tell whether there is nothing more to wait for. */
  isOver(status: S): boolean;
  /** The error where Temporal ended it without a result. */
  endedOutside(execution: string): VmshadowError;
}

export interface FollowOptions<S> {
  readonly intervalMs: number;
  readonly signal: AbortSignal;
  onProgress(status: S): void;
  /** Called when the control plane gives no answer, once each time. */
  onSilence(reason: string): void;
}

/**
 * Wait until a workflow is over. Gives the last status with an outcome where the signal aborts before that, null where none was known.
 * Throws `endedOutside` where Temporal ended it without a result.
 */
export async function follow<S extends { readonly outcome: string }>(
  followed: Followed<S>,
  options: FollowOptions<S>,
): Promise<S | null> {
  const { signal } = options;
  let silent = false;
  let decided: S | null = null;
  while (!signal.aborted) {
    try {
      const status = await followed.status();
      if (status !== null) {
        options.onProgress(status);
        if (status.outcome !== 'running') decided = status;
        if (followed.isOver(status)) return status;
      }
      if (decided === null) await assertStillThere(followed);
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

async function assertStillThere<S extends { readonly outcome: string }>(
  followed: Followed<S>,
): Promise<void> {
  const execution = await followed.execution();
  if (execution === 'RUNNING' || execution === 'PAUSED') return;
  // It may have ended between the two questions.
  const last = await followed.status();
  if (last !== null && last.outcome !== 'running') return;
  throw followed.endedOutside(execution ?? 'not found');
}

/** The part of the loop's client that following a move needs. */
export interface MoveSource {
  moveStatus(desktop: DesktopId): Promise<MoveStatus | null>;
  moveExecution(desktop: DesktopId): Promise<string | null>;
}

/** Follow a move until it has ended: after a commit until the disks are compared, not for the grace time of the old disk. As `follow`. */
export function followMove(
  source: MoveSource,
  { desktop, ...options }: FollowOptions<MoveStatus> & { readonly desktop: DesktopId },
): Promise<MoveStatus | null> {
  const move: Followed<MoveStatus> = {
    status: () => source.moveStatus(desktop),
    execution: () => source.moveExecution(desktop),
    isOver: isMoveOver,
    endedOutside: (execution) =>
      new VmshadowError(
        'INTERNAL',
        `the move of ${desktop} was ended from outside (${execution}). Look at workflow ${migrateId(desktop)} in the Temporal UI, and at \`vmshadow status\` for where the desktop runs.`,
        { details: { desktop } },
      ),
  };
  return follow(move, options);
}

function isMoveOver(status: MoveStatus): boolean {
  if (status.outcome === 'running') return false;
  if (status.outcome !== 'moved') return true;
  return status.diskHashes !== null || status.error !== null || status.phases.at(-1)?.endedAtMs !== null;
}
