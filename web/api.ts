// What the page's server answers, as JSON. Built from the loop's own answers (temporal/contract): types alone, for both sides.
import type { Fingerprint } from '../domain/fingerprint/model.js';
import type { Place } from '../domain/users/geography.js';
import type { MoveStatus } from '../temporal/contract/move.js';
import type { DesktopStatus, LoopStatus, PlanSummary } from '../temporal/contract/status.js';
import type { PastMove } from '../temporal/past-moves.js';

/** How a figure went: one value for each of the trend's times; null where it was not known. */
export type Values = readonly (number | null)[];

/** Figures since the server of this page was started, at most some hundred points. */
export interface Trend {
  readonly timesMs: readonly number[];
  readonly values: Readonly<Record<string, Values>>;
}

/** Where the Temporal UI shows workflows of this namespace. */
export interface TemporalUi {
  readonly url: string;
  readonly namespace: string;
}

/** `/api/overview`. */
export interface Overview {
  readonly atMs: number;
  /** Without desktops and plan: they have their own answers. */
  readonly loop: LoopStatus;
  /** Each move's own account, by desktop; null where it gave none. */
  readonly moves: Readonly<Record<string, MoveStatus | null>>;
  /** Where sites are, as vmshadow.yaml says. */
  readonly places: Readonly<Record<string, Place>>;
  /** `used/SITE`, `desktops`, `rank` (the mean), `candidates`, `rtt` (the median, ms), `moves`. */
  readonly trend: Trend;
  /** Ranked above it, a desktop is a candidate. */
  readonly highThreshold: number;
  readonly temporalUi: TemporalUi | null;
}

/** Where a user is: as a database of addresses says, or as the round trips to sites suggest. */
export interface UserPlace extends Place {
  readonly from: 'address' | 'round-trips';
}

/** One desktop in the list. */
export interface DesktopRow {
  readonly desktop: string;
  readonly site: string;
  readonly host: string;
  readonly state: string;
  readonly rank: number | null;
  readonly rttMs: number | null;
  /** Of the session at that round trip. */
  readonly responseMs: number | null;
  readonly user: string | null;
  readonly place: UserPlace | null;
  readonly moving: boolean;
  readonly problem: string | null;
}

/** `/api/desktops`: all of the pool, as of a cycle. */
export interface Desktops {
  readonly cycle: number;
  readonly desktops: readonly DesktopRow[];
}

/** `/api/desktops/DESKTOP`. */
export interface DesktopDetail {
  readonly desktop: DesktopStatus;
  readonly fingerprint: Fingerprint | null;
  /** The newest first. */
  readonly moves: readonly PastMove[];
  /** `rank`, `rtt`, `response`. */
  readonly trend: Trend;
}

/** `/api/plan`: the last one; null before there was one. */
export interface Plan {
  readonly plan: PlanSummary | null;
}

/** Any answer with a status other than 200. */
export interface Refusal {
  readonly error: { readonly code: string; readonly message: string };
}
