// From what the demo saw to its figures: pure, so that the same numbers can be computed again from the logs.
import { hostKey } from '../../domain/model/ids.js';
import type { PHASES } from '../../domain/migration/phases.js';
import type { MoveStatus } from '../../temporal/contract/move.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { longestGap, type FrameEvent } from '../rfb/session-log.js';
import type { DemoResult } from './demo-result.js';
import { summarize, type Sample } from './percentiles.js';

export interface Seen {
  readonly move: MoveStatus;
  readonly frames: readonly FrameEvent[];
  readonly socketsBefore: readonly string[];
  readonly socketsAfter: readonly string[];
  readonly connections: number;
  readonly wanBytes: { readonly disk: number; readonly memory: number };
  readonly decidedInCycle: number;
  readonly ranks: Readonly<Record<string, number | null>>;
  readonly runningCopies: number;
  readonly leftovers: readonly string[];
  readonly recent: LoopStatus['recent'];
  readonly startedAtMs: number;
}

type PhaseName = (typeof PHASES)[number];

/** Response times of a session's frames. */
export function samplesOf(frames: readonly FrameEvent[]): Sample[] {
  return frames.flatMap((f) => (f.responseMs === null ? [] : [{ atMs: f.at, responseMs: f.responseMs }]));
}

/** The window of a phase; an unfinished one is empty at its start. */
function phaseWindow(move: MoveStatus, phase: PhaseName): { fromMs: number; toMs: number } | null {
  const found = move.phases.findLast((p) => p.phase === phase);
  return found === undefined
    ? null
    : { fromMs: found.startedAtMs, toMs: found.endedAtMs ?? found.startedAtMs };
}

/** All figures of result.json. */
export function demoResult(seen: Seen): DemoResult {
  const { move, frames } = seen;
  const begun = move.phases[0]?.startedAtMs ?? seen.startedAtMs;
  const cleanup = phaseWindow(move, 'cleanup');
  const switchover = phaseWindow(move, 'switchover');
  const samples = samplesOf(frames);
  const afterFromMs = cleanup?.toMs ?? Number.POSITIVE_INFINITY;
  const gap = switchover === null ? null : longestGap(frames, switchover.fromMs, switchover.toMs + 1_000);
  const carried =
    seen.connections === 1 && frames.some((f) => f.at < begun) && frames.some((f) => f.at > afterFromMs);
  const sameSocket = seen.socketsBefore.length > 0 && seen.socketsBefore.join() === seen.socketsAfter.join();
  return {
    decidedByLoop: move.outcome === 'moved' && move.cause === 'loop',
    decidedInCycle: seen.decidedInCycle,
    sameConnection: carried && sameSocket,
    diskHashesEqual: move.diskHashes?.equal === true,
    runningCopies: seen.runningCopies,
    leftovers: [...seen.leftovers],
    responseMs: { before: summarize(samples, 0, begun), after: summarize(samples, afterFromMs) },
    downtimeMs: move.downtimeMs,
    gapMs: gap === null ? null : Math.round(gap.gapMs),
    wanBytes: seen.wanBytes,
    phaseMs: Object.fromEntries(
      move.phases.map((p) => [p.phase, (p.endedAtMs ?? p.startedAtMs) - p.startedAtMs]),
    ),
    ranks: seen.ranks,
    moves: [...seen.recent].reverse().map((m) => ({
      desktop: m.desktop,
      from: hostKey(m.from),
      to: hostKey(m.to),
      cause: m.cause as DemoResult['moves'][number]['cause'],
      outcome: m.outcome as DemoResult['moves'][number]['outcome'],
      startedAtMs: m.desktop === move.desktop ? begun : seen.startedAtMs,
      endedAtMs: m.endedAtMs,
    })),
  };
}
