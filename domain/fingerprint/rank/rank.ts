// Turns a desktop's traffic window into its fingerprint and the next state: both ranks, smoothed, the session and the prediction.
// Pure. The state follows a user that moves at once (a new address or client starts the averages anew); it never holds NaN.
import type { FingerprintPolicy } from '../../model/policy.js';
import { gainMetrics, gainRank } from './gain-rank.js';
import type {
  ClientMode,
  CycleSummary,
  Fingerprint,
  FingerprintState,
  FlowKey,
  GainMetrics,
  PredictionCurve,
  TrafficWindow,
  UserEndpoint,
} from '../model.js';
import { paperMetrics, paperRank } from './paper-rank.js';
import { reasonsOf, serverNotes } from './reasons.js';
import { findRemoteDesktop } from '../session/remote-desktop.js';
import { rounded } from '../statistics.js';

export interface Updated {
  readonly state: FingerprintState;
  readonly fingerprint: Fingerprint;
}

/** A content rate learned while unhindered holds as long as the session does not beat it by more than this. */
const CONTENT_MARGIN = 1.15;
/** A packet or two are lost on any link. */
const SPOILT_BY_LOSS = 3;
/** Keep-alives and a blinking cursor stay below this; one keystroke a second is above it. */
const IDLE_KBPS = 0.05;
/** A session's first header sample is mostly there after this time, milliseconds, or with the report after the one that it began in. */
const BEGINNING_MS = 15_000;
/** Windows from so long on, ms, and rates within this factor, or below this, kB/s, show one thing done all the time. */
const LONG_MS = 20_000;
const BORNE_OUT = 2;
const LITTLE_KBPS = 5;
/** Control channel and passive estimate may differ by so much before it is said: factor and milliseconds. */
const RTT_DOUBT = { factor: 1.5, ms: 10 };

/** Rank one desktop by its newest window. `state` is what the last call gave; undefined for a new desktop. */
export function updateFingerprint(
  state: FingerprintState | undefined,
  window: TrafficWindow,
  policy: FingerprintPolicy,
): Updated {
  const notes: string[] = [];
  const found = shownFlow(window, policy);
  const user = window.user ?? (found === null ? null : endpointOf(found.flow));
  const moved = state?.user != null && user !== null && user.address !== state.user.address;
  if (moved) notes.push(`the user moved from ${state.user?.address ?? '?'} to ${user.address}`);
  const before = moved ? undefined : state;
  const paper = paperMetrics(window, found?.flow ?? null, policy);
  const rankPaper = smooth(before?.rankPaper, paperRank(paper, policy), policy.alpha);
  const sample = freshSample(window, state, policy);
  const learned =
    sample === null
      ? withoutSample(before, window, paper.remoteDesktopKBps, policy)
      : learn(before, sample, window, paper.remoteDesktopKBps, policy);
  const rttMs = roundTrip(window, before, notes);
  const next: FingerprintState = { ...learned, rankPaper, user: user ?? state?.user ?? null, rttMs };
  notes.push(...serverNotes(window, policy));
  if (isBeginning(learned, window))
    notes.push('the session has only begun: it is ranked when its headers have been seen');
  const useGain = policy.mode === 'predicted-gain' && next.rankGain !== null;
  const told = {
    desktop: window.desktop,
    atMs: window.endMs,
    rank: useGain ? (next.rankGain ?? rankPaper) : rankPaper,
    rankPaper,
    rankedBy: useGain ? ('predicted-gain' as const) : ('paper' as const),
    paper,
    gain: next.gain,
    remoteDesktop:
      found === null
        ? null
        : { ...keyOf(found.flow), foundBy: found.foundBy, kilobytesPerSecond: paper.remoteDesktopKBps },
    user: next.user,
    rttMs,
    session: next.session,
    prediction: next.prediction,
  };
  return { state: next, fingerprint: { ...told, reasons: reasonsOf(told, policy, notes) } };
}

