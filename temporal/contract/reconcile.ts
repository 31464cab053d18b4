// The workflow `reconcile`: what it is asked and what it answers.
import { z } from 'zod';
import { PoolId } from '../../domain/model/ids.js';
import type { Finding } from '../../domain/reconcile/finding.js';

export const ReconcileInput = z.object({
  pool: PoolId,
  /** Only look and say. */
  dryRun: z.boolean().default(false),
});
export type ReconcileInput = z.input<typeof ReconcileInput>;
/** The workflow's type, for starts that are typed. */
export type Reconcile = (input: ReconcileInput) => Promise<ReconcileResult>;

export interface ReconcileItem extends Finding {
  /** `found`: nobody has done anything about it: a dry run, it waits, or it needs a person. */
  readonly outcome: 'repaired' | 'failed' | 'found';
  /** Why the repair failed; it is tried again by the next run. */
  readonly error: string | null;
}

export interface ReconcileResult {
  readonly pool: PoolId;
  readonly dryRun: boolean;
  readonly items: readonly ReconcileItem[];
  /** Desktops whose moves are open: nothing of them is looked at. */
  readonly moving: readonly string[];
}
