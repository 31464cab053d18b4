// Waits for the loop's own decision to move a desktop, says what each cycle came to, and counts the cycles since the session began.
import type { DesktopId } from '../../domain/model/ids.js';
import type { DesktopStatus, LoopStatus } from '../../temporal/contract/status.js';
import type { LabCloud } from '../cloud/lab-cloud.js';
import type { Narrator } from './narrator.js';

export interface Decision {
  readonly status: LoopStatus;
  /** Cycles of the loop since the session began; the first one that began after it is 1. */
  readonly cycle: number;
}

/** Wait until the loop moves `desktop`, whose session began in the loop's cycle `begunIn`; throws after `withinMs`. */
export async function awaitDecision(
  cloud: LabCloud,
  desktop: DesktopId,
  narrator: Narrator,
  begunIn: number,
  withinMs: number,
  signal: AbortSignal,
): Promise<Decision> {
  let told = begunIn;
  const status = await cloud.until(
    (s) => {
      const decided = s.moves.some((m) => m.desktop === desktop);
      // One that has not ended yet still shows what the one before came to.
      const ended = s.nextCycleMs !== null && Date.now() < s.nextCycleMs;
      if (ended && !decided && s.cycle > told) {
        told = s.cycle;
        narrator.say(describeCycle(s, s.cycle - begunIn));
      }
      return decided;
    },
    `the loop decides to move ${desktop}`,
    withinMs,
    signal,
  );
  const cycle = status.cycle - begunIn;
  narrator.say(`cycle ${String(cycle)} of the session: ${describeDecision(status, desktop)}`);
  return { status, cycle };
}

/** Describe a cycle that moved nothing: each desktop's rank and distance, and why it stays. */
function describeCycle(s: LoopStatus, cycle: number): string {
  const desktops = s.desktops.map(
    (d) =>
      `${d.desktop} ${rankOf(d)}, ${d.rttMs === null ? 'distance not known' : `${d.rttMs.toFixed(0)} ms away`}`,
  );
  return [`cycle ${String(cycle)} of the session: no move; ${desktops.join('; ')}`, ...staying(s)].join('\n');
}

function describeDecision(status: LoopStatus, desktop: DesktopId): string {
  const planned = status.plan?.moves.find((m) => m.desktop === desktop);
  const [why] = status.desktops.find((d) => d.desktop === desktop)?.reasons ?? [];
  return [
    `the loop moves ${desktop}: ${planned?.reason ?? 'see the Temporal UI'}`,
    ...(why === undefined ? [] : [`           ${desktop} is ranked so: ${why}`]),
    ...staying(status),
  ].join('\n');
}

function rankOf(d: DesktopStatus): string {
  return d.rank === null ? 'not ranked yet' : `has rank ${d.rank.toFixed(2)}`;
}

function staying(status: LoopStatus): string[] {
  return status.plan?.notMoved.map((n) => `           ${n.desktop} stays: ${n.reason}`) ?? [];
}
