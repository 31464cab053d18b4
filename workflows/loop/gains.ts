// The loop's part of realised gains (domain/migration/realised-gain.ts): what a user feels before a move, what is seen of it afterwards, and the
// desktops that the plan leaves alone since their moves did not help.
import { predictAtRtt } from '../../domain/fingerprint/session/prediction.js';
import {
  awaitGain,
  isUnhelped,
  judge,
  measureGain,
  type Seen,
} from '../../domain/migration/realised-gain.js';
import type { DesktopId, HostRef } from '../../domain/model/ids.js';
import type { MoveUnderWay } from '../../temporal/contract/carried.js';
import type { MoveEnded } from '../../temporal/contract/move.js';
import type { LoopState } from './loop-state.js';

/** What a desktop's user feels now and is to feel after a move; nothing where a round trip is not known. */
export function feltByMove(
  state: LoopState,
  desktop: DesktopId,
  rttBeforeMs: number | null,
  rttAfterMs: number | null,
): Pick<MoveUnderWay, 'felt'> {
  if (rttBeforeMs === null || rttAfterMs === null) return {};
  const feltAt = (rttMs: number) => ({ rttMs, responseMs: responseAt(state, desktop, rttMs) });
  return { felt: { before: feltAt(rttBeforeMs), predicted: feltAt(rttAfterMs) } };
}

function responseAt(state: LoopState, desktop: string, rttMs: number): number | null {
  const fingerprint = state.current.get(desktop);
  return fingerprint === undefined ? null : (predictAtRtt(fingerprint, rttMs)?.responseMs ?? null);
}

/** Remember a move that worked, to be measured; a stop on the way was made for others, and who had to leave did not go for a gain. */
export function expectGain(
  state: LoopState,
  { desktop, from, to, outcome }: MoveEnded,
  move: MoveUnderWay | undefined,
  nowMs: number,
): void {
  if (outcome !== 'moved' || move?.felt === undefined || move.parking || move.cause === 'drain') return;
  state.gains = awaitGain(state.gains, { desktop, from, to, endedAtMs: nowMs, ...move.felt });
}

/** Measure what can be measured by now. */
export function measureGains(state: LoopState, nowMs: number): void {
  if (state.gains.every((g) => g.verdict !== 'waiting')) return;
  state.gains = state.gains.map((gain) => {
    if (gain.verdict !== 'waiting' || state.moves.has(gain.desktop)) return gain;
    const measured = measureGain(gain, seenOf(state, gain.desktop), nowMs);
    const user = userOf(state, gain.desktop);
    if (measured !== gain && user !== null) state.unhelped = judge(state.unhelped, measured, user);
    return measured;
  });
}

function seenOf(state: LoopState, desktop: DesktopId): Seen | null {
  const found = state.find(desktop);
  if (found === null) return null;
  const user = state.users.get(desktop);
  const { site } = found.host;
  const [ms, atMs] = [user?.rtts[site], user?.measuredAtMs[site]];
  const rtt = ms === undefined || atMs === undefined ? null : { ms, atMs };
  const session = state.current.get(desktop)?.session ?? null;
  return {
    host: found.host,
    rtt,
    session:
      session === null
        ? null
        : { responseMs: ms === undefined ? null : responseAt(state, desktop, ms), atMs: session.takenAtMs },
  };
}

/** A user by the address that it is seen at; ports come and go. */
function userOf(state: LoopState, desktop: string): string | null {
  return state.users.get(desktop)?.seenAs.split(':')[0] ?? state.current.get(desktop)?.user?.address ?? null;
}

/** Why the plan leaves a desktop where it is: its moves did not help; null where they did, or something has changed since. */
export function leftAlone(state: LoopState, desktop: string, host: HostRef): string | null {
  const known = state.unhelped.get(desktop);
  if (!isUnhelped(known, userOf(state, desktop), host) || known === undefined) return null;
  return `its last ${String(known.misses)} moves did not help (${known.words}): the plan leaves it where it is until its user's address or its host changes, or \`vmshadow retry ${desktop}\``;
}
