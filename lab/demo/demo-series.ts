// What the plot is made of: the response times of every desktop over time, and the moves.
import type { PhaseTime } from '../../temporal/contract/move.js';
import type { Sample } from './percentiles.js';

export interface DesktopSeries {
  readonly desktop: string;
  /** What its user does, e.g. `plays a video`. */
  readonly activity: string;
  readonly rank: number | null;
  readonly samples: readonly Sample[];
}

export interface MoveSeries {
  readonly desktop: string;
  readonly fromSite: string;
  readonly toSite: string;
  /** The user's RTT at both sites, ms. */
  readonly rttBeforeMs: number | null;
  readonly rttAfterMs: number | null;
  readonly phases: readonly PhaseTime[];
  /** When the guest stopped at the source. */
  readonly stoppedAtMs: number | null;
}

export interface DemoSeries {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly desktops: readonly DesktopSeries[];
  readonly moves: readonly MoveSeries[];
}
