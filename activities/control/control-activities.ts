// Activities of the manager, which need no host: solving a plan (solvers do not run in workflow code), asking Temporal about moves.
import pMap from 'p-map';
import { log } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopId, HostRef, PoolId } from '../../domain/model/ids.js';
import { trimPlan } from '../../domain/placement/request/packed-request.js';
import type { PackedPlanRequest } from '../../domain/placement/request/packed-shape.js';
import { ExactSession } from '../../domain/placement/solvers/exact-session.js';
import type { Place } from '../../domain/users/geography.js';
import type { PlanResult } from '../../domain/placement/request/model.js';
import type { GeoLocator } from '../../ports/geo-locator.js';
import type { Solver } from '../../ports/solver.js';
import { planPlacement } from '../../domain/placement/plan.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { MOVE } from '../../temporal/contract/move.js';
import { migrateId, shadowLoopId } from '../../temporal/contract/names.js';
import { atBoundary } from '../boundary.js';
import { CONTROL_INPUTS } from './inputs.js';

export interface ControlContext {
  readonly client: Client;
  readonly solver: Solver;
  /** Null: nobody is placed by address, and all sites are measured. */
  readonly geo: GeoLocator | null;
}

export interface PoolHosts {
  readonly hosts: readonly { readonly host: HostRef; readonly peer: Endpoint }[];
  readonly graceMs: number;
}

export interface LastMove {
  readonly desktop: DesktopId;
  /** Null: it is open. */
  readonly endedAtMs: number | null;
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

    /** The pool as its loop has it now: where its hosts answer each other, and how long a source is kept after a move. */
    async poolOf({ pool }: { pool: PoolId }): Promise<PoolHosts> {
      const loop = client.workflow.getHandle(shadowLoopId(pool));
      const [cloud, policy] = await Promise.all([loop.query(LOOP.cloud), loop.query(LOOP.policy)]);
      return {
        hosts: cloud.sites.flatMap((site) =>
          site.hosts.map(({ id, peer }) => ({ host: { site: site.id, host: id }, peer })),
        ),
        graceMs: policy.migration.graceMs,
      };
    },

    /** The last move of each of these desktops that has had one: whether it is open, else when it ended, by the server's clock. */
    async movesOf(desktops: readonly DesktopId[]): Promise<LastMove[]> {
      const lastOf = async (desktop: DesktopId): Promise<LastMove[]> => {
        try {
          const { status, closeTime } = await client.workflow.getHandle(migrateId(desktop)).describe();
          const ended = status.name === 'RUNNING' ? null : closeTime;
          return [{ desktop, endedAtMs: ended?.getTime() ?? null }];
        } catch (error) {
          if ((error as { name?: unknown }).name === 'WorkflowNotFoundError') return [];
          throw error;
        }
      };
      return (await pMap(desktops, lastOf, { concurrency: ASKED_AT_A_TIME })).flat();
    },

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

    /** Until when a move keeps the source's disk; null where it does not say (yet). */
    async askKeptUntil({ desktop }: { desktop: DesktopId }): Promise<number | null> {
      try {
        const { sourceKeptUntilMs } = await client.workflow.getHandle(migrateId(desktop)).query(MOVE.status);
        return sourceKeptUntilMs ?? null;
      } catch (error) {
        // Whoever is refused hears why, though the move's manager is away.
        log.warn('a move was asked in vain until when it keeps its old disk', { desktop, error });
        return null;
      }
    },
  });
}

export type ControlActivities = ReturnType<typeof controlActivities>;
