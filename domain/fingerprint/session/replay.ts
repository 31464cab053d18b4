// Predicts a session at another round trip time by playing its sample again: the screen's changes at the times they were seen to
// happen, the same server work per update, the same client, another distance. Pure and deterministic.
import type { CycleSplit } from './cycles.js';
import { REFERENCE_RTTS_MS, type ClientMode, type PredictionCurve } from '../model.js';
import { judgeThink } from './slow-server.js';
import { median, quantile, rounded, steadyMedian } from '../statistics.js';

/** What one sample tells of the session, apart from its distance. */
export interface SessionModel {
  readonly mode: ClientMode;
  readonly outstanding: number;
  /** The server's own work from request to first byte, milliseconds. */
  readonly workMs: number;
  /** First to last byte of an update, without waits for the congestion window. */
  readonly burstMs: number;
  /** Round trips that sending an update takes: waits for the window, and pacing, which spreads a window over a round trip. */
  readonly stalls: number;
  /** The client's own work between an update and its next request. */
  readonly clientMs: number;
  /** Whether the client asks at the first byte of an update rather than at its last. */
  readonly asksAhead: boolean;
  /** When the screen changed, milliseconds from the beginning; those that happened unseen are filled in. */
  readonly changesMs: readonly number[];
  readonly spanMs: number;
  /** Cycles in which the server had an update ready when the request came, 0 to 1. */
  readonly limitedShare: number;
  /** False when the changes between requests had to be assumed. */
  readonly contentKnown: boolean;
}

/** Changes are triggered, sent and seen with this much scatter; a shorter wait is none. */
const WAIT_TOLERANCE_MS = 2;
/** Work that takes long scatters, too: by no more than writing an update takes, and short against the distance. */
const WAIT_SHARE = 0.25;
/** Content that happens to change just after every request, however far the user is, is not to be expected. */
const LEAST_WAIT_SHARE = 0.06;
/** Above 50 pictures a second nobody sees a difference in a desktop; 30 a second with their jitter stay apart. */
const VISIBLE_MS = 20;
/** Server work before the first byte when the burst is a single packet: measured 3 to 4 ms for a video frame. */
const BASE_FLOOR_MS = 3;
/** Work on one update exceeds the usual by less than this factor; what takes longer waited. */
const WORK_SPREAD = 2;
/** Waited-for changes in a row needed to know the content's own rhythm. */
const ENOUGH_INTERVALS = 5;
/** Above this share of distance-limited cycles the rhythm between requests is mostly unseen. */
const MOSTLY_LIMITED = 0.5;
const LONG_RUN = 3;
/** Share of the updates of a busy server that come within WORK_SPREAD; pages and clocks pause longer between theirs. */
const ALWAYS_BUSY = 0.65;
/** Share of updates with an input before them for the inputs to be their cause; a typist over a film is far below. */
const ALL_TYPED = 0.8;
/** The echo of a keystroke is a character or a line; what is larger is a picture. */
const ECHO_BYTES = 4_000;
/** Packets to judge evenness by, and the relative deviation of their gaps: pacing measures below 0.3, encoders above 1. */
const PACED_GAPS = 5;
const PACED_UNEVENNESS = 0.5;
/** Fewer complete cycles predict nothing; a session that distance slows down has more in a few seconds, up to 300 ms. */
export const ENOUGH_CYCLES = 8;
const SHORTEST_MS = 100;

/** Build the model of a session; null when there are too few cycles. `assumedFps` stands in for content that distance
 * hides, `spanMs` is the time that the frames are spread over. `thinks: 'work'` takes long thinks for the server's work. */
