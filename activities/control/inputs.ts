// What the activities of the manager take, one schema each: checked at the manager, whoever asks.
import { z } from 'zod';
import { DesktopId, PoolId } from '../../domain/model/ids.js';
import { PackedPlanRequest } from '../../domain/placement/request/packed-shape.js';

/** By the activities' names. */
export const CONTROL_INPUTS = {
  plan: PackedPlanRequest,
  /** Addresses of users. */
  placeUsers: z.array(z.string().max(64)),
  movesOf: z.array(DesktopId),
  poolOf: z.object({ pool: PoolId }),
  /** Workflow IDs. */
  endedWorkflows: z.array(z.string().min(1).max(1_000)),
  askKeptUntil: z.object({ desktop: DesktopId }),
} as const;
