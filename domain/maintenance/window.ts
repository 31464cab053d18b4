// A maintenance window of a site or a host: while it is open nothing is moved there, from there or made there; for a lead time before it nobody is
// sent there, and where that was asked for whoever is there leaves, as in a drain. Pure: the time is given.
import { z } from 'zod';
import { covers, DrainPlace, placeKey } from '../drain/place.js';
import type { HostRef } from '../model/ids.js';

const timeMs = z.number().min(0);

export const MaintenanceWindow = DrainPlace.extend({
  fromMs: timeMs,
  toMs: timeMs,
  /** From when on nobody is sent there; at most `fromMs`. */
  leadFromMs: timeMs,
  /** Whoever is there leaves in the lead time. */
  drain: z.boolean(),
});
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;

/** `planned`: nothing of it counts yet. `closing`: its lead time. */
export type WindowPhase = 'planned' | 'closing' | 'open' | 'over';

export function phaseOf(window: MaintenanceWindow, nowMs: number): WindowPhase {
  if (nowMs >= window.toMs) return 'over';
  if (nowMs >= window.fromMs) return 'open';
  return nowMs >= window.leadFromMs ? 'closing' : 'planned';
}

/** Names a window: a place has one at a time. */
export function windowKey(window: Pick<MaintenanceWindow, 'site' | 'host' | 'fromMs'>): string {
  return `${placeKey(window)} ${String(window.fromMs)}`;
}

/** The window that keeps desktops from coming to a host, or to any host of a site, now; an open one before one that is closing. */
export function closedBy(
  windows: Iterable<MaintenanceWindow>,
  place: DrainPlace,
  nowMs: number,
): MaintenanceWindow | undefined {
  const inForce = [...windows].filter(
    (w) => covers(w, place) && ['closing', 'open'].includes(phaseOf(w, nowMs)),
  );
  return inForce.find((w) => phaseOf(w, nowMs) === 'open') ?? inForce[0];
}

/** The window that keeps desktops of a host from being moved at all. */
export function openAt(
  windows: Iterable<MaintenanceWindow>,
  host: HostRef,
  nowMs: number,
): MaintenanceWindow | undefined {
  const window = closedBy(windows, host, nowMs);
  return window !== undefined && phaseOf(window, nowMs) === 'open' ? window : undefined;
}

/** Say for people why nobody comes to, or leaves, a place; `inWords` writes a time. */
export function sayWindow(window: MaintenanceWindow, nowMs: number, inWords: (ms: number) => string): string {
  return phaseOf(window, nowMs) === 'open'
    ? `${placeKey(window)} is in maintenance until ${inWords(window.toMs)}`
    : `maintenance of ${placeKey(window)} begins at ${inWords(window.fromMs)}`;
}

/** When something of these windows changes next, ms; Infinity where nothing will. */
export function nextChangeMs(windows: Iterable<MaintenanceWindow>, nowMs: number): number {
  const times = [...windows].flatMap((w) => [w.leadFromMs, w.fromMs, w.toMs]);
  return times.reduce((first, ms) => (ms > nowMs && ms < first ? ms : first), Infinity);
}

/** Places to be emptied now for a window. */
export function emptiedFor(windows: Iterable<MaintenanceWindow>, nowMs: number): MaintenanceWindow[] {
  return [...windows].filter((w) => w.drain && phaseOf(w, nowMs) === 'closing');
}

/** Why a new window of a place cannot be; null where it can. */
export function problemWith(
  window: MaintenanceWindow,
  others: Iterable<MaintenanceWindow>,
  nowMs: number,
): string | null {
  if (window.toMs <= window.fromMs) return 'it ends before it begins';
  if (window.toMs <= nowMs) return 'it is over already';
  const clash = [...others].find(
    (w) => placeKey(w) === placeKey(window) && w.leadFromMs < window.toMs && window.leadFromMs < w.toMs,
  );
  return clash === undefined
    ? null
    : `it and its lead time overlap another window of ${placeKey(window)} (\`vmshadow window list\`)`;
}
