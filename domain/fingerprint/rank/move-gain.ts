// What a move gives a session, from its prediction: for the plan to weigh (the round trip that it feels), and in words.
import type { FingerprintPolicy } from '../../model/policy.js';
import { REFERENCE_RTTS_MS, type Fingerprint } from '../model.js';
import { gainOfMove, predictAtRtt, readCurve } from '../session/prediction.js';
import { rounded } from '../statistics.js';

/**
 * Felt round trips at REFERENCE_RTTS_MS, milliseconds: a session that loses evenly with distance, of the same rank, would lose at this
 * round trip what the prediction says that this one loses. A film that keeps its rate up to 40 ms feels the same from 1 to 40 ms.
 * `rank x (felt before - felt after)` is thus the predicted gain of a move, in the unit of the placement's objective; equal to the real
 * round trips at the policy's reference distances. Null where the rank is not a predicted one, or where nothing is lost.
 */
export function feltRtts(
  fingerprint: Pick<Fingerprint, 'rankedBy' | 'prediction' | 'gain'>,
  policy: FingerprintPolicy,
): number[] | null {
  const { rankedBy, prediction, gain } = fingerprint;
  if (rankedBy !== 'predicted-gain' || prediction === null || gain === null) return null;
  const { far, near } = policy.referenceRttMs;
  const fps = (rttMs: number) => readCurve(prediction, rttMs, 'visibleFps').framesPerSecond;
  const inputAtFar = (1 - gain.refresh) * policy.inputWeight * gain.input;
  const loss = (rttMs: number) =>
    (fps(near) - fps(rttMs)) / policy.fullRefreshLossFps + (inputAtFar * (rttMs - near)) / (far - near);
  const atFar = loss(far);
  if (atFar <= 0) return null;
  let highest = 0;
  return REFERENCE_RTTS_MS.map((rttMs) => {
    // A prediction's scatter must not make a farther site look better than a nearer one.
    highest = Math.max(highest, near + ((far - near) * loss(rttMs)) / atFar);
    return rounded(highest, 1);
  });
}

/** Say what the user would see of a move between two round trips, milliseconds; null when it cannot be known. */
export function predictedChange(
  fingerprint: Pick<Fingerprint, 'prediction'>,
  fromRttMs: number,
  toRttMs: number,
): string | null {
  const now = predictAtRtt(fingerprint, fromRttMs);
  const gain = gainOfMove(fingerprint, fromRttMs, toRttMs);
  if (now === null || gain === null) return null;
  const pair = (before: number, after: number) => `${before.toFixed(1)} -> ${after.toFixed(1)}`;
  const frames = pair(now.framesPerSecond, now.framesPerSecond + gain.framesPerSecond);
  const response = pair(now.responseMs, now.responseMs - gain.responseMs);
  return `predicted: ${frames} frames/s, response ${response} ms`;
}