export function modelSession(
  split: CycleSplit,
  evidence: { mode: ClientMode; outstanding: number },
  rttMs: number | null,
  assumedFps: number,
  spanMs: number,
  thinks: 'as judged' | 'work' = 'as judged',
): SessionModel | null {
  const { frames } = split;
  const pushed = evidence.mode === 'push';
  const complete = frames.filter((f) => f.answeredMs !== undefined && (pushed || f.thinkMs !== undefined));
  if (complete.length < ENOUGH_CYCLES || spanMs < SHORTEST_MS) return null;
  const asksAhead = median(complete.map((f) => (f.answeredWhole ? 1 : 0))) === 0;
  const turnarounds = complete.map((f) => (f.answeredMs ?? 0) - (asksAhead ? f.startMs : f.endMs));
  const clientMs = rttMs === null ? 0 : (median(turnarounds.map((t) => Math.max(0, t - rttMs))) ?? 0);
  const stalls = complete.reduce((n, f) => n + f.stalls, 0) / complete.length;
  const bursts = complete.map((f) => Math.max(0, f.endMs - f.startMs - f.stalls * (rttMs ?? 0)));
  const paced = rttMs !== null && (median(bursts) ?? 0) <= rttMs && isPaced(complete);
  const burstMs = paced ? 0 : (median(bursts) ?? 0);
  const pacedRtts = paced && rttMs > 0 ? (median(bursts) ?? 0) / rttMs : 0;
  const writingMs = median(bursts) ?? 0;
  const limited = thinks === 'work' ? workedCycles(split) : readyCycles(split, evidence, writingMs);
  const workMs = serverWork(split, limited, burstMs);
  const timeline = changes(split, limited, workMs, assumedFps, pushed);
  return {
    ...evidence,
    workMs,
    burstMs,
    stalls: stalls + pacedRtts,
    clientMs,
    asksAhead,
    ...timeline,
    spanMs,
  };
}

/** Tell a sender that spreads its packets evenly (BBR): its bursts last a share of the round trip, not the server's work. */
function isPaced(frames: CycleSplit['frames']): boolean {
  const long = frames.filter((f) => f.gaps.n >= PACED_GAPS);
  if (long.length < frames.length / 2) return false;
  const unevenness = long.map(({ gaps: { n, sum, squares } }) => {
    const mean = sum / n;
    return mean > 0 ? Math.sqrt(Math.max(0, squares / n - mean * mean)) / mean : Infinity;
  });
  return (median(unevenness) ?? Infinity) < PACED_UNEVENNESS;
}

/** Give the server's own time from request to first byte: the shortest seen, but no more than writing an update takes. */
function serverFloor(split: CycleSplit, burstMs: number): number {
  const thinks = split.frames.flatMap((f) => (f.thinkMs === undefined ? [] : [f.thinkMs]));
  return Math.max(0, Math.min(quantile(thinks, 0.1) ?? 0, BASE_FLOOR_MS + burstMs));
}

/** Mark the frames that the server had ready when the request came: their think is work, without a wait for the screen to change. */
function limitedCycles(split: CycleSplit, burstMs: number): boolean[] {
  const floorMs = serverFloor(split, burstMs);
  const turnaround = median(
    split.frames.flatMap((f) => (f.answeredMs === undefined ? [] : [Math.max(0, f.answeredMs - f.endMs)])),
  );
  const tolerance = Math.max(
    WAIT_TOLERANCE_MS,
    LEAST_WAIT_SHARE * (turnaround ?? 0),
    Math.min(burstMs, WAIT_SHARE * (turnaround ?? 0)),
  );
  return split.frames.map((f) => f.thinkMs !== undefined && f.thinkMs <= floorMs + tolerance);
}

/** Mark the frames that were ready when asked for, by a quick answer or, where none is quick, by thinks that are work. */
function readyCycles(
  split: CycleSplit,
  evidence: { mode: ClientMode; outstanding: number },
  writingMs: number,
): boolean[] {
  const quick = limitedCycles(split, writingMs);
  const oneByOne = evidence.mode === 'pull' && evidence.outstanding === 1;
  if (!oneByOne || quick.filter(Boolean).length > quick.length * MOSTLY_LIMITED) return quick;
  return judgeThink(split) === 'work' ? workedCycles(split) : quick;
}

