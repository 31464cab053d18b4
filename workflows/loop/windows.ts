// The loop's part of maintenance windows (domain/maintenance): what is closed now, what is emptied for a window that is about to open, and moves
// told to stop that would run into one.
import { placeKey, type DrainPlace } from '../../domain/drain/place.js';
import { VmshadowError } from '../../domain/errors.js';
import {
  closedBy,
  emptiedFor,
  nextChangeMs,
  openAt,
  phaseOf,
  problemWith,
  sayWindow,
  windowKey,
  type MaintenanceWindow,
} from '../../domain/maintenance/window.js';
import type { HostRef } from '../../domain/model/ids.js';
import type {
  AddWindow,
  RemoveWindows,
  WindowsRemoved,
  WindowStatus,
} from '../../temporal/contract/window.js';
import { desktopsAt, knownPlace, stopMove } from './drain.js';
import type { Located, LoopState } from './loop-state.js';

const say = (window: MaintenanceWindow) => sayWindow(window, Date.now(), (ms) => new Date(ms).toISOString());

/** Far more than a year of a large cloud has; each is carried from run to run. */
const MOST_WINDOWS = 500;

/** Why nobody is sent to a host now; null where a window does not matter. */
export function whyClosed(state: LoopState, host: HostRef): string | null {
  const window = state.windows.size === 0 ? undefined : closedBy(state.windows.values(), host, Date.now());
  return window === undefined ? null : say(window);
}

/** Why nobody is moved from a host now. */
export function whyStill(state: LoopState, host: HostRef): string | null {
  const window = state.windows.size === 0 ? undefined : openAt(state.windows.values(), host, Date.now());
  return window === undefined ? null : say(window);
}

/** Refuse a host (or a site, where none is named) whose maintenance is near or under way. */
export function assertNotClosed(state: LoopState, site: HostRef['site'], host?: HostRef['host']): void {
  const hosts = state.hosts().filter((h) => h.site === site && (host === undefined || h.host === host));
  const reasons = hosts.map((h) => whyClosed(state, h));
  const [why] = reasons;
  if (why === undefined || why === null || reasons.includes(null)) return;
  throw new VmshadowError('DRAINING', `nobody comes there now: ${why} (\`vmshadow window list\`)`);
}

/** Take up a window. */
export async function addWindow(state: LoopState, ask: AddWindow): Promise<WindowStatus> {
  const { leadMs, ...rest } = ask;
  knownPlace(state, ask);
  const window: MaintenanceWindow = { ...rest, leadFromMs: Math.max(0, ask.fromMs - leadMs) };
  const problem = problemWith(window, state.windows.values(), Date.now());
  if (problem !== null)
    throw new VmshadowError('INPUT_INVALID', `a window of ${placeKey(ask)} cannot be made: ${problem}`);
  if (state.windows.size >= MOST_WINDOWS)
    throw new VmshadowError(
      'INPUT_INVALID',
      `there are ${String(MOST_WINDOWS)} windows already: \`vmshadow window remove\` some`,
    );
  state.windows.set(windowKey(window), window);
  await keepWindows(state);
  state.askCycle({ act: false, cause: 'operator' });
  return statusOf(window, state.desktops());
}

/** As people see and name it. */
const minuteOf = (ms: number) => Math.floor(ms / 60_000);

/** Drop windows of a place; what was emptied for one is not emptied any more. */
export async function removeWindows(state: LoopState, ask: RemoveWindows): Promise<WindowsRemoved> {
  knownPlace(state, ask);
  const place = placeKey(ask);
  const dropped = [...state.windows.values()].filter(
    (w) => placeKey(w) === place && (ask.fromMs === undefined || minuteOf(w.fromMs) === minuteOf(ask.fromMs)),
  );
  const desktops = state.desktops();
  const removed = dropped.map((window) => statusOf(window, desktops));
  for (const window of dropped) state.windows.delete(windowKey(window));
  await keepWindows(state);
  if (dropped.length > 0) state.askCycle({ act: false, cause: 'operator' });
  return { place, removed };
}

/** Bring the loop to what its windows want now: those that are over are dropped, places emptied or not, moves stopped. */
export async function keepWindows(state: LoopState): Promise<void> {
  const nowMs = Date.now();
  for (const [key, window] of state.windows) if (phaseOf(window, nowMs) === 'over') state.windows.delete(key);
  const emptied = new Map(emptiedFor(state.windows.values(), nowMs).map((w) => [placeKey(w), w]));
  // What an operator has asked for is theirs to end.
  for (const [place, { forWindow }] of state.draining)
    if (forWindow === true && !emptied.has(place)) state.draining.delete(place);
  for (const [place, { site, host, leadFromMs }] of emptied)
    if (!state.draining.has(place))
      state.draining.set(place, {
        site,
        ...(host === undefined ? {} : { host }),
        sinceMs: leadFromMs,
        forWindow: true,
      });
  if (state.windows.size === 0) return;
  for (const move of [...state.moves.values()]) {
    const why = whyClosed(state, move.to) ?? whyStill(state, move.from);
    if (why !== null && move.cancelAsked !== true) await stopMove(state, move, why);
  }
}

/** Changes come in cycles of their own, not closer than this. */
const SOONEST_MS = 1_000;

/** How long the loop sleeps: to the next cycle, or until a window closes, opens or ends. */
export function sleepMs(state: LoopState): number {
  const { cycleMs } = state.policy;
  if (state.windows.size === 0) return cycleMs;
  const nowMs = Date.now();
  return Math.min(cycleMs, Math.max(SOONEST_MS, nextChangeMs(state.windows.values(), nowMs) - nowMs));
}

/** Why nobody comes to a place that is emptied no more; null where no window keeps them away. */
export function windowThatCloses(state: LoopState, place: DrainPlace): string | null {
  const window = closedBy(state.windows.values(), place, Date.now());
  return window === undefined ? null : `${say(window)}: \`vmshadow window remove ${placeKey(window)}\``;
}

/** What `status` says of windows, those that begin first before the others. */
export function windowStatuses(state: LoopState, desktops: readonly Located[]): WindowStatus[] {
  return [...state.windows.values()]
    .filter((w) => phaseOf(w, Date.now()) !== 'over')
    .sort((a, b) => a.fromMs - b.fromMs)
    .map((window) => statusOf(window, desktops));
}

function statusOf(window: MaintenanceWindow, desktops: readonly Located[]): WindowStatus {
  const phase = phaseOf(window, Date.now());
  return {
    ...window,
    place: placeKey(window),
    phase: phase === 'over' ? 'open' : phase,
    desktops: desktopsAt(window, desktops).length,
  };
}
