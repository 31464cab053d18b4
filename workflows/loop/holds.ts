// The loop's part of held moves (domain/migration/held-moves.ts): what it saw when a move failed, what has changed since, and the plan without them.
import {
  describeHeld,
  heldBack,
  holdAfter,
  stillOfUse,
  withoutMoved,
} from '../../domain/migration/held-moves.js';
import type { Hold, MoveEnds } from '../../domain/migration/held-moves.js';
import { hostKey, sameHost, type HostRef } from '../../domain/model/ids.js';
import type { MoveEnded } from '../../temporal/contract/move.js';
import type { MovesRetried, RetryMoves } from '../../temporal/contract/requests.js';
import type { HeldStatus } from '../../temporal/contract/status.js';
import type { LoopState } from './loop-state.js';

/** Take in how a move ended: what failed is held back, what worked is not any more. */
export function learnFromEnd(state: LoopState, ended: MoveEnded, startedAtMs: number, nowMs: number): void {
  if (!state.holding) return;
  if (ended.outcome === 'moved') state.holds = withoutMoved(state.holds, ended);
  if (ended.outcome !== 'failed' || ended.error === null) return;
  const { desktop, from, to, error } = ended;
  const failed = { desktop, from, to, blame: ended.blame ?? 'move', code: error.code };
  state.holds = holdAfter(
    state.holds,
    { ...failed, message: error.message, startedAtMs, situation: situationOf(state, failed) },
    state.policy.migration,
    nowMs,
  );
}

/** Let go of what has changed since it failed. */
export function reviewHolds(state: LoopState, nowMs: number): void {
  if (state.holds.size > 0)
    state.holds = stillOfUse(state.holds, (hold) => situationOf(state, hold), state.policy.migration, nowMs);
}

/** The hold that keeps a move back now; null where none does. */
export function holdOn(state: LoopState, move: MoveEnds, nowMs: number): Hold | null {
  return heldBack(state.holds, move, [...state.moves.values()], nowMs);
}

/** An operator wants held moves tried again; gives how many holds that were. */
export function retryMoves(state: LoopState, { desktop, host }: RetryMoves): MovesRetried {
  const before = state.holds.size;
  const isMeant = (hold: Hold): boolean => {
    const ofHost = hold.blame === 'source' || hold.blame === 'target' || hold.blame === 'hosts';
    if (desktop !== undefined) return !ofHost && hold.desktop === desktop;
    if (host !== undefined) return sameHost(hold.from, host) || sameHost(hold.to, host);
    return true;
  };
  state.holds = new Map([...state.holds].filter(([, hold]) => !isMeant(hold)));
  // So is what the plan leaves alone since its moves did not help.
  const alone = state.unhelped.size;
  state.unhelped = new Map(
    [...state.unhelped].filter(([id, known]) =>
      desktop !== undefined ? id !== desktop : host !== undefined && !sameHost(known.host, host),
    ),
  );
  return { forgotten: before - state.holds.size + alone - state.unhelped.size };
}

type Failed = Pick<Hold, 'blame' | 'desktop' | 'from' | 'to' | 'code'>;

/** What would have to change for another try to be worth while; null where the loop cannot see it. */
function situationOf(state: LoopState, { blame, desktop, from, to, code }: Failed): string | null {
  const since = (host: HostRef) => state.reports.get(hostKey(host))?.startedAtMs?.toString() ?? null;
  const together = (...parts: (string | null)[]) => (parts.includes(null) ? null : parts.join(' '));
  switch (blame) {
    case 'source':
      return since(from);
    case 'target':
      return since(to);
    case 'hosts':
      return together(since(from), since(to));
    case 'desktop':
      return shapeOf(state, desktop);
    case 'move':
      return together(
        shapeOf(state, desktop),
        since(to),
        code === 'NO_CAPACITY' ? residentsOf(state, to) : '',
      );
  }
}

/** Where a desktop is and how large. */
function shapeOf(state: LoopState, desktop: Failed['desktop']): string | null {
  const found = state.find(desktop);
  if (found === null) return null;
  const { vcpus, memoryMiB, diskMiB, machine } = found.report.definition;
  return [hostKey(found.host), vcpus, memoryMiB, diskMiB, machine].join(' ');
}

