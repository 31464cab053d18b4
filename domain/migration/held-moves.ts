// Moves that cannot work are not tried for ever. Each failure holds back what would fail again (by whom it is to blame on) for a time that
// doubles with each further failure for the same reason, up to a bound. A success, another reason or a changed situation begins anew.
// When the time has passed, one move tries; the others of the hold wait for what comes of it. Pure: the time and the situation are given.
import { hostKey, sameHost, type DesktopId, type HostRef } from '../model/ids.js';
import { BLAMES, type Blame } from './blame.js';

export interface MoveEnds {
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
}

export interface Hold {
  readonly blame: Blame;
  /** Of the move that failed last. */
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly code: string;
  readonly reason: string;
  /** In a row, for the same reason. */
  readonly failures: number;
  readonly failedAtMs: number;
  readonly untilMs: number;
  /** What would have to change for another try to be worth while; as the loop sees it, null where it sees nothing. */
  readonly situation: string | null;
}

export interface HoldTerms {
  /** The first hold. */
  readonly retryAfterMs: number;
  readonly retryAtMostMs: number;
}

export interface FailedMove extends MoveEnds {
  readonly blame: Blame;
  readonly code: string;
  readonly message: string;
  readonly startedAtMs: number;
  readonly situation: string | null;
}

/** Far more than fail at once in a sound cloud; each takes some hundred bytes of a payload of 2 MiB. */
const MAX_HOLDS = 1_000;
const MAX_REASON_CHARS = 240;

/** What a hold is known by: those that it holds back. */
function holdKey({ desktop, from, to }: MoveEnds, blame: Blame): string {
  const keys: Record<Blame, string> = {
    desktop: desktop,
    source: `from ${hostKey(from)}`,
    target: `to ${hostKey(to)}`,
    hosts: `${hostKey(from)} to ${hostKey(to)}`,
    move: `${desktop} to ${hostKey(to)}`,
  };
  return keys[blame];
}

/** Hold back what would fail again. A move that was begun before the last counted failure belongs to that one. */
export function holdAfter(
  holds: ReadonlyMap<string, Hold>,
  failed: FailedMove,
  terms: HoldTerms,
  nowMs: number,
): Map<string, Hold> {
  const { desktop, from, to, blame, code, situation } = failed;
  const key = holdKey(failed, blame);
  const before = holds.get(key);
  const same = before?.code === code && !hasChanged(before, situation);
  if (same && failed.startedAtMs < before.failedAtMs) return new Map(holds);
  const failures = same ? before.failures + 1 : 1;
  const hold: Hold = {
    blame,
    desktop,
    from,
    to,
    code,
    reason: failed.message.slice(0, MAX_REASON_CHARS),
    failures,
    failedAtMs: nowMs,
    untilMs: nowMs + delayMs(failures, terms),
    situation,
  };
  // The newest last: where there are too many, those that are forgotten have waited longest.
  const rest = [...holds].filter(([k]) => k !== key);
  return new Map([...rest.slice(-(MAX_HOLDS - 1)), [key, hold]]);
}

/** 1, 2, 4, 8 ... times the first hold, up to the bound. */
function delayMs(failures: number, { retryAfterMs, retryAtMostMs }: HoldTerms): number {
  return Math.min(Math.max(retryAfterMs, retryAtMostMs), retryAfterMs * 2 ** Math.min(failures - 1, 40));
}

/** After a move that worked: its desktop, its hosts and their way are not to blame any more. */
export function withoutMoved(holds: ReadonlyMap<string, Hold>, moved: MoveEnds): Map<string, Hold> {
  return new Map(
    [...holds].filter(([, hold]) => {
      switch (hold.blame) {
        case 'desktop':
        case 'move':
          return hold.desktop !== moved.desktop;
        case 'source':
          return !sameHost(hold.from, moved.from);
        case 'target':
          return !sameHost(hold.to, moved.to);
        case 'hosts':
          return !(sameHost(hold.from, moved.from) && sameHost(hold.to, moved.to));
      }
    }),
  );
}

/**
 * Let go of holds whose situation has changed, and of those that ended so long ago that they say nothing of today. A hold that has ended is
 * kept for the bound, so that the next failure counts on.
 */
export function stillOfUse(
  holds: ReadonlyMap<string, Hold>,
  situationOf: (hold: Hold) => string | null,
  terms: HoldTerms,
  nowMs: number,
): Map<string, Hold> {
  return new Map(
    [...holds].filter(
      ([, hold]) => nowMs <= hold.untilMs + terms.retryAtMostMs && !hasChanged(hold, situationOf(hold)),
    ),
  );
}

/** What is not known has not changed. */
const hasChanged = (hold: Hold, situation: string | null): boolean =>
  hold.situation !== null && situation !== null && hold.situation !== situation;

/** The hold that keeps a move back now, the longest of several; null where none does. `underWay` are moves that try already. */
export function heldBack(
  holds: ReadonlyMap<string, Hold>,
  move: MoveEnds,
  underWay: readonly MoveEnds[],
  nowMs: number,
): Hold | null {
  let longest: Hold | null = null;
  for (const hold of holdsOf(holds, move)) {
    const tried = underWay.some((other) => holdKey(other, hold.blame) === holdKey(move, hold.blame));
    if (hold.untilMs <= nowMs && !tried) continue;
    if (longest === null || hold.untilMs > longest.untilMs) longest = hold;
  }
  return longest;
}

function holdsOf(holds: ReadonlyMap<string, Hold>, move: MoveEnds): Hold[] {
  return BLAMES.flatMap((blame) => {
    const hold = holds.get(holdKey(move, blame));
    return hold === undefined ? [] : [hold];
  });
}

/** Which moves a hold holds back, in words. */
export function describeHeld({ blame, desktop, from, to }: Pick<Hold, 'blame' | keyof MoveEnds>): string {
  const words: Record<Blame, string> = {
    desktop: `any move of ${desktop}`,
    source: `any move from ${hostKey(from)}`,
    target: `any move to ${hostKey(to)}`,
    hosts: `moves from ${hostKey(from)} to ${hostKey(to)}`,
    move: `${desktop} to ${hostKey(to)}`,
  };
  return words[blame];
}
