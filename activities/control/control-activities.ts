// Activities of the manager, which need no host: solving a plan (solvers do not run in workflow code), asking Temporal about moves.
import pMap from 'p-map';
import { log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { trimPlan } from '../../domain/placement/request/packed-request.js';
import type { PackedPlanRequest } from '../../domain/placement/request/packed-shape.js';
import { ExactSession } from '../../domain/placement/solvers/exact-session.js';
import type { Place } from '../../domain/users/geography.js';
import type { PlanResult } from '../../domain/placement/request/model.js';
import type { GeoLocator } from '../../ports/geo-locator.js';
import type { Solver } from '../../ports/solver.js';
import { planPlacement } from '../../domain/placement/plan.js';
import { atBoundary } from '../boundary.js';
import { CONTROL_INPUTS } from './inputs.js';

export interface ControlContext {
  readonly client: Client;
  readonly solver: Solver;
  /** Null: nobody is placed by address, and all sites are measured. */
  readonly geo: GeoLocator | null;
}

/** Questions that the server gets at once. */
const ASKED_AT_A_TIME = 20;

/**
 * Make the manager's activities. They remember the last exact plan only to make the next one sooner: another manager, or this one
 * after a start, solves in full.
 */
export function controlActivities({ client, solver, geo }: ControlContext) {
  const session = new ExactSession();
  return atBoundary(CONTROL_INPUTS, {
    /** Solve a placement request. */
    async plan(request: PackedPlanRequest): Promise<PlanResult> {
      const plan = await planPlacement(request, {
        solver: solver.solve,
        clockMs: () => performance.now(),
        nowMs: Date.now(),
        strict: false,
        what: 'the cloud as its hosts report it',
        slotSolver: session.solve,
      });
      log.debug('planned', { algorithm: plan.algorithm, solveMs: plan.solveMs, solves: session.counts });
      return trimPlan(plan);
    },

    /** Place users by address; those that the database does not know are null. */
    placeUsers: (addresses: readonly string[]): Promise<Record<string, Place | null>> =>
      Promise.resolve(Object.fromEntries(addresses.map((a) => [a, geo?.placeOf(a) ?? null]))),

    /** Of these workflows, give those that run no more (ended, or terminated without a word to the loop). */
    async endedWorkflows(workflowIds: readonly string[]): Promise<string[]> {
      const hasEnded = async (id: string): Promise<boolean> => {
        try {
          const { status } = await client.workflow.getHandle(id).describe();
          return status.name !== 'RUNNING';
        } catch (error) {
          if ((error as { name?: unknown }).name === 'WorkflowNotFoundError') return true;
          throw error;
        }
      };
      const ended = await pMap(workflowIds, hasEnded, { concurrency: ASKED_AT_A_TIME });
      return workflowIds.filter((_, i) => ended[i]);
    },
  });
}

export type ControlActivities = ReturnType<typeof controlActivities>;
