// Units of desktops that stay together are moved when everybody else has been: into the room that is left, all of a unit in one wave or
// none of it.
import { CLOSED } from '../request/constraints.js';
import type { AffinityUnit } from '../request/affinity.js';
import { rttOf, worthOf, type Problem } from '../request/problem.js';
import type { Room } from './free-room.js';
import type { Schedule, Step } from './waves.js';
import type { SecondChoiceTerms } from './second-choice.js';

/** Tell whether every member of a unit may be at site `j`. A member that is kept for another reason keeps them all. */
function unitMayGo(p: Problem, unit: AffinityUnit, j: number): boolean {
  return unit.members.every(
    (i) =>
      j === p.current[i] ||
      ((p.pinned[i] ?? '').startsWith('it moves only together') &&
        p.closed[i * p.siteCount + j] === CLOSED.open &&
        rttOf(p, i, j) !== Infinity),
  );
}

const sumOf = (unit: AffinityUnit, f: (i: number) => number) =>
  unit.members.reduce((sum, i) => sum + f(i), 0);

/** The most that all units together could gain, room aside, ms: what a bound that took them for pinned lacks. */
export function mostOfUnits(p: Problem): number {
  let sum = 0;
  for (const unit of p.affinityUnits) {
    let most = 0;
    for (let j = 0; j < p.siteCount; j++)
      if (unitMayGo(p, unit, j))
        most = Math.max(
          most,
          sumOf(unit, (i) => worthOf(p, i, j)),
        );
    sum += most;
  }
  return sum;
}

/** Bins for all members at site `j`, put there; undefined (and nothing changed) where they do not fit. */
function putAll(p: Problem, room: Room, unit: AffinityUnit, j: number): Step[] | undefined {
  const steps: Step[] = [];
  let together: number | undefined;
  const movers = unit.members.filter((i) => p.current[i] !== j);
  movers.sort((a, b) => (p.desktops[b]?.memoryGB ?? 0) - (p.desktops[a]?.memoryGB ?? 0) || a - b);
  const stayer = unit.members.find((i) => p.current[i] === j);
  if (unit.group.per === 'host' && stayer !== undefined) together = room.binOf(stayer);
  const bins = unit.group.per === 'host' && together === undefined ? room.binsOf(j) : [together];
  for (const wanted of bins) {
    for (const i of movers) {
      const toBin = wanted === undefined ? room.binFor(i, j) : room.fitsIn(i, wanted) ? wanted : -1;
      if (toBin < 0) break;
      const fromBin = room.binOf(i);
      room.put(i, toBin);
      steps.push({
        desktop: i,
        from: p.current[i] as number,
        to: j,
        fromBin,
        toBin,
        wave: 0,
        parking: false,
      });
    }
    if (steps.length === movers.length) return steps;
    for (const s of steps.splice(0)) room.takeBack(s.desktop, s.toBin, s.fromBin);
  }
  return undefined;
}

/** Add waves of whole units to a schedule; `room` is as the schedule leaves it, and is used up. */
export function addUnits(p: Problem, room: Room, schedule: Schedule, terms: SecondChoiceTerms): Schedule {
  const steps = [...schedule.steps];
  let { gbLeft, movesLeft } = terms;
  let wave = steps.reduce((last, s) => Math.max(last, s.wave), 0);
  const tollOf = (i: number) => terms.msPerGB * (p.costGB[i] as number) + terms.msPerMove;
  const choices = p.affinityUnits.flatMap((unit) =>
    p.sites.flatMap((_, j) => {
      if (unit.members.every((i) => p.current[i] === j) || !unitMayGo(p, unit, j)) return [];
      const gain = sumOf(unit, (i) => worthOf(p, i, j) - (p.current[i] === j ? 0 : tollOf(i)));
      return gain > 1e-6 ? [{ unit, j, gain }] : [];
    }),
  );
  choices.sort((a, b) => b.gain - a.gain);
  const done = new Set<AffinityUnit>();
  for (const { unit, j } of choices) {
    const movers = unit.members.filter((i) => p.current[i] !== j);
    const gb = movers.reduce((sum, i) => sum + (p.costGB[i] as number), 0);
    if (done.has(unit) || gb > gbLeft + 1e-9 || movers.length > movesLeft) continue;
    const put = putAll(p, room, unit, j);
    if (put === undefined) continue;
    wave++;
    for (const s of put) {
      steps.push({ ...s, wave });
      room.leave(s.desktop, s.fromBin, s.from);
    }
    done.add(unit);
    gbLeft -= gb;
    movesLeft -= movers.length;
  }
  return { steps, dropped: schedule.dropped };
}
