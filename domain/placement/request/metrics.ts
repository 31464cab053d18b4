// Benefit and cost of a move as the paper defines them (MMSys'14 section 5.1, equations 1 and 2).
import type { PlanDesktop } from './model.js';

/** Copy factor of a guest that rewrites its state as fast as the link or faster: 1 / (1 - r) ends here, it would be infinite. */
const MAX_COPY_FACTOR = 100;

/** A round trip below a nanosecond is none: no latency can be told to be a percentage of it. */
const LEAST_RTT_MS = 1e-6;

/** Equation 1: benefit of going from `beforeMs` to `afterMs` of RTT; negative for a loss. */
export function benefitOf(beforeMs: number, afterMs: number, weights: { w1: number; w2: number }): number {
  const decrease = beforeMs - afterMs;
  const percent = beforeMs >= LEAST_RTT_MS ? (decrease * 100) / beforeMs : 0;
  return weights.w1 * decrease + weights.w2 * percent;
}

/** 1 / (1 - r) for a dirty rate relative to the link's, capped. */
function copyFactor(dirtyMbps: number, linkMbps: number): number {
  const r = dirtyMbps / linkMbps;
  return r >= 1 - 1 / MAX_COPY_FACTOR ? MAX_COPY_FACTOR : 1 / (1 - r);
}

/** Equation 2, gigabytes: disk and memory each with its own dirty rate (the paper has one r for both). */
export function costGBOf(
  desktop: Pick<PlanDesktop, 'memoryGB' | 'diskGB' | 'memoryDirtyMbps' | 'diskDirtyMbps'>,
  linkMbps: number,
): number {
  return (
    desktop.diskGB * copyFactor(desktop.diskDirtyMbps, linkMbps) +
    desktop.memoryGB * copyFactor(desktop.memoryDirtyMbps, linkMbps)
  );
}
