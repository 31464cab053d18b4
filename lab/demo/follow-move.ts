// Shows a move that has begun, to its end, and counts what it puts on the WAN by phase.
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { MOVE, type MoveStatus } from '../../temporal/contract/move.js';
import { migrateId } from '../../temporal/contract/names.js';
import type { LabCloud } from '../cloud/lab-cloud.js';
import type { Narrator } from './narrator.js';

export interface Followed {
  readonly move: MoveStatus;
  /** Bytes that the WAN was given from source to target, IP level: up to the memory phase, and from it to the clean-up. */
  readonly wanBytes: { readonly disk: number; readonly memory: number };
}

const LOOK_MS = 300;

/** Follow the move of a desktop, which has begun, to its end; it may take as long as it needs. */
export async function followMove(
  cloud: LabCloud,
  desktop: DesktopId,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<Followed> {
  const { from, to } = await firstStatus(cloud, desktop, signal);
  const carried = () => cloud.world.carriedBytes(from.site, to.site);
  const startBytes = await carried();
  let memoryStart: number | null = null;
  let end: number | null = null;
  for (;;) {
    const status = await query(cloud, desktop);
    if (
      memoryStart === null &&
      (status.phase === 'memory' || status.phase === 'switchover' || status.phase === 'cleanup')
    )
      memoryStart = await carried();
    if (end === null && (status.phase === 'cleanup' || status.outcome !== 'running')) end = await carried();
    narrator.move(status);
    if (status.outcome !== 'running' && status.phases.at(-1)?.endedAtMs !== null) {
      narrator.endBar();
      const disk = (memoryStart ?? end ?? startBytes) - startBytes;
      return { move: status, wanBytes: { disk, memory: (end ?? startBytes) - startBytes - disk } };
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}

function query(cloud: LabCloud, desktop: DesktopId): Promise<MoveStatus> {
  return cloud.client.workflow.getHandle(migrateId(desktop)).query(MOVE.status);
}

async function firstStatus(cloud: LabCloud, desktop: DesktopId, signal: AbortSignal): Promise<MoveStatus> {
  for (let tries = 0; ; tries++) {
    try {
      return await query(cloud, desktop);
    } catch (error) {
      if (tries > 50)
        throw new VmshadowError('INTERNAL', `the move of ${desktop} does not answer`, { cause: error });
      await sleep(LOOK_MS, undefined, { signal });
    }
  }
}
