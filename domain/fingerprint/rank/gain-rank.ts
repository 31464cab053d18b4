// The predicted-gain rank: what the session would lose at a far reference distance against a near one, in refresh rate and, weighed by
// how much the user types and points, in response time. It belongs to the workload: the present distance is not in it.
import type { FingerprintPolicy } from '../../model/policy.js';
import type { GainMetrics, PredictionCurve } from '../model.js';
import { readCurve } from '../session/prediction.js';
import { rounded, toShare } from '../statistics.js';

/** A response that is later by so much is felt by everybody who points; typing tolerates it (the paper's Table 1). */
const FULL_RESPONSE_LOSS_MS = 100;

/** Measure the loss of a session between the two reference distances of the policy; without a curve, too few updates to lose any. */
export function gainMetrics(
  curve: PredictionCurve | null,
  inputsPerSecond: number,
  policy: FingerprintPolicy,
): GainMetrics {
  const { far, near } = policy.referenceRttMs;
  const visibleAt = (rttMs: number) =>
    curve === null ? 0 : readCurve(curve, rttMs, 'visibleFps').framesPerSecond;
  const refreshLossFps = Math.max(0, visibleAt(near) - visibleAt(far));
  // An input's echo always travels both ways, whatever the screen does.
  const responseLossMs = far - near;
  return {
    refreshLossFps: rounded(refreshLossFps),
    responseLossMs: rounded(responseLossMs, 1),
    inputsPerSecond: rounded(inputsPerSecond),
    refresh: rounded(toShare(refreshLossFps / policy.fullRefreshLossFps), 4),
    input: rounded(
      toShare(inputsPerSecond / policy.fullInputRate) * toShare(responseLossMs / FULL_RESPONSE_LOSS_MS),
      4,
    ),
  };
}

/** Combine: the loss of refresh rate counts in full, input adds to what is left of 1. */
export function gainRank(metrics: GainMetrics, policy: FingerprintPolicy): number {
  return toShare(metrics.refresh + (1 - metrics.refresh) * policy.inputWeight * metrics.input);
}
