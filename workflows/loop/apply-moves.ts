// A plan that was made earlier: which of its moves are still true by fresh reports, and the start of those that the limits let begin now.
import { hasCode } from '../../domain/errors.js';
import { placeKey } from '../../domain/drain/place.js';
import { admit } from '../../domain/migration/admission.js';
import { NOTHING } from '../../domain/model/capacity.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import { reviewMoves, type CloudNow, type HostNow } from '../../domain/placement/life/review.js';
import type { ApplyMoves, MoveApplied, MovesApplied } from '../../temporal/contract/requests.js';
import { collect } from './collect.js';
import { constrained, violationBy } from './constraints.js';
import { drainOf } from './drain.js';
import { usedOf } from './find-room.js';
import { leftAlone } from './gains.js';
import { holdOn, sayHold } from './holds.js';
import type { LoopState } from './loop-state.js';
import { forgetTerminated, startMove } from './moves.js';
import { whyClosed, whyStill } from './windows.js';

type Asked = ApplyMoves['moves'][number];

/** Say what becomes of each move, and start what may begin: of the first wave named, within the limits. */
export async function applyMoves(state: LoopState, { moves, dryRun }: ApplyMoves): Promise<MovesApplied> {
  await collect(state, false);
  if (!dryRun && moves.some((m) => state.moves.has(m.desktop))) await forgetTerminated(state);
  const judged = reviewMoves(moves, cloudNow(state, Date.now()));
  const applied = new Map<Asked, MoveApplied>();
  moves.forEach((move, k) => {
    const { verdict, ...why } = judged[k] as (typeof judged)[number];
    const { desktop, to, wave } = move;
    const reasons = 'why' in why ? { why: why.why, reason: why.reason } : {};
    applied.set(move, { desktop, to, wave, verdict, ...reasons });
  });
  if (!dryRun) await startWithinLimits(state, moves, applied);
  return { moves: moves.map((move) => applied.get(move) as MoveApplied) };
}

async function startWithinLimits(
  state: LoopState,
  moves: readonly Asked[],
  applied: Map<Asked, MoveApplied>,
): Promise<void> {
  const say = (move: Asked, verdict: MoveApplied['verdict'], reason?: string) => {
    const { desktop, to, wave } = move;
    applied.set(move, { desktop, to, wave, verdict, ...(reason === undefined ? {} : { reason }) });
  };
  const open = moves.filter((m) => applied.get(m)?.verdict === 'true');
  const wave = moves.reduce((first, m) => Math.min(first, m.wave), Infinity);
  const turn = open.filter((m) => m.wave === wave);
  for (const move of open) if (move.wave !== wave) say(move, 'waits', `wave ${String(wave)} comes first`);
  const { admitted, waiting } = admit(turn, [...state.moves.values()], state.cloud.limits);
  for (const { move, reason } of waiting) say(move, 'waits', reason);
  for (const move of admitted) {
    const { desktop, to, parking, rttBeforeMs, rttAfterMs } = move;
    const from = state.find(desktop)?.host ?? move.from;
    const reason = `of an applied plan: ${move.reason}`;
    try {
      await startMove(state, {
        desktop,
        from,
        to,
        cause: 'operator',
        reason,
        parking,
        rttBeforeMs,
        rttAfterMs,
      });
      say(move, 'started');
    } catch (error) {
      // The loop may have begun one of its own meanwhile; the next request says which.
      if (!hasCode(error, 'MOVE_IN_PROGRESS')) throw error;
      say(move, 'waits', error.message);
    }
  }
}

/** What the loop knows now, as a review asks for it. */
function cloudNow(state: LoopState, nowMs: number): CloudNow {
  const found = new Map(state.desktops().map((d) => [d.report.definition.id, d]));
  const known = constrained(state);
  return {
    nowMs,
    desktop: (id: DesktopId) => {
      const known = found.get(id);
      if (known === undefined) return null;
      const { host, report } = known;
      return {
        host,
        state: report.state,
        needs: report.definition,
        rttMs: state.users.get(id)?.rtts ?? {},
        lockedUntilMs: state.lockedUntilMs.get(id) ?? null,
        goingTo: state.moves.get(id)?.to ?? null,
        leftAlone: leftAlone(state, id, host),
      };
    },
    host: (ref) => {
      if (state.peerOf(ref) === undefined) return null;
      const report = state.reports.get(hostKey(ref));
      const answers = report !== undefined && state.isAlive(ref);
      const room =
        report === undefined ? NO_ROOM : { capacity: report.capacity, used: usedOf(state, report) };
      return { answers, closed: closedNow(state, ref), ...room };
    },
    violated: (desktop, to, moved, heading) => violationBy(state, desktop, to, moved, heading, known),
    heldBack: (desktop, from, to) => {
      const still = whyStill(state, from);
      if (still !== null) return still;
      const hold = holdOn(state, { desktop, from, to }, nowMs);
      return hold === null ? null : sayHold(hold);
    },
  };
}

/** A window says for how long, and is said before the drain that it may have begun. */
function closedNow(state: LoopState, host: HostRef): HostNow['closed'] {
  const window = whyClosed(state, host);
  if (window !== null) return { why: 'maintenance', reason: `nobody is sent there now: ${window}` };
  const place = drainOf(state, host);
  if (place === undefined) return null;
  return {
    why: 'draining',
    reason: `${hostKey(host)} is being emptied: nobody is sent there until \`vmshadow undrain ${placeKey(place)}\``,
  };
}

/** Of a host that has never answered. */
const NO_ROOM = { capacity: NOTHING, used: NOTHING };
