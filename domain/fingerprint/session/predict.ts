// Predicts a session from its sample, and says where it cannot: an answer that hinges on what the sample does not show is none.
import type { CycleSplit } from './cycles.js';
import type { ClientMode, Doubt, PredictionCurve } from '../model.js';
import { readCurve } from './prediction.js';
import { isUndecided, modelSession, predictionCurve, type SessionModel } from './replay.js';

/** Round trips, milliseconds, between which a session's loss is compared: near and far, the policy's defaults. */
const NEAR_MS = 1;
const FAR_MS = 100;
/** Two predictions of a loss are one if they differ by no more: frames a second (a tenth of what ranks as 1), or a share of the larger. */
const SAME_LOSS = { fps: 1, share: 0.25 };
/** A loss of fewer frames a second may be none: then the two predictions do not agree on anything. */
const SURE_LOSS_FPS = 1;

export interface SessionPrediction {
  readonly model: SessionModel | null;
  readonly predicted: PredictionCurve | null;
  /** Why nothing is predicted; null where something is. */
  readonly doubt: Doubt | null;
  /** The sample allows two predictions, and this is the one that loses less by distance. */
  readonly lowerBound: boolean;
}

export interface PredictedSample {
  readonly split: CycleSplit;
  readonly evidence: { readonly mode: ClientMode; readonly outstanding: number };
  readonly rttMs: number | null;
  readonly assumedFps: number;
  /** The time that the frames are spread over. */
  readonly spanMs: number;
  /** Whether the connection was seen to open. */
  readonly begins: boolean;
}

/** Predict at REFERENCE_RTTS_MS. */
export function predictSession(sample: PredictedSample): SessionPrediction {
  const { split, evidence, rttMs, assumedFps, spanMs, begins } = sample;
  const model = modelSession(split, evidence, rttMs, assumedFps, spanMs);
  if (model === null)
    return { model, predicted: null, doubt: begins ? 'beginning' : 'few', lowerBound: false };
  const predicted = predictionCurve(model);
  const told = { model, predicted, doubt: null, lowerBound: false };
  if (!isUndecided(split, evidence)) return told;
  const work = modelSession(split, evidence, rttMs, assumedFps, spanMs, 'work');
  if (work === null) return told;
  const asWork = predictionCurve(work);
  if (isSame(loss(asWork), loss(predicted))) return told;
  if (begins) return { model, predicted: null, doubt: 'beginning', lowerBound: false };
  const [less, asLess] = loss(asWork) < loss(predicted) ? [asWork, work] : [predicted, model];
  return loss(less) < SURE_LOSS_FPS
    ? { model, predicted: null, doubt: 'work-or-wait', lowerBound: false }
    : { model: asLess, predicted: less, doubt: null, lowerBound: true };
}

function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(SAME_LOSS.fps, SAME_LOSS.share * Math.max(a, b));
}

/** Visible frames a second that the session loses between near and far. */
function loss(curve: PredictionCurve): number {
  const fps = (rttMs: number) => readCurve(curve, rttMs, 'visibleFps').framesPerSecond;
  return fps(NEAR_MS) - fps(FAR_MS);
}
