// Sums up the packet headers of one remote-desktop flow: cycle times, mode, inputs, round trip and predictions.
import { judgeMode, type ModeEvidence } from './client-mode.js';
import { asksOneByOne } from './request-rhythm.js';
import { splitCycles, type CycleSplit } from './cycles.js';
import type { CapturedFlow, FlowPacket } from '../capture/flow-table.js';
import type { ClientMode, CycleSummary } from '../model.js';
import { predictSession } from './predict.js';
import { passiveRoundTrip, type RoundTrip } from './round-trip.js';
import { median, mode, quantile, rounded, toShare } from '../statistics.js';

export interface SummaryOptions {
  readonly takenAtMs: number;
  /** How long the tap was watched; the flow's own span when not known (a file). */
  readonly sampleMs?: number;
  /** More samples will follow: of a session that begins in this one little is concluded. A file is all there is. */
  readonly goesOn?: boolean;
  /** Frames a second of content whose rhythm distance hides (FingerprintPolicy). */
  readonly assumedFps: number;
}

/** Fewer overlapping frames are accidents. */
const OVERLAPS_SHOW = 0.1;
/**
 * Before it settles, a new session exchanges small messages and opens its window step by step: versions, log-in, formats, the first screen.
 * These take round trips, and where the connection was seen to open, the server's own time, too.
 */
const HANDSHAKE_ROUND_TRIPS = 10;
const HANDSHAKE_MS = 1_000;
/** Of a session that began so long before the sample's end it can be said that it is a quiet one. */
const BEGINNING_MS = 15_000;
/** The rest must be enough to judge by. */
export const HANDSHAKE_MOST = 1 / 3;
/** Decoding an update takes a thin client a few milliseconds, seldom more than this. */
const HIDDEN_MS = 20;
/** Scatter of a constant distance between the lowest tenth and the middle. */
const STEADY_SHARE = 0.15;
const ENOUGH_ANSWERS = 8;
/** Nothing is a rate over less than this. */
const SHORTEST_MS = 100;
/** The few messages of a log-in are no typing. */
const INPUT_MS = 5_000;

type Distance = Pick<RoundTrip, 'rttMs'> & { readonly from: RoundTrip['from'] | 'turnaround' };

/** Sum up `flow`. Always gives a summary; figures that the sample does not show are null. */
export function summariseFlow(flow: CapturedFlow, options: SummaryOptions): CycleSummary {
  const openingMs = opening(flow);
  const { split, evidence } = splitByMode(flow.packets.filter((p) => p.atMs >= openingMs));
  const seenMs = keptMs(flow);
  const sampleMs = Math.max(options.sampleMs ?? 0, seenMs);
  const roundTrip = distance(passiveRoundTrip(flow.packets), split);
  const bursts = split.frames.map((f) => f.endMs - f.startMs);
  const burstMs = median(bursts);
  // A session that ends within the sample has no silence after it.
  const ended = flow.packets.some((p) => p.tcp?.fin === true || p.tcp?.rst === true);
  const spanMs = frameSpan(split, (ended ? seenMs : sampleMs) - openingMs);
  const { model, predicted, doubt, lowerBound } = predictSession({
    split,
    evidence,
    rttMs: roundTrip?.rttMs ?? null,
    assumedFps: options.assumedFps,
    spanMs,
    begins: options.goesOn === true && flow.initiator !== undefined && sampleMs <= BEGINNING_MS,
  });
  const thinkMs = median(split.frames.flatMap((f) => f.thinkMs ?? []));
  const turnaroundMs = median(turnarounds(split));
  const bytes = split.frames.reduce((n, f) => n + f.bytes, 0);
  return {
    flow: flow.key,
    takenAtMs: options.takenAtMs,
    sampleMs: rounded(sampleMs, 1),
    mode: evidence.mode,
    frames: split.frames.length,
    framesPerSecond: spanMs >= SHORTEST_MS ? rounded((split.frames.length * 1000) / spanMs) : 0,
    bytesPerFrame: split.frames.length === 0 ? 0 : Math.round(bytes / split.frames.length),
    outstanding: evidence.outstanding,
    thinkMs: orNull(thinkMs),
    burstMs: orNull(burstMs),
    turnaroundMs: orNull(turnaroundMs),
    distanceLimitedShare: rounded(toShare(evidence.mode === 'push' ? 0 : (model?.limitedShare ?? 0))),
    inputsPerSecond: rounded(
      (inputs(split, evidence.mode) * 1000) / (Math.max(sampleMs, INPUT_MS) - openingMs),
    ),
    retransmissions: split.retransmissions,
    rttMs: orNull(roundTrip?.rttMs ?? null),
    rttFrom: roundTrip?.from ?? null,
    contentKnown:
      evidence.mode === 'push' || (doubt === null && !lowerBound && (model?.contentKnown ?? false)),
    predicted,
    doubt,
    lowerBound,
  };
}

