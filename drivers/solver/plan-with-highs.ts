// Planning with the real solver and clock: what both `vmshadow plan --input` and the manager's plan activity call.
import type { PackedPlanRequest } from '../../domain/placement/request/packed-shape.js';
import type { PlanRequest, PlanResult } from '../../domain/placement/request/model.js';
import { planPlacement, type PlanOptions } from '../../domain/placement/plan.js';
import { highsSolver } from './highs-solver.js';

/** Plan with HiGHS and this machine's clock where `options` says nothing else; throws INPUT_INVALID with every problem of the request. */
export function planWithHighs(
  request: PlanRequest | PackedPlanRequest,
  options: Partial<PlanOptions> = {},
): Promise<PlanResult> {
  return planPlacement(request, {
    solver: highsSolver,
    clockMs: () => performance.now(),
    nowMs: Date.now(),
    what: 'the plan request',
    strict: false,
    ...options,
  });
}
