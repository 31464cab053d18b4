// What the shadow loop says of itself when it is asked.
import { z } from 'zod';
import type { MoveGain } from '../../domain/migration/realised-gain.js';
import type { Blame } from '../../domain/migration/blame.js';
import type { Capacity } from '../../domain/model/capacity.js';
import type { DesktopConstraints } from '../../domain/model/constraints.js';
import type { DesktopState } from '../../domain/model/desktop.js';
import type { DrainStatus } from './drain.js';
import type { DesktopReport } from './host-report.js';
import type { WindowStatus } from './window.js';
import { DesktopId, type HostRef, type PoolId, type SiteId } from '../../domain/model/ids.js';

/** Desktops of one answer: far more than a screen shows, and far below Temporal's limit for a payload (docs/limits.md). */
const DESKTOPS_A_PAGE = 500;

/** Which desktops an answer to `status` or `fingerprints` names: one, or a page of all. Nothing given: the first page. */
export const DesktopsAsk = z
  .object({
    desktop: DesktopId.optional(),
    from: z.number().int().min(0).default(0),
    limit: z.number().int().min(0).max(DESKTOPS_A_PAGE).default(DESKTOPS_A_PAGE),
  })
  .prefault({});
export type DesktopsAsk = z.infer<typeof DesktopsAsk>;

export interface DesktopStatus {
  readonly desktop: DesktopId;
  readonly host: HostRef;
  readonly state: DesktopState;
  /** What is wrong with it, and what is done about it. */
  readonly problem: string | null;
  readonly external: string | null;
  readonly internal: string;
  readonly remoteDesktopPort: number;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly rank: number | null;
  readonly rankPaper: number | null;
  /** The user's RTT to the present site, ms, as measured by the client's proxy. */
  readonly rttMs: number | null;
  readonly rtts: Readonly<Record<string, number>>;
  readonly user: string | null;
  readonly lockedUntilMs: number | null;
  /** Plain reasons of the rank, strongest first. */
  readonly reasons: readonly string[];
  readonly predicted: readonly {
    readonly rttMs: number;
    readonly framesPerSecond: number | null;
    readonly responseMs: number | null;
  }[];
  readonly move: string | null;
  /** What operators have said of where it may be; missing where nothing. */
  readonly constraints?: DesktopConstraints | undefined;
  /** Connections that still go over a site which it has left, and the round trip that they pay; missing where none does. */
  readonly relayed?: NonNullable<DesktopReport['relayed']>;
  readonly addresses?: NonNullable<DesktopReport['addresses']>;
}

export interface HostStatus {
  readonly host: HostRef;
  readonly alive: boolean;
  /** What was wrong when it did not answer. */
  readonly problem: string | null;
  readonly capacity: Capacity | null;
  readonly used: Capacity | null;
  readonly lastSeenMs: number | null;
  /** Whole days until the first of its certificates ends; null where it does not say. */
  readonly certificateDaysLeft?: number | null;
  /** It is being emptied; missing from a loop of a release before. */
  readonly draining?: boolean;
}

/** Moves that failed and are not tried again before a time. */
export interface HeldStatus {
  /** Which moves, in words. */
  readonly what: string;
  readonly blame: Blame;
  /** Null where it holds for any. */
  readonly desktop: DesktopId | null;
  readonly from: HostRef | null;
  readonly to: HostRef | null;
  readonly code: string;
  readonly reason: string;
  /** In a row, for the same reason. */
  readonly failures: number;
  readonly failedAtMs: number;
  readonly untilMs: number;
}

export interface LoopStatus {
  readonly pool: PoolId;
  readonly cycle: number;
  /** True for the seconds until this run of the loop has its first reports: nothing is known of hosts and desktops yet. */
  readonly beginning: boolean;
  readonly lastCycleMs: number | null;
  readonly nextCycleMs: number | null;
  readonly acting: boolean;
  readonly hosts: readonly HostStatus[];
  readonly sites: readonly {
    readonly site: SiteId;
    readonly kind: string;
    readonly slots: number;
    readonly usedSlots: number;
    /** All of it is being emptied. */
    readonly draining?: boolean;
  }[];
  /** What is being emptied. */
  readonly draining?: readonly DrainStatus[];
  /** When places are worked on, those that begin first before the others; missing where nobody has said so. */
  readonly windows?: readonly WindowStatus[];
  /** Since when the loop starts no moves of its own; null: it does. */
  readonly pausedSinceMs?: number | null;
  /** Of the whole pool; `desktops` has those that were asked for. */
  readonly desktopCount: number;
  readonly desktops: readonly DesktopStatus[];
  readonly moves: readonly {
    readonly workflowId: string;
    readonly desktop: DesktopId;
    readonly to: HostRef;
    readonly cause: string;
    readonly startedAtMs: number;
  }[];
  /** Desktops that are being made. */
  readonly creating: readonly {
    readonly workflowId: string;
    readonly desktop: DesktopId;
    readonly host: HostRef;
    readonly startedAtMs: number;
  }[];
  readonly recent: readonly {
    readonly desktop: DesktopId;
    readonly outcome: string;
    readonly from: HostRef;
    readonly to: HostRef;
    readonly endedAtMs: number;
    readonly cause: string;
    readonly error: string | null;
  }[];
  /** Moves that the loop does not try for now, the longest first; of `heldCount` in all. */
  readonly held: readonly HeldStatus[];
  readonly heldCount: number;
  /** What the last moves gave beside what was predicted, the newest first. */
  readonly gains: readonly MoveGain[];
  /** The last plan's own words: moves and, for each candidate left where it is, why. Null but in the first page. */
  readonly plan: PlanSummary | null;
  readonly problems: readonly string[];
}

export interface PlanSummary {
  readonly algorithm: string;
  readonly objective: number;
  readonly moves: readonly {
    readonly desktop: string;
    readonly from: string;
    readonly to: string;
    readonly wave: number;
    readonly rttBeforeMs: number;
    readonly rttAfterMs: number;
    readonly benefit: number;
    readonly cost: number;
    readonly reason: string;
  }[];
  readonly notMoved: readonly { readonly desktop: string; readonly reason: string }[];
}
