// Tells a long think that is the server's work from one that waits for the screen to change. A server that waits for the next change
// starts when the change comes, however late the client asked: a later request makes the think shorter by as much. A server that
// works starts when it is asked: a later request changes nothing. Only requests that come at varying times can show it, and only of
// updates that no input set off: those wait for the user.
import type { CycleSplit } from './cycles.js';
import { median, steadyMedian } from '../statistics.js';

/** `alike`: the requests come too evenly to show anything, however long one looks. `unknown`: more cycles might tell. */
export type ThinkKind = 'work' | 'wait' | 'alike' | 'unknown';

/** Fewer cycles in a third have no median worth the name. */
const ENOUGH_CYCLES = 30;
/** Requests that vary by less than the scatter of the host and its clocks show nothing. */
const LEAST_LATER_MS = 1;
/** Slope of think over the time of the request: -1 for waiting, 0 for working; halfway between them decides. */
const HALFWAY = -0.5;
/** Standard errors that the slope must be away from halfway: every session is asked, few may be told wrong. */
const SURE = 2.5;
/** Medians scatter more than means by this factor; absolute deviations understate the standard one by that. */
const MEDIAN_SCATTER = 1.2533;
const DEVIATION = 1.4826;
/** A request may be later than most by this share of the think, and the change that the server waited for is still to come. */
const ROOM = 0.5;

/** Judge the thinks of a pull client, one request at a time. Compares the medians of early and late requests, a third each. */
export function judgeThink(split: CycleSplit): ThinkKind {
  const cycles = split.frames.flatMap((f, i) => {
    const previous = split.frames[i - 1];
    if (f.thinkMs === undefined || previous === undefined || f.messages > 1) return [];
    return [{ thinkMs: f.thinkMs, askedMs: f.startMs - f.thinkMs - previous.startMs }];
  });
  const usualMs = median(cycles.map((c) => c.askedMs)) ?? 0;
  const roomMs = ROOM * (median(cycles.map((c) => c.thinkMs)) ?? 0);
  const near = cycles.filter((c) => Math.abs(c.askedMs - usualMs) <= roomMs);
  near.sort((a, b) => a.askedMs - b.askedMs);
  const third = Math.floor(near.length / 3);
  if (third === 0) return 'unknown';
  const [early, late] = [near.slice(0, third), near.slice(-third)];
  const laterMs = middle(late, 'askedMs') - middle(early, 'askedMs');
  if (laterMs < LEAST_LATER_MS) return 'alike';
  if (near.length < ENOUGH_CYCLES) return 'unknown';
  const slope = (middle(late, 'thinkMs') - middle(early, 'thinkMs')) / laterMs;
  const deviations = [early, late].flatMap((group) => {
    const centre = middle(group, 'thinkMs');
    return group.map((c) => Math.abs(c.thinkMs - centre));
  });
  const scatterMs = DEVIATION * (median(deviations) ?? 0);
  const error = (MEDIAN_SCATTER * scatterMs * Math.sqrt(2 / third)) / laterMs;
  if (slope - SURE * error > HALFWAY) return 'work';
  return slope + SURE * error < HALFWAY ? 'wait' : 'unknown';
}

function middle(
  group: readonly { thinkMs: number; askedMs: number }[],
  which: 'thinkMs' | 'askedMs',
): number {
  return steadyMedian(group.map((c) => c[which])) ?? 0;
}