/** The remote-desktop flow as dom0 told it, else as the counters suggest. */
function shownFlow(
  window: TrafficWindow,
  policy: FingerprintPolicy,
): { flow: FlowKey; foundBy: 'port' | 'behaviour' } | null {
  if (window.remoteDesktop !== null)
    return { flow: window.remoteDesktop, foundBy: window.remoteDesktop.foundBy };
  // Who saw the packets has judged; counters do not know better.
  if (window.headersSeen === true) return null;
  return findRemoteDesktop(window.flows, policy);
}

type Learned = Omit<FingerprintState, 'rankPaper' | 'user' | 'rttMs'>;
const nothing: Learned = {
  rankGain: null,
  session: null,
  gain: null,
  prediction: null,
  contentFps: null,
  mode: 'unknown',
  idleUntilMs: null,
};

const idleGain: GainMetrics = {
  refreshLossFps: 0,
  responseLossMs: 0,
  inputsPerSecond: 0,
  refresh: 0,
  input: 0,
};

/** The window's header sample, if it is young enough, says something, and is not the one that was used last time. */
function freshSample(
  window: TrafficWindow,
  state: FingerprintState | undefined,
  policy: FingerprintPolicy,
): CycleSummary | null {
  const sample = window.cycles;
  if (sample === undefined || window.endMs - sample.takenAtMs > policy.sampleLifeMs) return null;
  // Few cycles because of loss are not few because nothing happens: no sign that there is nothing to lose.
  if (sample.predicted === null && sample.retransmissions >= SPOILT_BY_LOSS) return null;
  // Log-in and first screen are not what the session will be.
  if (sample.doubt === 'beginning') return null;
  return sample.takenAtMs === state?.session?.takenAtMs ? null : sample;
}

/**
 * Without a new sample the last one holds until it is too old. A screen that is not shown to anybody has nothing to lose; neither has, as
 * far as is known, a session that has only begun.
 */
function withoutSample(
  before: FingerprintState | undefined,
  window: TrafficWindow,
  remoteDesktopKBps: number,
  policy: FingerprintPolicy,
): Learned {
  const young = before?.session != null && window.endMs - before.session.takenAtMs <= policy.sampleLifeMs;
  const kept = young ? before : nothing;
  if (remoteDesktopKBps <= IDLE_KBPS)
    return {
      ...kept,
      gain: idleGain,
      rankGain: smooth(isLong(window) ? undefined : (before?.rankGain ?? undefined), 0, policy.alpha),
      idleUntilMs: window.endMs,
    };
  if (before?.idleUntilMs == null) return kept;
  return isBeginning(before, window) ? before : nothing;
}

/** So long a window tells what is done, not what happened to be. */
function isLong({ startMs, endMs }: TrafficWindow): boolean {
  return endMs - startMs >= LONG_MS;
}

/** All of a long window went by as its sample did, by the counters: no burst, and nothing to average. */
function isBorneOut(sample: CycleSummary, window: TrafficWindow, remoteDesktopKBps: number): boolean {
  const sampled = (sample.frames * sample.bytesPerFrame) / Math.max(1, sample.sampleMs);
  const [less, more] = [Math.min(sampled, remoteDesktopKBps), Math.max(sampled, remoteDesktopKBps)];
  return isLong(window) && (more <= LITTLE_KBPS || more <= BORNE_OUT * less);
}

function isBeginning(
  { idleUntilMs }: Pick<Learned, 'idleUntilMs'>,
  { startMs, endMs }: TrafficWindow,
): boolean {
  if (idleUntilMs === null || endMs <= idleUntilMs) return false;
  return startMs <= idleUntilMs || endMs - idleUntilMs <= BEGINNING_MS;
}

