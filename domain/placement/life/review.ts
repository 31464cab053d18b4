// Which moves of a plan made earlier are still true of the cloud as it is now: looked at in the order of waves, each with the room that
// the ones before it take and leave. What is not true any more is left out with its reason; nothing is put in its place.
import { NOTHING, plus, shortages, usedBy, type Capacity, type Needs } from '../../model/capacity.js';
import { hostKey, sameHost, type DesktopId, type HostRef } from '../../model/ids.js';
import { figure } from '../request/figures-in-words.js';

/** A move as it was planned. */
export interface PlannedMove {
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly wave: number;
  readonly parking: boolean;
  /** What it was to gain, ms; one that gains nothing has other reasons than distance. */
  readonly gainMs: number;
}

export interface DesktopNow {
  readonly host: HostRef;
  readonly state: string;
  readonly needs: Needs;
  readonly rttMs: Readonly<Record<string, number>>;
  readonly lockedUntilMs: number | null;
  /** Where a move under way takes it. */
  readonly goingTo: HostRef | null;
  /** Why the loop leaves it alone; null where it does not. */
  readonly leftAlone: string | null;
}

export interface HostNow {
  readonly answers: boolean;
  /** What keeps everybody from coming: it is being emptied, or a maintenance window; null where nothing does. */
  readonly closed: { readonly why: 'draining' | 'maintenance'; readonly reason: string } | null;
  readonly capacity: Capacity;
  /** By desktops, and by moves on their way. */
  readonly used: Capacity;
}

type Places = ReadonlyMap<DesktopId, HostRef>;

/** The cloud as far as moves depend on it. */
export interface CloudNow {
  readonly nowMs: number;
  desktop(id: DesktopId): DesktopNow | null;
  host(ref: HostRef): HostNow | null;
  /** Why a move is not tried for now, after it failed; null where it may be. */
  heldBack(desktop: DesktopId, from: HostRef, to: HostRef): string | null;
  /** The constraint that a move breaks, in words, with those who have moved before it and where all are going in the end; null: none. */
  violated(desktop: DesktopId, to: HostRef, moved: Places, heading: Places): string | null;
}

/** Why a move is left out. */
type LeftOut =
  | 'gone'
  | 'moved'
  | 'stopped'
  | 'in-another-move'
  | 'locked'
  | 'left-alone'
  | 'host-gone'
  | 'host-silent'
  | 'draining'
  | 'maintenance'
  | 'full'
  | 'constraint'
  | 'held-back'
  | 'no-gain'
  | 'earlier-left-out';

type Verdict =
  | { readonly verdict: 'true' }
  /** It is where the move was to bring it. */
  | { readonly verdict: 'done' }
  /** Such a move is under way. */
  | { readonly verdict: 'under-way' }
  | { readonly verdict: 'left-out'; readonly why: LeftOut; readonly reason: string };

type Judged = Verdict & { readonly move: PlannedMove };

const RUNNING = 'running';

/** Judge each move; the answer has their order. */
export function reviewMoves(moves: readonly PlannedMove[], cloud: CloudNow): Judged[] {
  const ledger = new Ledger(cloud, moves);
  const judged = new Map<PlannedMove, Verdict>();
  const waves = [...new Set(moves.map((m) => m.wave))].sort((a, b) => a - b);
  for (const wave of waves) {
    for (const move of moves.filter((m) => m.wave === wave)) {
      const verdict = judge(move, cloud, ledger);
      judged.set(move, verdict);
      if (verdict.verdict === 'true') ledger.begin(move);
      else if (verdict.verdict === 'left-out') ledger.refuse(move.desktop);
    }
    ledger.endWave();
  }
  return moves.map((move) => ({ ...(judged.get(move) as Verdict), move }));
}

/** What the moves judged so far change: who is where, which room is taken and given back. */
class Ledger {
  readonly moved = new Map<DesktopId, HostRef>();
  readonly refused = new Set<DesktopId>();
  /** Where each is going in the end, as far as it is not refused. */
  readonly heading = new Map<DesktopId, HostRef>();
  readonly #cloud: CloudNow;
  readonly #coming = new Map<string, Capacity>();
  #leaving: { readonly host: HostRef; readonly needs: Needs }[] = [];

  constructor(cloud: CloudNow, moves: readonly PlannedMove[]) {
    this.#cloud = cloud;
    for (const { desktop, to } of [...moves].sort((a, b) => a.wave - b.wave)) this.heading.set(desktop, to);
  }

