// Holds what was predicted from one distance against what was measured at another, and the ranks against the order they must have. Pure.
import { predictAtRtt } from '../../domain/fingerprint/session/prediction.js';
import type { BenchTarget } from '../bench-result.js';
import type { Workload } from './desktop.js';
import type { Measured } from './sessions.js';

const HIGH: readonly Workload[] = ['stream', 'video'];
const LOW: readonly Workload[] = ['web', 'text', 'idle'];
/** Workloads that draw enough to be predicted; a page every few seconds is no frame rate. */
const PREDICTED: readonly Workload[] = ['stream', 'video', 'game', 'text'];

export interface PredictionError {
  readonly workload: Workload;
  readonly fromMs: number;
  readonly toMs: number;
  readonly what: 'frames/s' | 'response ms';
  readonly predicted: number;
  readonly measured: number;
  /** Relative to what was measured, 0 for exact. */
  readonly error: number;
}

/** Compare every prediction with the measurement at its distance. */
export function predictionErrors(sessions: readonly Measured[]): PredictionError[] {
  return sessions
    .filter((from) => PREDICTED.includes(from.workload))
    .flatMap((from) =>
      sessions
        .filter((to) => to.workload === from.workload && to.rttMs !== from.rttMs)
        .flatMap((to) => compare(from, to)),
    );
}

function compare(from: Measured, to: Measured): PredictionError[] {
  const p = predictAtRtt(from.fingerprint, to.rttMs);
  if (p === null) return [];
  const one = (what: PredictionError['what'], predicted: number, measured: number): PredictionError => ({
    workload: from.workload,
    fromMs: from.rttMs,
    toMs: to.rttMs,
    what,
    predicted,
    measured,
    error: Math.abs(predicted / measured - 1),
  });
  const { framesPerSecond, responseMs } = to.seen;
  return [
    one('frames/s', p.framesPerSecond, framesPerSecond),
    ...(responseMs === null ? [] : [one('response ms', p.responseMs, responseMs)]),
  ];
}

/** Judge that both modes rank films above web, text and idle desktops, whatever the run. */
export function orderTargets(sessions: readonly Measured[], where: string): BenchTarget[] {
  const of = (workloads: readonly Workload[], pick: (m: Measured) => number) =>
    sessions.filter((m) => workloads.includes(m.workload)).map(pick);
  const order = (mode: string, pick: (m: Measured) => number): BenchTarget => {
    const lowest = Math.min(...of(HIGH, pick));
    const highest = Math.max(...of(LOW, pick));
    return {
      name: `video and streaming above web, text and idle${where}, ${mode} rank`,
      target: 'in every run',
      measured: `lowest ${lowest.toFixed(2)} against highest ${highest.toFixed(2)}`,
      met: lowest > highest,
    };
  };
  return [order('predicted-gain', (m) => m.fingerprint.rank), order('paper', (m) => m.paperFingerprint.rank)];
}

/** Judge the order of the ranks in both modes, and that distance does not change them. */
export function rankTargets(sessions: readonly Measured[]): BenchTarget[] {
  const spread = Math.max(
    ...[...HIGH, ...LOW, 'game' as const].map((w) => {
      const ranks = sessions.filter((m) => m.workload === w).map((m) => m.fingerprint.rank);
      return Math.max(...ranks) - Math.min(...ranks);
    }),
  );
  return [
    ...orderTargets(sessions, ''),
    {
      name: 'rank of one workload measured at 1, 20 and 100 ms',
      target: 'within 0.1',
      measured: `largest difference ${spread.toFixed(3)}`,
      met: spread <= 0.1,
    },
  ];
}