/**
 * A server that answers requests one by one sends nothing by itself: then silence inside an update is no boundary. One that pushes does not
 * look at the client's messages: then only silence is one.
 */
export function splitByMode(packets: readonly FlowPacket[]): { split: CycleSplit; evidence: ModeEvidence } {
  const split = splitCycles(packets);
  const evidence = judgeMode(split);
  if (evidence.mode !== 'pull' && evidence.overlappingShare > OVERLAPS_SHOW) {
    // A slow server (emulated, overloaded) pauses inside an update, which then looks like several that overlap. Push that was told by its
    // fences, without overlaps, is not in doubt.
    const whole = splitCycles(packets, 'message');
    if (asksOneByOne(whole, passiveRoundTrip(packets)?.rttMs ?? null))
      return { split: whole, evidence: { mode: 'pull', outstanding: 1, overlappingShare: 0 } };
  }
  if (evidence.mode === 'push') return { split: splitCycles(packets, 'silence'), evidence };
  if (evidence.mode !== 'pull' || evidence.outstanding > 1) return { split, evidence };
  return { split: splitCycles(packets, 'message'), evidence };
}

function turnarounds(split: CycleSplit): number[] {
  return split.frames.flatMap((f) =>
    f.answeredMs === undefined ? [] : [Math.max(0, f.answeredMs - (f.answeredWhole ? f.endMs : f.startMs))],
  );
}

/**
 * The time that the frames are spread over: from the first to the last and one more step, so that a session that begins within the sample
 * is not diluted; the whole sample when that would make a rate of a short burst.
 */
function frameSpan(split: CycleSplit, sampleMs: number): number {
  const first = split.frames[0];
  const last = split.frames.at(-1);
  const steps = split.frames.length - 1;
  if (first === undefined || last === undefined || steps < 1) return sampleMs;
  const span = last.startMs - first.startMs;
  return span > sampleMs / 2 ? (span * (steps + 1)) / steps : Math.max(sampleMs, span);
}

/**
 * Client messages that ask for no update. A pull client asks once a frame: what is more is input. A push client's replies are told by
 * their size, which encryption keeps apart.
 */
function inputs(split: CycleSplit, clientMode: ClientMode): number {
  const surplus = Math.max(0, split.answers.length + split.others.length - split.frames.length);
  const replySize = mode(split.answers);
  const odd = [...split.answers, ...split.others].filter((size) => size !== replySize).length;
  if (clientMode === 'pull') return surplus;
  return clientMode === 'push' ? odd : Math.min(odd, surplus);
}

/** How long that lasts of which packets were kept: of a very long flow the beginning. */
export function keptMs(flow: CapturedFlow): number {
  return flow.unkeptPackets === 0 ? flow.activeMs : (flow.packets.at(-1)?.atMs ?? 0);
}

/** Tell how much of a sample the beginning of its session may fill: one that starts soon after it does not show whether it did. */
function opening(flow: CapturedFlow): number {
  const rttMs = passiveRoundTrip(flow.packets)?.rttMs ?? 0;
  const leastMs = flow.initiator === undefined ? 0 : HANDSHAKE_MS;
  return Math.min(Math.max(leastMs, HANDSHAKE_ROUND_TRIPS * rttMs), HANDSHAKE_MOST * keptMs(flow));
}

/**
 * A client that acknowledges at once but answers a constant while later stands behind a proxy, gateway or tunnel that acknowledges for
 * it: then the answers tell its distance. A slow client's own work varies with what it draws.
 */
function distance(roundTrip: RoundTrip | null, split: CycleSplit): Distance | null {
  const answers = turnarounds(split);
  const low = quantile(answers, 0.1);
  const middle = median(answers);
  if (low === null || middle === null || answers.length < ENOUGH_ANSWERS) return roundTrip;
  const hidden = low - (roundTrip?.rttMs ?? 0);
  if (roundTrip !== null && hidden > HIDDEN_MS && middle - low <= low * STEADY_SHARE)
    return { rttMs: low, from: 'turnaround' };
  return roundTrip;
}

function orNull(x: number | null): number | null {
  return x === null ? null : rounded(Math.max(0, x));
}