/**
 * Tell whether long thinks might be work and more cycles could show it: one request at a time, most answers late and yet one after the
 * other, as from a server that is always busy, and no verdict. Updates that an input set off wait for the user, small ones most likely, too.
 */
export function isUndecided(split: CycleSplit, evidence: { mode: ClientMode; outstanding: number }): boolean {
  if (evidence.mode !== 'pull' || evidence.outstanding > 1) return false;
  const { frames } = split;
  const writingMs = median(frames.map((f) => f.endMs - f.startMs)) ?? 0;
  const most = (flags: readonly boolean[], share: number) =>
    flags.filter(Boolean).length > flags.length * share;
  if (most(limitedCycles(split, writingMs), MOSTLY_LIMITED)) return false;
  if (
    most(
      frames.map((f) => f.messages > 1 || f.bytes <= ECHO_BYTES),
      MOSTLY_LIMITED,
    )
  )
    return false;
  return most(workedCycles(split), ALWAYS_BUSY) && judgeThink(split) === 'unknown';
}

/** Mark the frames of a server whose thinks were judged to be work: all but those that take so long that they must have waited, too. */
function workedCycles(split: CycleSplit): boolean[] {
  const usualMs = median(split.frames.flatMap((f) => f.thinkMs ?? [])) ?? 0;
  return split.frames.map((f) => f.thinkMs !== undefined && f.thinkMs <= WORK_SPREAD * usualMs);
}

/** The work on one update: as seen where nothing was waited for, else as long as it takes to write one, within what was seen. */
function serverWork(split: CycleSplit, limited: readonly boolean[], burstMs: number): number {
  const thinks = split.frames.map((f) => f.thinkMs);
  const unhindered = thinks.flatMap((t, i) => (t !== undefined && limited[i] === true ? [t] : []));
  if (unhindered.length >= thinks.length * MOSTLY_LIMITED) return median(unhindered) ?? 0;
  const middle = median(thinks.flatMap((t) => t ?? [])) ?? 0;
  return Math.max(serverFloor(split, burstMs), Math.min(burstMs, middle));
}

function changes(
  split: CycleSplit,
  limited: readonly boolean[],
  workMs: number,
  assumedFps: number,
  pushed: boolean,
): { changesMs: number[]; limitedShare: number; contentKnown: boolean } {
  const { frames } = split;
  const origin = frames[0]?.startMs ?? 0;
  // Pushed updates hide nothing: each is a change.
  if (pushed)
    return { changesMs: frames.map((f) => f.startMs - origin), limitedShare: 0, contentKnown: true };
  const limitedShare = frames.length === 0 ? 0 : limited.filter(Boolean).length / frames.length;
  const intervals = frames.flatMap((f, i) => {
    const previous = frames[i - 1];
    return previous !== undefined && limited[i] !== true && limited[i - 1] !== true
      ? [f.startMs - previous.startMs]
      : [];
  });
  const rhythmSeen = intervals.length >= ENOUGH_INTERVALS && limitedShare <= MOSTLY_LIMITED;
  const periodMs = (rhythmSeen ? median(intervals) : null) ?? 1000 / hiddenRate(split, assumedFps);
  // Between cycles that distance limits, a short wait is the scatter of a busy host: content at that rhythm would have been ready.
  const longMs = limitedShare > MOSTLY_LIMITED ? workMs + periodMs : 0;
  const hidden = longRuns(frames.map((f, i) => limited[i] === true || (f.thinkMs ?? Infinity) < longMs));
  const changesMs: number[] = [];
  frames.forEach((f, i) => {
    const at = f.startMs - Math.min(workMs, f.thinkMs ?? workMs) - origin;
    const last = changesMs.at(-1);
    if (hidden[i] === true && last !== undefined) {
      // The content went on unseen at its own rhythm; at least one change was waiting.
      let t = last + periodMs;
      if (t > at) changesMs.push(at);
      for (; t <= at; t += periodMs) changesMs.push(t);
    } else changesMs.push(at);
  });
  return { changesMs, limitedShare, contentKnown: rhythmSeen || limitedShare <= MOSTLY_LIMITED };
}