  /** What is taken of a host then. */
  used(host: HostRef, { used }: HostNow): Capacity {
    return plus(used, this.#coming.get(hostKey(host)) ?? NOTHING, 1);
  }

  begin({ desktop, to }: PlannedMove): void {
    const found = this.#cloud.desktop(desktop);
    if (found === null) return;
    this.#take(to, found.needs, 1);
    this.#leaving.push({ host: this.moved.get(desktop) ?? found.host, needs: found.needs });
    this.moved.set(desktop, to);
  }

  refuse(desktop: DesktopId): void {
    this.refused.add(desktop);
    this.heading.delete(desktop);
  }

  /** A wave's moves give their places back when all of it is done. */
  endWave(): void {
    for (const { host, needs } of this.#leaving) this.#take(host, needs, -1);
    this.#leaving = [];
  }

  #take(host: HostRef, needs: Needs, sign: 1 | -1): void {
    this.#coming.set(hostKey(host), plus(this.#coming.get(hostKey(host)) ?? NOTHING, usedBy([needs]), sign));
  }
}

function judge(move: PlannedMove, cloud: CloudNow, ledger: Ledger): Verdict {
  const { desktop, from, to } = move;
  const found = cloud.desktop(desktop);
  if (found === null) return leftOut('gone', 'there is no such desktop any more');
  if (ledger.refused.has(desktop))
    return leftOut(
      'earlier-left-out',
      'an earlier move of it is left out, so it is not where this one begins',
    );
  const onItsWay = ledger.moved.get(desktop);
  const at = onItsWay ?? found.host;
  if (sameHost(at, to)) return { verdict: 'done' };
  if (found.goingTo !== null) {
    if (sameHost(found.goingTo, to)) return { verdict: 'under-way' };
    return leftOut('in-another-move', `it is on its way to ${hostKey(found.goingTo)}`);
  }
  // Another host of the same site is as far from its user.
  if (at.site !== from.site)
    return leftOut('moved', `it is at ${hostKey(at)}, not at ${hostKey(from)} as planned`);
  if (from.site === to.site && !sameHost(at, from))
    return leftOut('moved', `it is at ${hostKey(at)}, not at ${hostKey(from)} as planned`);
  if (found.state !== RUNNING)
    return leftOut('stopped', `it is ${found.state}; only a running desktop is moved live`);
  if (found.lockedUntilMs !== null && found.lockedUntilMs > cloud.nowMs && onItsWay === undefined)
    return leftOut(
      'locked',
      `it was moved a short while ago and stays put for another ${String(Math.ceil((found.lockedUntilMs - cloud.nowMs) / 1000))} s`,
    );
  if (found.leftAlone !== null) return leftOut('left-alone', found.leftAlone);
  return (
    judgeTarget(move, cloud, ledger, found.needs) ??
    judgeGain(move, found) ??
    judgeRules(move, at, cloud, ledger) ?? { verdict: 'true' }
  );
}

const leftOut = (why: LeftOut, reason: string): Verdict => ({ verdict: 'left-out', why, reason });

function judgeTarget({ to }: PlannedMove, cloud: CloudNow, ledger: Ledger, needs: Needs): Verdict | null {
  const host = cloud.host(to);
  if (host === null) return leftOut('host-gone', `there is no host ${hostKey(to)} any more`);
  if (!host.answers) return leftOut('host-silent', `${hostKey(to)} does not answer`);
  if (host.closed !== null) return leftOut(host.closed.why, host.closed.reason);
  const lacking = shortages(host.capacity, ledger.used(to, host), needs);
  if (lacking.length === 0) return null;
  return leftOut('full', `${hostKey(to)} has no room for it: ${lacking.join(', ')}`);
}

/** A move that was to bring a desktop nearer is of no use where that is known to be no longer so. */
function judgeGain({ from, to, gainMs, parking }: PlannedMove, { rttMs }: DesktopNow): Verdict | null {
  if (parking || gainMs <= 0 || from.site === to.site) return null;
  const [here, there] = [rttMs[from.site], rttMs[to.site]];
  if (here === undefined || there === undefined || there < here) return null;
  return leftOut(
    'no-gain',
    `${to.site} is no longer nearer to its user (${figure(here)} -> ${figure(there)} ms)`,
  );
}

function judgeRules(
  { desktop, to }: PlannedMove,
  at: HostRef,
  cloud: CloudNow,
  { moved, heading }: Ledger,
): Verdict | null {
  const broken = cloud.violated(desktop, to, moved, heading);
  if (broken !== null) return leftOut('constraint', broken);
  const held = cloud.heldBack(desktop, at, to);
  return held === null ? null : leftOut('held-back', held);
}
