// Emptying sites and hosts, and pausing the loop: what operators ask, what they are answered, what `status` says of it.
import { DrainPlace } from '../../domain/drain/place.js';
import type { Standing } from '../../domain/drain/standing.js';
import type { DesktopId, HostRef } from '../../domain/model/ids.js';
import { update, Nothing, type Update } from './message.js';

export interface DrainBegun {
  /** `us-west` or `us-west/h1`. */
  readonly place: string;
  /** False: it was being emptied already. */
  readonly began: boolean;
  /** Desktops that are there now. */
  readonly left: number;
  /** Desktops on their way there whose moves were told to stop. */
  readonly cancelled: readonly DesktopId[];
}

export interface DrainEnded {
  readonly place: string;
  /** False: nobody had asked for it to be emptied. */
  readonly was: boolean;
  /** Why nobody comes there all the same (a maintenance window is near or open, or its site is emptied); null where desktops may come again. */
  readonly still: string | null;
}

export interface DrainResident extends Standing {
  readonly desktop: DesktopId;
  readonly host: HostRef;
  readonly rank: number | null;
}

/** A place that is being emptied. */
export interface DrainStatus {
  readonly place: string;
  readonly sinceMs: number;
  /** The cycle of the loop that `residents` are as of; 0 until there was one. */
  readonly judgedInCycle: number;
  /** Desktops there now, those that are being made there included. */
  readonly left: number;
  /** Its hosts that have not reported since the loop's run began: what they hold is not known. */
  readonly unheard?: readonly string[];
  readonly counts: Readonly<Record<Standing['is'], number>>;
  /** Those of the highest rank first; of `left` in all. */
  readonly residents: readonly DrainResident[];
}

export interface Paused {
  /** Null: it is not paused. */
  readonly sinceMs: number | null;
  /** False: it was so before. */
  readonly changed: boolean;
}

const drain: Update<typeof DrainPlace, DrainBegun> = update('drain', DrainPlace);
const undrain: Update<typeof DrainPlace, DrainEnded> = update('undrain', DrainPlace);
const pause: Update<typeof Nothing, Paused> = update('pause', Nothing);
const unpause: Update<typeof Nothing, Paused> = update('unpause', Nothing);

export const OPERATORS = { drain, undrain, pause, unpause } as const;