/** Keep what is true at least LONG_RUN times in a row: an update in two pieces is no film. */
function longRuns(flags: readonly boolean[]): boolean[] {
  const kept = flags.map(() => false);
  let start = 0;
  for (let i = 0; i <= flags.length; i++) {
    if (flags[i] === true) continue;
    if (i - start >= LONG_RUN) kept.fill(true, start, i);
    start = i + 1;
  }
  return kept;
}

/**
 * Assume a rate for content that distance hides: an ordinary film's, unless each update has its keystroke, as when somebody types. Then the
 * screen changes as often as that.
 */
function hiddenRate(split: CycleSplit, assumedFps: number): number {
  const typed = split.frames.filter((f) => f.messages > 1 && f.bytes <= ECHO_BYTES);
  if (typed.length < split.frames.length * ALL_TYPED || split.spanMs <= 0) return assumedFps;
  const inputs = typed.reduce((n, f) => n + f.messages - 1, 0);
  return Math.min(assumedFps, Math.max(1, (inputs * 1000) / split.spanMs));
}

/** Play the session at `rttMs`; frames a second, and the median milliseconds from the user's request to the complete update,
 * drawn. */
function playAt(
  model: SessionModel,
  rttMs: number,
): { framesPerSecond: number; visibleFps: number; responseMs: number } {
  const burstMs = model.burstMs + model.stalls * rttMs;
  if (model.mode === 'push') {
    const seconds = model.spanMs / 1000;
    return {
      framesPerSecond: model.changesMs.length / seconds,
      visibleFps: visible(model.changesMs) / seconds,
      responseMs: rttMs + model.workMs + burstMs + model.clientMs,
    };
  }
  const responses: number[] = [];
  const startsMs: number[] = [];
  const requests = Array.from({ length: model.outstanding }, () => 0);
  let serverFreeMs = 0;
  let lastStartMs = 0;
  let next = 0;
  while (next < model.changesMs.length) {
    const requestMs = requests.shift() ?? 0;
    const changeMs = model.changesMs[next] ?? 0;
    const startMs = Math.max(requestMs, changeMs, serverFreeMs) + model.workMs;
    const endMs = startMs + burstMs;
    startsMs.push(startMs);
    responses.push(endMs - requestMs + rttMs + model.clientMs);
    requests.push((model.asksAhead ? startMs : endMs) + rttMs + model.clientMs);
    serverFreeMs = endMs;
    lastStartMs = startMs;
    // One update carries every change up to the moment it was put together.
    const takenMs = startMs - model.workMs;
    while (next < model.changesMs.length && (model.changesMs[next] ?? 0) <= takenMs) next += 1;
  }
  const seconds = Math.max(lastStartMs + model.burstMs, model.spanMs) / 1000;
  return {
    framesPerSecond: responses.length / seconds,
    visibleFps: visible(startsMs) / seconds,
    responseMs: steadyMedian(responses) ?? rttMs,
  };
}

/** Updates that the eye can tell apart: a picture that comes in several pieces at once is one. */
function visible(startsMs: readonly number[]): number {
  let n = 0;
  let lastMs = -Infinity;
  for (const ms of startsMs) {
    if (ms - lastMs < VISIBLE_MS) continue;
    n += 1;
    lastMs = ms;
  }
  return n;
}

/** Play the session at every reference distance. */
export function predictionCurve(model: SessionModel): PredictionCurve {
  const points = REFERENCE_RTTS_MS.map((rttMs) => playAt(model, rttMs));
  return {
    framesPerSecond: points.map((p) => rounded(p.framesPerSecond)),
    visibleFps: points.map((p) => rounded(p.visibleFps)),
    responseMs: points.map((p) => rounded(p.responseMs, 1)),
  };
}
