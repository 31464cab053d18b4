// Moves as the page lists them: how far each phase is, what each gave. Pure.
import { PHASES, type Phase } from '../../domain/migration/phases.js';
import type { MoveGain } from '../../domain/migration/realised-gain.js';
import { savedInAll } from '../../domain/migration/saved.js';
import type { MoveStatus } from '../../temporal/contract/move.js';
import type { PastMove } from '../../temporal/past-moves.js';
import type { TemporalUi } from '../api.js';
import { bytes, duration, ms } from './words.js';

export interface PhaseStep {
  readonly phase: Phase;
  readonly state: 'done' | 'now' | 'later';
  readonly took: string;
}

/** The phases of a move, each with what it took; `outcome` ends the present one. */
export function stepsOf(
  status: Pick<MoveStatus, 'phases' | 'phase' | 'outcome'>,
  nowMs: number,
): PhaseStep[] {
  const times = new Map(status.phases.map((p) => [p.phase, p]));
  return PHASES.map((phase) => {
    const time = times.get(phase);
    if (time === undefined) return { phase, state: 'later', took: '' };
    const isOver = time.endedAtMs !== null;
    return {
      phase,
      state: isOver ? 'done' : 'now',
      took: duration((time.endedAtMs ?? nowMs) - time.startedAtMs),
    };
  });
}

/** What goes on in one line. */
export function progressWords({ progress, etaMs, wanBytes }: MoveStatus): string {
  const { bytesPerSecond: rate, saved } = progress;
  return [
    `${bytes(wanBytes.disk + wanBytes.memory)} over the WAN`,
    ...(saved === undefined ? [] : [`${bytes(savedInAll(saved))} saved`]),
    ...(rate > 0 ? [`${((8 * rate) / 1e6).toFixed(1)} Mbit/s`] : []),
    ...(etaMs === null ? [] : [`${duration(etaMs)} left`]),
  ].join(', ');
}

export interface GainWords {
  readonly what: 'response' | 'round trip';
  readonly before: string;
  readonly predicted: string;
  readonly realised: string;
  readonly verdict: string;
}

const VERDICT_WORDS: Readonly<Record<MoveGain['verdict'], string>> = {
  waiting: 'not measured yet',
  helped: 'helped',
  'fell-short': 'fell short',
  'not-compared': 'not compared',
};

/** What a move was to give and gave: the response where it is known, else the round trip. */
export function gainWords({ before, predicted, realised, verdict }: MoveGain): GainWords {
  const byResponse = before.responseMs !== null && predicted.responseMs !== null;
  const pick = (felt: { rttMs: number; responseMs: number | null } | null) =>
    ms(byResponse ? felt?.responseMs : felt?.rttMs);
  return {
    what: byResponse ? 'response' : 'round trip',
    before: pick(before),
    predicted: pick(predicted),
    realised: pick(realised),
    verdict: VERDICT_WORDS[verdict],
  };
}

/** Where the Temporal UI shows a workflow; null where nobody knows a UI, or it is no web address. */
export function workflowLink(ui: TemporalUi | null, workflowId: string, runId?: string): string | null {
  if (ui === null || !/^https?:\/\//.test(ui.url)) return null;
  const parts = [
    'namespaces',
    ui.namespace,
    'workflows',
    workflowId,
    ...(runId === undefined ? [] : [runId, 'history']),
  ];
  return `${ui.url}/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}

/** How a past move ended, in a word or two. */
export function endOf({ status, execution }: Pick<PastMove, 'status' | 'execution'>): string {
  if (execution === 'RUNNING') return 'under way';
  return status?.outcome ?? execution.toLowerCase();
}