/** Who takes the room of a host; reservations, which come and go with moves, do not count. */
function residentsOf(state: LoopState, host: HostRef): string | null {
  const report = state.reports.get(hostKey(host));
  if (report === undefined) return null;
  const memoryMiB = report.desktops.reduce((sum, d) => sum + d.definition.memoryMiB, 0);
  const { slots, vcpus } = report.capacity;
  return `${String(report.desktops.length)} ${String(memoryMiB)} ${String(slots)} ${String(vcpus)}`;
}

const holdsNow = (state: LoopState, nowMs: number): Hold[] =>
  [...state.holds.values()].filter((hold) => hold.untilMs > nowMs);

/** What the plan is told of held moves: desktops that stay, hosts that nobody (or nobody of a host) is sent to. */
export function heldInPlan(state: LoopState, nowMs: number) {
  const now = holdsNow(state, nowMs);
  const desktops = new Map<string, number>();
  const sources = new Map<string, number>();
  const unfit = new Map<string, HostRef[]>();
  const unfitRoutes: { from?: HostRef; to: HostRef }[] = [];
  for (const hold of now)
    if (hold.blame === 'desktop') desktops.set(hold.desktop, hold.untilMs);
    else if (hold.blame === 'source') sources.set(hostKey(hold.from), hold.untilMs);
    else if (hold.blame === 'target') unfitRoutes.push({ to: hold.to });
    else if (hold.blame === 'hosts') unfitRoutes.push({ from: hold.from, to: hold.to });
    else unfit.set(hold.desktop, [...(unfit.get(hold.desktop) ?? []), hold.to]);
  return {
    unfitRoutes,
    /** Until when nothing is planned for a desktop; undefined where something may be. */
    lockOf: (desktop: string, host: HostRef): number | undefined =>
      desktops.get(desktop) ?? sources.get(hostKey(host)),
    unfitOf: (desktop: string): readonly HostRef[] | undefined => unfit.get(desktop),
  };
}

/** Say why a desktop of a host is not moved somewhere that would be nearer; nothing where it is not held back. */
export function holdWords(
  state: LoopState,
  nowMs: number,
): (desktop: string, host: HostRef, isNearer: (site: string) => boolean) => string {
  const now = holdsNow(state, nowMs);
  return (desktop, host, isNearer) =>
    now
      .filter(({ blame, desktop: held, from, to }) => {
        if (blame === 'desktop') return held === desktop;
        if (blame === 'source') return sameHost(from, host);
        if (!isNearer(to.site)) return false;
        if (blame === 'move') return held === desktop;
        return blame === 'target' || sameHost(from, host);
      })
      .map(sayHold)
      .join('; ');
}

/** A hold in one sentence: what, until when, why. */
export function sayHold(hold: Hold): string {
  const times = hold.failures === 1 ? 'it failed' : `it failed ${String(hold.failures)} times`;
  return `${describeHeld(hold)} is held back until ${new Date(hold.untilMs).toISOString()}: ${times}, ${hold.code}: ${hold.reason}`;
}

/** Holds that one answer names: each has some hundred bytes. */
const HOLDS_SHOWN = 100;

/** Moves that are held back now, the longest first. */
export function heldStatus(state: LoopState, nowMs: number): { held: HeldStatus[]; heldCount: number } {
  const now = holdsNow(state, nowMs);
  const held = now
    .sort((a, b) => b.untilMs - a.untilMs)
    .slice(0, HOLDS_SHOWN)
    .map(({ blame, desktop, from, to, code, reason, failures, failedAtMs, untilMs }) => ({
      what: describeHeld({ blame, desktop, from, to }),
      blame,
      desktop: blame === 'desktop' || blame === 'move' ? desktop : null,
      from: blame === 'source' || blame === 'hosts' ? from : null,
      to: blame === 'target' || blame === 'hosts' || blame === 'move' ? to : null,
      code,
      reason,
      failures,
      failedAtMs,
      untilMs,
    }));
  return { held, heldCount: now.length };
}
