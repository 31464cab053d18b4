// How a desktop stands that is to leave a place being emptied: it moves, it waits for its turn, or something holds it that this drain cannot change.
import { hostKey, type HostRef } from '../model/ids.js';

export interface Standing {
  readonly is: 'moving' | 'waiting' | 'held';
  /** What it waits for, or what holds it. */
  readonly why: string;
}

/** What is known of a desktop at a place that is emptied. */
export interface Resident {
  readonly desktop: string;
  readonly at: HostRef;
  /** Where its move goes that is under way. */
  readonly movingTo: HostRef | null;
  /** Why its host does not answer. */
  readonly silence: string | null;
  /** As its host reports it. */
  readonly state: string;
  /** Until when a cancel by an operator counts. */
  readonly sparedUntil: { readonly ms: number; readonly inWords: string } | null;
  /** Its first move in the last plan. */
  readonly planned: { readonly to: string; readonly wave: number } | null;
  /** Why that move was not started yet. */
  readonly notStarted: string | null;
  /** Why the last plan leaves it where it is. */
  readonly stays: string | null;
}

/** What holds for all of a drain. */
export interface DrainTerms {
  readonly paused: boolean;
  /** Why there is no plan; null where there is one. */
  readonly noPlan: string | null;
  readonly nowMs: number;
}

/** Tell how a desktop stands, and what holds it. */
export function standingOf(r: Resident, { paused, noPlan, nowMs }: DrainTerms): Standing {
  if (r.movingTo !== null) return { is: 'moving', why: `its move to ${hostKey(r.movingTo)} is under way` };
  if (r.silence !== null)
    return { is: 'held', why: `its host ${hostKey(r.at)} does not answer: ${r.silence}` };
  if (r.state !== 'running')
    return {
      is: 'held',
      why: `it is ${r.state}, and only a running desktop is moved: \`vmshadow desktop start ${r.desktop}\`, or remove it`,
    };
  if (r.sparedUntil !== null && r.sparedUntil.ms > nowMs)
    return {
      is: 'held',
      why: `its move was cancelled: it is tried again at ${r.sparedUntil.inWords}`,
    };
  if (paused) return { is: 'held', why: 'the loop is paused: `vmshadow unpause`' };
  if (noPlan !== null) return { is: 'waiting', why: `there is no plan: ${noPlan}` };
  if (r.planned !== null) {
    const { to, wave } = r.planned;
    return wave > 1
      ? { is: 'waiting', why: `goes to ${to} when moves before it have made room` }
      : { is: 'waiting', why: `goes to ${to}${r.notStarted === null ? '' : `: ${r.notStarted}`}` };
  }
  if (r.stays !== null) return { is: 'held', why: r.stays };
  return { is: 'waiting', why: 'the next cycle plans for it' };
}
