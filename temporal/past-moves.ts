// The moves of a desktop that Temporal keeps: its list of workflows, and what each of them said at its end.
import pMap from 'p-map';
import type { Client } from '@temporalio/client';
import { gainOfMove } from '../domain/migration/past-moves.js';
import type { MoveGain } from '../domain/migration/realised-gain.js';
import type { DesktopId } from '../domain/model/ids.js';
import { MOVE, type MigrateDesktop, type MoveStatus } from './contract/move.js';
import { migrateId } from './contract/names.js';

export interface PastMove {
  readonly runId: string;
  readonly startedAtMs: number;
  /** Null: it is under way. */
  readonly endedAtMs: number | null;
  /** Temporal's own word: RUNNING, COMPLETED, FAILED, TERMINATED ... */
  readonly execution: string;
  /** As it said at its end, or says now; null where it was terminated or cannot be asked. */
  readonly status: MoveStatus | null;
  /** What it gave; null where that was not measured, or is not kept any more. */
  readonly gain: MoveGain | null;
}

const ASKED_AT_A_TIME = 10;

/** The last moves of a desktop, the newest first. */
export async function pastMoves(
  client: Client,
  desktop: DesktopId,
  gains: readonly MoveGain[],
  limit: number,
): Promise<PastMove[]> {
  const found: Omit<PastMove, 'status' | 'gain'>[] = [];
  for await (const run of client.workflow.list({ query: `WorkflowId = '${migrateId(desktop)}'` })) {
    if (found.length === limit) break;
    const { runId, startTime, closeTime, status } = run;
    const endedAtMs = closeTime?.getTime() ?? null;
    found.push({ runId, startedAtMs: startTime.getTime(), endedAtMs, execution: status.name });
  }
  return pMap(
    found,
    async (run) => {
      const status = await statusOf(client, desktop, run);
      const { endedAtMs } = run;
      const gain = status === null || endedAtMs === null ? null : gainOfMove({ ...status, endedAtMs }, gains);
      return { ...run, status, gain };
    },
    { concurrency: ASKED_AT_A_TIME },
  );
}

async function statusOf(
  client: Client,
  desktop: DesktopId,
  { runId, execution }: Pick<PastMove, 'runId' | 'execution'>,
): Promise<MoveStatus | null> {
  const handle = client.workflow.getHandle<MigrateDesktop>(migrateId(desktop), runId, { followRuns: false });
  try {
    return execution === 'RUNNING' ? await handle.query(MOVE.status) : await handle.result();
  } catch (error) {
    return saidInFailure(error);
  }
}

/** A move that failed carries its status in the failure; anything else says nothing of it. */
function saidInFailure(error: unknown): MoveStatus | null {
  const { cause } = error as { cause?: { details?: unknown } };
  const [status] = Array.isArray(cause?.details) ? (cause.details as unknown[]) : [];
  return typeof status === 'object' && status !== null && 'outcome' in status ? (status as MoveStatus) : null;
}
