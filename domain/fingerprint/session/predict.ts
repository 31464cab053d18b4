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

export interface SessionPrediction {
  readonly model: SessionModel | null;
  readonly predicted: PredictionCurve | null;
  /** Why nothing is predicted; null where something is. */
  readonly doubt: Doubt | null;
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
  if (model === null) return { model, predicted: null, doubt: begins ? 'beginning' : 'few' };
  const predicted = predictionCurve(model);
  if (!isUndecided(split, evidence)) return { model, predicted, doubt: null };
  const asWork = modelSession(split, evidence, rttMs, assumedFps, spanMs, 'work');
  if (asWork === null || isSame(loss(predictionCurve(asWork)), loss(predicted)))
    return { model, predicted, doubt: null };
  return { model, predicted: null, doubt: begins ? 'beginning' : 'work-or-wait' };
}

function isSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(SAME_LOSS.fps, SAME_LOSS.share * Math.max(a, b));
}

/** Visible frames a second that the session loses between near and far. */
function loss(curve: PredictionCurve): number {
  const fps = (rttMs: number) => readCurve(curve, rttMs, 'visibleFps').framesPerSecond;
  return fps(NEAR_MS) - fps(FAR_MS);
}
