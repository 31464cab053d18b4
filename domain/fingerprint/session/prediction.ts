// Reads a fingerprint's prediction at any round trip time, and the gain of a move between two.
import { REFERENCE_RTTS_MS, type Fingerprint, type PredictionCurve } from '../model.js';
import { rounded } from '../statistics.js';

export interface Prediction {
  readonly framesPerSecond: number;
  /** From a request of the user's device to the complete answer. */
  readonly responseMs: number;
}

export interface Gain {
  /** Positive when the move makes the session better. */
  readonly framesPerSecond: number;
  readonly responseMs: number;
}

/** Predict the session at `rttMs`; null while no header sample showed enough cycles. */
export function predictAtRtt(fingerprint: Pick<Fingerprint, 'prediction'>, rttMs: number): Prediction | null {
  const curve = fingerprint.prediction;
  if (curve === null || !Number.isFinite(rttMs)) return null;
  return readCurve(curve, Math.max(0, rttMs));
}

/** Predict what a move gives that takes the user's round trip from `fromRttMs` to `toRttMs`; null when it cannot be known. */
export function gainOfMove(
  fingerprint: Pick<Fingerprint, 'prediction'>,
  fromRttMs: number,
  toRttMs: number,
): Gain | null {
  const before = predictAtRtt(fingerprint, fromRttMs);
  const after = predictAtRtt(fingerprint, toRttMs);
  if (before === null || after === null) return null;
  return {
    framesPerSecond: rounded(after.framesPerSecond - before.framesPerSecond),
    responseMs: rounded(before.responseMs - after.responseMs, 1),
  };
}

/** Interpolate: the time of a cycle and the response grow linearly with distance between two reference points and beyond them. */
export function readCurve(
  curve: PredictionCurve,
  rttMs: number,
  which: 'framesPerSecond' | 'visibleFps' = 'framesPerSecond',
): Prediction {
  const values = curve[which];
  const points = REFERENCE_RTTS_MS.map((at, i) => ({
    at,
    fps: values[i] ?? 0,
    responseMs: curve.responseMs[i] ?? 0,
  }));
  const upper = points.findIndex((p) => p.at >= rttMs);
  const high = upper === -1 ? points.length - 1 : Math.max(1, upper);
  const [a, b] = [points[high - 1], points[high]];
  if (a === undefined || b === undefined) return { framesPerSecond: 0, responseMs: rttMs };
  const way = (rttMs - a.at) / (b.at - a.at);
  const between = (x: number, y: number) => Math.max(0, x + (y - x) * way);
  if (a.fps <= 0 || b.fps <= 0)
    return {
      framesPerSecond: rounded(between(a.fps, b.fps)),
      responseMs: rounded(between(a.responseMs, b.responseMs), 1),
    };
  const cycleMs = between(1000 / a.fps, 1000 / b.fps);
  return {
    framesPerSecond: rounded(cycleMs > 0 ? 1000 / cycleMs : a.fps),
    responseMs: rounded(between(a.responseMs, b.responseMs), 1),
  };
}