function learn(
  before: FingerprintState | undefined,
  sample: CycleSummary,
  window: TrafficWindow,
  remoteDesktopKBps: number,
  policy: FingerprintPolicy,
): Learned {
  // What a screen came to that nobody looked at says nothing of what is shown on it now.
  const average = before === undefined || before.idleUntilMs !== null ? null : before.rankGain;
  const joins = isBorneOut(sample, window, remoteDesktopKBps) ? null : average;
  const known: ClientMode = sample.mode === 'unknown' ? (before?.mode ?? 'unknown') : sample.mode;
  const contentFps = contentRate(before, sample);
  const session: Learned['session'] = {
    takenAtMs: sample.takenAtMs,
    mode: known,
    framesPerSecond: sample.framesPerSecond,
    outstanding: sample.outstanding,
    thinkMs: sample.thinkMs,
    turnaroundMs: sample.turnaroundMs,
    distanceLimitedShare: sample.distanceLimitedShare,
    inputsPerSecond: sample.inputsPerSecond,
    rttFrom: sample.rttFrom,
    contentKnown: sample.contentKnown || contentFps !== null,
    doubt: sample.doubt,
    lowerBound: sample.lowerBound,
  };
  const earlier = average === null ? null : (before?.session ?? null);
  const young = earlier !== null && window.endMs - earlier.takenAtMs <= policy.sampleLifeMs;
  // What an earlier sample could tell still holds where this one cannot; else the paper's rank stands in.
  if (sample.doubt === 'work-or-wait')
    return young && before !== undefined ? before : { ...nothing, session, mode: known };
  if (young && before !== undefined && sample.lowerBound && !earlier.lowerBound) return before;
  const prediction = predictionOf(sample, contentFps);
  const gain = gainMetrics(prediction, sample.inputsPerSecond, policy);
  return {
    rankGain: smooth(joins ?? undefined, gainRank(gain, policy), policy.alpha),
    session,
    gain,
    prediction,
    contentFps,
    mode: known,
    idleUntilMs: null,
  };
}

/** The content's own frame rate: seen now, or seen before and not contradicted by a session that is faster than it. */
function contentRate(before: FingerprintState | undefined, sample: CycleSummary): number | null {
  if (sample.contentKnown) return sample.framesPerSecond;
  const learned = before?.contentFps ?? null;
  if (learned === null || sample.framesPerSecond > learned * CONTENT_MARGIN) return null;
  // A rate that the session cannot tell from the present one (it was limited then, too) is no knowledge of faster content.
  return learned > sample.framesPerSecond * CONTENT_MARGIN ? learned : null;
}

function predictionOf(sample: CycleSummary, contentFps: number | null): PredictionCurve | null {
  const curve = sample.predicted;
  if (curve === null || sample.contentKnown || contentFps === null) return curve;
  // Where the content is what limits, its next change is what a request waits for.
  const waitMs = (sample.outstanding * 1000) / contentFps;
  return {
    responseMs: curve.responseMs.map((ms, i) =>
      (curve.framesPerSecond[i] ?? 0) > contentFps ? Math.max(ms, waitMs) : ms,
    ),
    framesPerSecond: curve.framesPerSecond.map((fps) => Math.min(fps, contentFps)),
    visibleFps: curve.visibleFps.map((fps) => Math.min(fps, contentFps)),
  };
}

function roundTrip(
  window: TrafficWindow,
  before: FingerprintState | undefined,
  notes: string[],
): number | null {
  const passive = window.rttMs ?? window.cycles?.rttMs ?? null;
  const control = window.controlRttMs ?? null;
  if (passive !== null && control !== null) {
    const gap = Math.abs(passive - control);
    if (gap > RTT_DOUBT.ms && Math.max(passive, control) > RTT_DOUBT.factor * Math.min(passive, control))
      notes.push(
        `round trip by packets ${passive.toFixed(1)} ms, by the control channel ${control.toFixed(1)} ms: they disagree`,
      );
  }
  return passive ?? control ?? before?.rttMs ?? null;
}

function smooth(before: number | undefined, now: number, alpha: number): number {
  return rounded(before === undefined ? now : before + alpha * (now - before), 4);
}

function endpointOf(f: FlowKey): UserEndpoint {
  return { address: f.peerAddress, port: f.peerPort };
}

function keyOf({ protocol, desktopPort, peerAddress, peerPort }: FlowKey): FlowKey {
  return { protocol, desktopPort, peerAddress, peerPort };
}
