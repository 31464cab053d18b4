// What a move really gave, beside what it was planned for: the user's round trip and the session's response time before and after. It is
// measured once the user works again at the target and both are known there. A desktop whose last moves did not help is not moved again by
// the plan: something else is slow, or the figures are not of that user. Pure: times and what was seen are given.
import { sameHost, type DesktopId, type HostRef } from '../model/ids.js';

/** Milliseconds; null where it cannot be known. */
export interface Felt {
  readonly rttMs: number;
  /** From a request of the user's device to the complete answer. */
  readonly responseMs: number | null;
}

export const VERDICTS = ['waiting', 'helped', 'fell-short', 'not-compared'] as const;
type Verdict = (typeof VERDICTS)[number];

export interface MoveGain {
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly endedAtMs: number;
  readonly before: Felt;
  readonly predicted: Felt;
  /** As measured at the target; null until then. */
  readonly realised: Felt | null;
  readonly verdict: Verdict;
}

/** What is seen of a desktop now; each figure with the time of its measurement. */
export interface Seen {
  readonly host: HostRef;
  readonly rtt: { readonly ms: number; readonly atMs: number } | null;
  /** Of the last sample of a session that somebody worked in; null where there is none. */
  readonly session: { readonly responseMs: number | null; readonly atMs: number } | null;
}

/** The first seconds at the target are not like the rest: connections find their pace again. */
const SETTLED_MS = 10_000;
/** A user who has not come back by then is another session. */
const GIVEN_UP_MS = 86_400_000;
/** Smaller gains drown in what figures scatter by. */
const WORTH_COMPARING_MS = 10;
/** Of what was predicted; predictions are within 15 % where they are made at all. */
const FAR_UNDER = 0.5;
const KEPT = 100;

/** Keep a move that has ended to be measured; the oldest are forgotten. */
export function awaitGain(
  gains: readonly MoveGain[],
  move: Omit<MoveGain, 'realised' | 'verdict'>,
): MoveGain[] {
  const superseded = gains.map((g) =>
    g.desktop === move.desktop && g.verdict === 'waiting' ? { ...g, verdict: 'not-compared' as const } : g,
  );
  return [{ ...move, realised: null, verdict: 'waiting' as const }, ...superseded].slice(0, KEPT);
}

/** Compare a waiting move with what is seen now; itself where that says nothing yet. */
export function measureGain(gain: MoveGain, seen: Seen | null, nowMs: number): MoveGain {
  if (gain.verdict !== 'waiting') return gain;
  if (nowMs - gain.endedAtMs > GIVEN_UP_MS) return { ...gain, verdict: 'not-compared' };
  if (seen === null) return gain;
  if (!sameHost(seen.host, gain.to)) return { ...gain, verdict: 'not-compared' };
  const isFresh = ({ atMs }: { atMs: number }) => atMs >= gain.endedAtMs + SETTLED_MS;
  const { rtt, session } = seen;
  if (rtt === null || session === null || !isFresh(rtt) || !isFresh(session)) return gain;
  // A sample too small to tell the response: the next one may, where one was predicted.
  if (session.responseMs === null && gain.predicted.responseMs !== null) return gain;
  const realised = { rttMs: rtt.ms, responseMs: session.responseMs };
  return { ...gain, realised, verdict: verdictOn(gain, realised) };
}

function verdictOn(gain: MoveGain, realised: Felt): Verdict {
  const { wantedMs, gotMs } = gainsOf(gain, realised);
  if (wantedMs < WORTH_COMPARING_MS) return 'not-compared';
  return gotMs < FAR_UNDER * wantedMs && wantedMs - gotMs >= WORTH_COMPARING_MS ? 'fell-short' : 'helped';
}

/** Milliseconds gained, as predicted and in truth: of the response where it is known throughout, of the round trip otherwise. */
function gainsOf(
  { before, predicted }: Pick<MoveGain, 'before' | 'predicted'>,
  realised: Felt,
): { what: 'response' | 'round trip'; wantedMs: number; gotMs: number } {
  const [b, p, r] = [before.responseMs, predicted.responseMs, realised.responseMs];
  if (b !== null && p !== null && r !== null) return { what: 'response', wantedMs: b - p, gotMs: b - r };
  return {
    what: 'round trip',
    wantedMs: before.rttMs - predicted.rttMs,
    gotMs: before.rttMs - realised.rttMs,
  };
}

/** A desktop whose moves did not help, one after another. */
export interface Unhelped {
  readonly misses: number;
  /** The user's address: another user is another matter. */
  readonly user: string;
  /** Where it is since. */
  readonly host: HostRef;
  readonly words: string;
}

/** So many in a row are no accident. */
const MISSES = 2;

/** Take in a verdict: what helped clears the desktop's name. */
export function judge(
  known: ReadonlyMap<string, Unhelped>,
  gain: MoveGain,
  user: string,
): Map<string, Unhelped> {
  const next = new Map(known);
  if (gain.verdict === 'helped') next.delete(gain.desktop);
  if (gain.verdict !== 'fell-short' || gain.realised === null) return next;
  const before = known.get(gain.desktop);
  const { what, wantedMs, gotMs } = gainsOf(gain, gain.realised);
  next.set(gain.desktop, {
    misses: before?.user === user ? before.misses + 1 : 1,
    user,
    host: gain.to,
    words: `${what} ${wantedMs.toFixed(0)} ms shorter was predicted of the last one, it became ${gotMs.toFixed(0)} ms shorter`,
  });
  return next;
}

/** Tell whether the plan is to leave a desktop where it is: its moves did not help, and neither its user nor its place has changed since. */
export function isUnhelped(known: Unhelped | undefined, user: string | null, host: HostRef): boolean {
  return (
    known !== undefined &&
    known.misses >= MISSES &&
    (user === null || user === known.user) &&
    sameHost(host, known.host)
  );
}
