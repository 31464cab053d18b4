// Why a desktop in a move takes nothing else. Before the commit the move can be cancelled; after it the desktop is at its new place, and until its old
// disk is gone its next move would find that in its way.
import { patched } from '@temporalio/workflow';
import { VmshadowError } from '../../domain/errors.js';
import { hostKey, sameHost, type DesktopId } from '../../domain/model/ids.js';
import type { MoveUnderWay } from '../../temporal/contract/carried.js';
import { migrateId } from '../../temporal/contract/names.js';
import { control } from '../control-proxy.js';
import type { LoopState } from './loop-state.js';

/** The refusal of a second move, or of anything else that a desktop in a move cannot take. */
export function moveInProgress(desktop: DesktopId): VmshadowError {
  return new VmshadowError(
    'MOVE_IN_PROGRESS',
    `desktop ${desktop} is in a move (${migrateId(desktop)}). Wait until it has ended, or cancel it first: \`vmshadow cancel ${desktop}\``,
  );
}

/**
 * Refuse a desktop that is in a move, by fresh reports: they say whether it has arrived. Of one that has not it throws at once: not even a turn of
 * the event loop, since loops under way replay on this.
 */
export function refuseInMove(state: LoopState, desktop: DesktopId): Promise<never> {
  const move = state.moves.get(desktop);
  const at = state.find(desktop)?.host;
  const arrived = move !== undefined && at !== undefined && sameHost(at, move.to);
  if (!arrived || !patched('say-what-an-arrived-move-waits-for')) throw moveInProgress(desktop);
  return refuseArrived(state, move);
}

async function refuseArrived(state: LoopState, move: MoveUnderWay): Promise<never> {
  const { desktop, to } = move;
  const untilMs = await control.askKeptUntil({ desktop: move.desktop });
  const kept =
    untilMs === null
      ? `its old disk at ${hostKey(move.from)} is kept until both disks have been compared, and ${String(state.policy.migration.graceMs / 1000)} s longer`
      : `its old disk at ${hostKey(move.from)} is kept until ${new Date(untilMs).toISOString()}`;
  throw new VmshadowError(
    'MOVE_IN_PROGRESS',
    `desktop ${desktop} runs at ${hostKey(to)} now, and its move there is over but for the clean-up: ${kept} (policy.migration.graceMs). Ask again then; \`vmshadow status\` lists the move until it has ended`,
  );
}
