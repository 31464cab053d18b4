// When some moves of a plan turned out not to be possible (no host has room in any order), desktops that stayed may still gain
// at another site: shifts into the room that is left once the plan is done. Whoever has moved is not moved again.
import { leavesFirst, mayGo, worthOf, type Problem } from '../request/problem.js';
import type { Room } from './free-room.js';
import type { ParkingTerms, Schedule, Step } from './waves.js';

export interface SecondChoiceTerms extends ParkingTerms {
  readonly msPerMove: number;
  /** Only those that should leave where they are get a second choice. */
  readonly onlyLeaving: boolean;
}

/**
 * Add waves of single shifts to a schedule; `room` is as the schedule leaves it, and is used up. In the assignment that comes back
 * whoever got no second choice keeps `target`'s, so that it can be told what it could not have.
 */
export function addSecondChoices(
  p: Problem,
  room: Room,
  schedule: Schedule,
  target: Int32Array,
  terms: SecondChoiceTerms,
): { schedule: Schedule; assignment: Int32Array } {
  const steps: Step[] = [...schedule.steps];
  const moved = new Set(steps.map((s) => s.desktop));
  const assignment = Int32Array.from(target);
  const dropped = new Map(schedule.dropped);
  let wave = steps.reduce((last, s) => Math.max(last, s.wave), 0);
  let { gbLeft, movesLeft } = terms;
  const best = (i: number): { to: number; gain: number } => {
    const toll = terms.msPerGB * (p.costGB[i] as number) + terms.msPerMove;
    let choice = { to: -1, gain: 1e-6 };
    for (let j = 0; j < p.siteCount; j++) {
      const gain = worthOf(p, i, j) - toll;
      if (j !== p.current[i] && gain > choice.gain && mayGo(p, i, j) && room.binFor(i, j) >= 0)
        choice = { to: j, gain };
    }
    return choice;
  };
  for (let again = true; again;) {
    again = false;
    wave++;
    const ready = p.desktops
      .flatMap((_, i) =>
        moved.has(i) || p.pinned[i] !== undefined || (terms.onlyLeaving && p.mustLeave[i] === undefined)
          ? []
          : [{ i, gain: best(i).gain }],
      )
      .filter((c) => c.gain > 1e-6)
      .sort((a, b) => leavesFirst(p, a.i, b.i) || b.gain - a.gain || a.i - b.i);
    const wavesSteps: Step[] = [];
    for (const { i } of ready) {
      const { to } = best(i);
      const gb = p.costGB[i] as number;
      if (to < 0 || gb > gbLeft + 1e-9 || movesLeft < 1) continue;
      const from = p.current[i] as number;
      const [fromBin, toBin] = [room.binOf(i), room.binFor(i, to)];
      room.put(i, toBin);
      wavesSteps.push({ desktop: i, from, to, fromBin, toBin, wave, parking: false });
      gbLeft -= gb;
      movesLeft -= 1;
      moved.add(i);
      assignment[i] = to;
      dropped.delete(i);
      again = true;
    }
    for (const s of wavesSteps) room.leave(s.desktop, s.fromBin, s.from);
    steps.push(...wavesSteps);
  }
  return { schedule: { steps, dropped }, assignment };
}
