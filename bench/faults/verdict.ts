// Judges one run of a cell. What is explained is as it must be, with a bound; anything else that is not as promised fails. Pure.
import { cutMs, type Cell, type FaultPhase } from './matrix.js';
import type { Observed } from './observed.js';

export interface Verdict {
  readonly kind: 'green' | 'explained' | 'failing' | 'missed' | 'no-target';
  /** What explains it, or what is wrong. */
  readonly why: readonly string[];
}

/** A pause that a user takes for a hiccup of the network: on the small guest over a far link, on a machine that does other things. */
const HICCUP_S = 6;
/** What takes longer on a machine where many processes want each core is the machine's, up to so many times as long. */
const MOST_SLOWER = 3;
const DECIDING: readonly FaultPhase[] = ['pre-switchover', 'after-release', 'after-run'];

/** How many times longer things may take where so many processes want each core. */
export const slowness = (load: number): number => Math.max(1, Math.min(MOST_SLOWER, load / 2));

/** How long the desktop may stand still, s, and why; null: no longer than a hiccup. */
function stillAllowed(
  run: Cell & Pick<Observed, 'load'>,
): { readonly s: number; readonly why: string } | null {
  const allowed = byFault(run);
  const slower = slowness(run.load);
  if (slower === 1) return allowed;
  if (allowed !== null) return { ...allowed, s: allowed.s * slower };
  return {
    s: HICCUP_S * slower,
    why: `the machine did much else (${run.load.toFixed(0)} processes wanted each core); bound: ${(HICCUP_S * slower).toFixed(0)} s`,
  };
}

function byFault({ phase, fault }: Cell): { readonly s: number; readonly why: string } | null {
  if (!DECIDING.includes(phase)) return null;
  const cutS = cutMs(fault) / 1_000;
  if (cutS > 0)
    return {
      s: cutS + 10,
      why: 'while the target cannot be asked whether it runs its copy, both stand still: as long as the cut, and 10 s',
    };
  if (fault === 'kill-source-dom0' || fault === 'kill-target-dom0')
    return {
      s: 25,
      why: 'only dom0 can end the pause: as long as it is away (2 s), starts, and until Temporal misses its heartbeat (5 s) and tries again (5 s)',
    };
  if (fault === 'kill-temporal' || fault === 'freeze-temporal')
    return { s: 20, why: 'an attempt that lost its server before the release is given up and undone' };
  return null;
}

/** Judge a run. */
export function judge(run: Observed): Verdict {
  if (!run.applies) return { kind: 'no-target', why: ['nothing to hit in this phase'] };
  if (!run.hit) return { kind: 'missed', why: [`came too late: ${run.hitAt}`] };
  const wrong: string[] = [];
  const explained: string[] = [];
  if (run.mostRunning > 1) wrong.push('TWO COPIES RAN');
  const [only, ...others] = run.copies;
  if (only === undefined) wrong.push('runs nowhere');
  else if (others.length > 0) wrong.push(`copies at ${run.copies.join(' and ')}`);
  else if (only !== run.owner) wrong.push(`runs at ${only}, owned by ${run.owner ?? 'nobody'}`);
  if (run.disksEqual === false) wrong.push('the disks differ');
  if (run.guest === null) wrong.push('the guest does not answer');
  else
    for (const [what, count] of Object.entries(run.guest))
      if (count > 0) wrong.push(`${what}: ${String(count)}`);
  // A fault that kills the very copy that is to run ends its memory: what is left to promise is its disk.
  const killedTheGuest = run.killedAt !== null && run.killedAt === run.owner;
  if (run.restarted) {
    if (killedTheGuest) explained.push('the running copy itself was killed: it booted again from its disk');
    else wrong.push('the guest booted again');
  }
  for (const s of run.streams) {
    if (s.errors + s.guestErrors > 0 && !killedTheGuest)
      wrong.push(`${s.kind}: ${String(s.errors + s.guestErrors)} records wrong`);
    if (killedTheGuest) continue;
    if (s.lost !== null) wrong.push(`${s.kind}: ${s.lost}`);
    else if (!s.alive) wrong.push(`${s.kind}: stands still`);
  }
  if (run.stillS > HICCUP_S && !run.restarted) {
    const allowed = stillAllowed(run);
    const seconds = `stood still for ${run.stillS.toFixed(1)} s`;
    if (allowed === null || run.stillS > allowed.s) wrong.push(seconds);
    else explained.push(`${seconds}: ${allowed.why}`);
  }
  wrong.push(...run.orphans.map((orphan) => `left: ${orphan}`));
  if (run.safeS === null) wrong.push('not safe within the limit');
  if (run.outcome === 'running') wrong.push('the move has not ended');
  if (wrong.length > 0) return { kind: 'failing', why: wrong };
  return explained.length > 0 ? { kind: 'explained', why: explained } : { kind: 'green', why: [] };
}

/** Whether a run has left the world as it must be, so that the next can begin there. */
export function leftWell(run: Observed): boolean {
  const alone = run.copies.length === 1 && run.copies[0] === run.owner;
  return alone && run.guest !== null && run.orphans.length === 0 && run.safeS !== null && run.mostRunning < 2;
}
