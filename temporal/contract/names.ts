// Every name that Temporal sees: queues, workflow types and IDs, messages, search attributes. Builders, no literals elsewhere.
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { DesktopId, HostRef, PoolId } from '../../domain/model/ids.js';

/** Workflows, and activities that need no host. */
export const CONTROL_QUEUE = 'vmshadow-control';

/** Under it Temporal keeps the versions of managers that take part in its worker versioning. */
export const DEPLOYMENT = 'vmshadow';

/** Short activities of a host: a probe never waits behind a disk copy. */
export function ctlQueue(host: HostRef): string {
  return `dom0.${host.site}.${host.host}.ctl`;
}

/** Long activities of a host: copies and hashes. */
export function bulkQueue(host: HostRef): string {
  return `dom0.${host.site}.${host.host}.bulk`;
}

export const WORKFLOW = {
  shadowLoop: 'shadowLoop',
  migrateDesktop: 'migrateDesktop',
  rebalance: 'rebalance',
  createDesktop: 'createDesktop',
  reconcile: 'reconcile',
} as const;

/** One entity a pool. */
export function shadowLoopId(pool: PoolId): string {
  return `shadow-loop/${pool}`;
}

/** The ID is the lock: a desktop is in at most one move. */
export function migrateId(desktop: DesktopId): string {
  return `migrate/${desktop}`;
}

/** The ID is the lock: a desktop is made once. */
export function createId(desktop: DesktopId): string {
  return `create/${desktop}`;
}

export function rebalanceScheduleId(pool: PoolId): string {
  return `rebalance/${pool}`;
}

/** Of the schedule, and of the runs that operators start: those begin with it. */
export function reconcileId(pool: PoolId): string {
  return `reconcile/${pool}`;
}

const keyword = (name: string) => defineSearchAttributeKey(name, SearchAttributeType.KEYWORD);

/** At most 8 keywords; not encrypted: no secret goes in. */
export const ATTRIBUTE = {
  desktop: keyword('VmsDesktop'),
  from: keyword('VmsFrom'),
  to: keyword('VmsTo'),
  phase: keyword('VmsPhase'),
  outcome: keyword('VmsOutcome'),
  cause: keyword('VmsCause'),
} as const;

/** Names and types for the embedded server's start and for operators' own clusters. */
export const ATTRIBUTE_TYPES: readonly string[] = Object.values(ATTRIBUTE).map(
  (key) => `${key.name}=Keyword`,
);
