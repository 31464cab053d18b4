// What reconciliation finds, as data: what it is, in plain words, and what is done about it. A repair is one step that a host checks again
// under the desktop's lock; what comes after it is decided on a new look.
import type { DesktopId, HostRef } from '../model/ids.js';
import type { HeldChange } from './held.js';

type FindingKind =
  | 'half-moved'
  | 'unfinished-source'
  | 'kept-source'
  | 'orphaned-copy'
  | 'orphaned-replica'
  | 'stale-reservation'
  | 'stale-address'
  | 'stale-cap'
  | 'kept-disk'
  | 'unowned-copy'
  | 'two-owners'
  | 'no-owner'
  | 'lost-host';

/** One step at `host`, by what it is called at the executor (workflows/reconcile/repairs.ts). */
export type Repair = { readonly host: HostRef; readonly desktop: DesktopId } & (
  | { readonly do: 'end-copies'; readonly epoch: number; readonly copies: readonly string[] }
  | { readonly do: 'drop-target'; readonly moveId: string }
  | { readonly do: 'settle-target'; readonly moveId: string }
  | { readonly do: 'run-here'; readonly moveId: string; readonly epoch: number; readonly from: HostRef }
  | { readonly do: 'finish-move'; readonly moveId: string; readonly epoch: number; readonly peer: HostRef }
  | { readonly do: 'retire-source'; readonly moveId: string; readonly epoch: number }
  | {
      readonly do: 'clean-source';
      readonly moveId: string;
      readonly change: HeldChange;
      readonly keepDisk: boolean;
    }
  | { readonly do: 'detach' }
  | { readonly do: 'uncap'; readonly moveId: string }
);

export interface Finding {
  readonly kind: FindingKind;
  /** Null: of the whole host. */
  readonly desktop: DesktopId | null;
  readonly host: HostRef;
  /** What was found. */
  readonly words: string;
  /** What may be done without anybody. */
  readonly repair: Repair | null;
  /** What a person has to do; with neither this nor a repair it waits, and the words say for what. */
  readonly person: string | null;
}
