// Says in plain words why a desktop moves and why another one does not. Figures are ms of RTT weighted by rank unless named.
import { feltOf, gainBetween, gainOf, mayGo, rttOf, type Problem } from './request/problem.js';
import { CLOSED } from './request/constraints.js';
import type { Room } from './schedule/free-room.js';
import { count, figure } from './request/figures-in-words.js';
import type { DropReason, Step } from './schedule/waves.js';

export interface Explained {
  readonly slotPrices: Float64Array;
  readonly msPerGB: number;
  readonly msPerMove: number;
  /** Evicted desktop -> the one that it makes room for (the paper's heuristics). */
  readonly evictedFor: ReadonlyMap<number, number>;
  readonly whyNot: ReadonlyMap<number, string>;
  readonly dropped: ReadonlyMap<number, DropReason>;
  /** The room once the plan is carried out. */
  readonly roomThen: Room;
  /** What the plan leaves of its budget; Infinity without one. */
  readonly gbLeft: number;
  readonly movesLeft: number;
  /** True where the algorithm weighs every desktop (exact, ilp, multi-resource), false where only candidates count. */
  readonly everyDesktop: boolean;
}

/** Gains that pay by less, ms, are even: solvers round, and sentences do. */
const WORTH_SAYING = 0.01;

const siteName = (p: Problem, j: number) => p.sites[j]?.id ?? '';
const desktopName = (p: Problem, i: number) => p.desktops[i]?.id ?? '';

/** Why this step of the plan is made. */
export function reasonForStep(p: Problem, step: Step, target: number, x: Explained): string {
  const { desktop: i, from, to } = step;
  const before = rttOf(p, i, from);
  const after = rttOf(p, i, to);
  if (step.parking)
    return `parked: ${siteName(p, from)} and the sites it exchanges with are full, its slot is needed to turn the exchange; it goes on to ${siteName(p, target)}`;
  const madeRoomFor = x.evictedFor.get(i);
  if (madeRoomFor !== undefined)
    return `evicted to the global site ${siteName(p, to)}: makes room at ${siteName(p, from)} for ${desktopName(p, madeRoomFor)}; its rank ${figure(p.rank[i] as number)} may give way`;
  const gain = gainBetween(p, i, from, to);
  const leaves = from === p.current[i] ? p.mustLeave[i] : undefined;
  if (leaves !== undefined) return `${leaves}: ${whatItMeans(p, i, from, to)}`;
  const unit = p.affinityUnits.find((u) => u.members.includes(i));
  if (unit !== undefined) return `goes with its group ${unit.group.name}: ${whatItMeans(p, i, from, to)}`;
  if (gain <= 0 && x.everyDesktop)
    return `gives up its slot at ${siteName(p, from)}, worth ${figure(x.slotPrices[from] ?? 0)} to others, and loses ${figure(-gain)} itself (${figure(before)} -> ${figure(after)} ms)`;
  const price = x.slotPrices[to] ?? 0;
  const worth = price > 0 ? `, a slot there is worth ${figure(price)}` : '';
  const felt =
    p.desktops[i]?.feltRttMs === undefined
      ? ''
      : `, felt as ${figure(feltOf(p, i, from))} -> ${figure(feltOf(p, i, to))}`;
  return `${siteName(p, to)} is ${figure(before - after)} ms nearer to its user (${figure(before)} -> ${figure(after)} ms${felt}): gain ${figure(gain)}${worth}`;
}

/** Where it goes and what that does to its round trip. */
function whatItMeans(p: Problem, i: number, from: number, to: number): string {
  const before = rttOf(p, i, from);
  const after = rttOf(p, i, to);
  if (siteName(p, from) === siteName(p, to)) return `another host of ${siteName(p, to)} has room for it`;
  const change =
    after < before
      ? `${figure(before - after)} ms nearer to its user`
      : after > before
        ? `${figure(after - before)} ms farther from its user`
        : 'as near to its user';
  return `${siteName(p, to)} is ${change} (${figure(before)} -> ${figure(after)} ms) and has room`;
}

/** Why nobody moves a desktop out of where it should not stay. */
function whyItCannotLeave(p: Problem, i: number): string {
  const own = p.current[i] as number;
  const counts = new Map<number, string[]>();
  p.sites.forEach((site, j) => {
    if (j === own || site.emptiedPartOf !== undefined) return;
    const why = p.closed[i * p.siteCount + j] as number;
    const key = why === CLOSED.open && rttOf(p, i, j) === Infinity ? -1 : why;
    counts.set(key, [...(counts.get(key) ?? []), site.id]);
  });
  const parts = [...counts].map(([why, sites]) => `${shortList(sites)}: ${closedText[why] ?? ''}`);
  return parts.length === 0 ? 'there is no other site' : parts.join('; ');
}

const closedText: Readonly<Record<number, string>> = {
  [-1]: 'no round-trip time known',
  [CLOSED.open]: 'no room for it',
  [CLOSED.noHost]: 'no host with room for it',
  [CLOSED.residency]: 'not among the sites that it may be at',
  [CLOSED.emptied]: 'to be emptied, or above its slots: nobody is sent there',
  [CLOSED.unsuited]: 'no host there suits it (its classes, or hosts that cannot take it)',
  [CLOSED.apart]: 'its group is elsewhere',
};

const shortList = (names: readonly string[]) =>
  names.length <= 5 ? names.join(', ') : `${names.slice(0, 5).join(', ')} and ${names.length - 5} more`;

const dropText: Record<DropReason, (from: string, to: string) => string> = {
  'no-host-fits': (_, to) => `no host of ${to} has room for it, though ${to} has a free slot`,
  'no-slot-to-turn': (from, to) =>
    `${from} and ${to} would exchange desktops (or are in a circle that would), but no site that could take one of them meanwhile has room`,
  'parking-not-worth': (from, to) =>
    `${from} and ${to} are full: the exchange needs one parking move, which costs more than it gains or is beyond the budget`,
  blocked: (_, to) => `${to} is full until another move is made that cannot be made`,
};

/** The site where desktop `i` gains most, its own if none is better. Of equal ones the nearest. */
function bestSite(p: Problem, i: number): number {
  let best = p.current[i] as number;
  for (let j = 0; j < p.siteCount; j++) {
    if (!mayGo(p, i, j)) continue;
    const better = feltOf(p, i, best) - feltOf(p, i, j);
    if (better > 0 || (better === 0 && best !== p.current[i] && rttOf(p, i, j) < rttOf(p, i, best))) best = j;
  }
  return best;
}

/** Why desktop `i` stays where it is; `wanted` is the site that the algorithm had chosen for it. */
export function reasonToStay(p: Problem, i: number, wanted: number, x: Explained): string {
  const pinned = p.pinned[i];
  const leaves = p.mustLeave[i];
  if (pinned !== undefined) return leaves === undefined ? pinned : `${leaves}, but it stays: ${pinned}`;
  if (leaves !== undefined) return `${leaves}, but it finds no place: ${whyItCannotLeave(p, i)}`;
  const own = p.current[i] as number;
  const drop = x.dropped.get(i);
  if (drop === 'no-host-fits' && p.keptApart[i] !== undefined)
    return `no host of ${siteName(p, wanted)} has room for it and no other of its group`;
  if (drop !== undefined) return dropText[drop](siteName(p, own), siteName(p, wanted));
  const best = bestSite(p, i);
  if (best === own) {
    const nearer = (closed: (why: number) => boolean) =>
      p.sites.flatMap((site, j) =>
        closed(p.closed[i * p.siteCount + j] as number) && rttOf(p, i, j) < rttOf(p, i, own) ? [site.id] : [],
      );
    const small = nearer((why) => why === CLOSED.noHost);
    if (small.length > 0)
      return p.keptApart[i] === undefined
        ? `${small.join(', ')} would be nearer, but no host there has room for it`
        : `${small.join(', ')} would be nearer, but no host there has room for it and no other of its group`;
    for (const why of [CLOSED.residency, CLOSED.emptied, CLOSED.unsuited, CLOSED.apart]) {
      const sites = nearer((closed) => closed === why);
      if (sites.length > 0) return `${shortList(sites)} would be nearer, but: ${closedText[why] ?? ''}`;
    }
    const vain = p.sites.flatMap((site, j) =>
      mayGo(p, i, j) && rttOf(p, i, j) < rttOf(p, i, own) ? [site.id] : [],
    );
    if (vain.length > 0)
      return `${vain.join(', ')} would be nearer, but its session runs as well at the distance of ${siteName(p, own)} (${figure(rttOf(p, i, own))} ms)`;
    const missing = p.siteIndex.size - Object.keys(p.desktops[i]?.rttMs ?? {}).length;
    const unknown =
      missing > 0 ? ` (${count(missing, 'site')} without a known round-trip time not counted)` : '';
    return `already at the nearest of its sites${unknown}`;
  }
  if (x.roomThen.binFor(i, best) < 0 && x.roomThen.binsOf(best).some((b) => x.roomThen.meets(i, best, b) > 0))
    return `${siteName(p, best)} would be nearer, but no host there has room for it and no other of its group`;
  const why = x.whyNot.get(i);
  if (why !== undefined) return why;
  const rank = p.rank[i] as number;
  if (!x.everyDesktop && rank <= p.policy.highThreshold)
    return `not a candidate: its rank ${figure(rank)} is not above T_h ${figure(p.policy.highThreshold)}`;
  const gain = gainOf(p, i, best);
  if (gain === 0) return 'it has nothing to gain: its rank is 0';
  const price = x.slotPrices[best] ?? 0;
  const ownPrice = x.slotPrices[own] ?? 0;
  const toll = x.msPerGB * (p.costGB[i] as number);
  const costs = [
    ...(toll > 0
      ? [
          `${figure(p.costGB[i] as number)} GB at ${x.msPerGB > p.policy.msPerGB ? "the budget's " : ''}${figure(x.msPerGB)} ms/GB cost ${figure(toll)}`,
        ]
      : []),
    ...(x.msPerMove > 0
      ? [
          `${x.msPerMove > p.policy.minGainMs ? 'within the budget ' : ''}a move must gain ${figure(x.msPerMove)}`,
        ]
      : []),
  ];
  const gives = ownPrice > 0 ? ` (and its own slot at ${siteName(p, own)} ${figure(ownPrice)})` : '';
  const slot = price > 0 ? `a slot in ${siteName(p, best)} is worth ${figure(price)}${gives}, ` : '';
  const all = costs.length > 0 ? `${costs.join(' and ')}, ` : '';
  const { budgetGB = Infinity, maxMoves = Infinity } = p.policy;
  const gb = p.costGB[i] as number;
  if (maxMoves === 0) return `this desktop's gain is ${figure(gain)}, but the budget allows no move`;
  if (gb > budgetGB)
    return `this desktop's gain is ${figure(gain)}, but it needs ${figure(gb)} GB and the budget is ${figure(budgetGB)} GB`;
  const budget = [
    ...(budgetGB === Infinity ? [] : [`${figure(budgetGB)} GB`]),
    ...(maxMoves === Infinity ? [] : [count(maxMoves, 'move')]),
  ].join(' and ');
  const spent =
    gb > x.gbLeft || x.movesLeft < 1 ? `; what is left of the budget of ${budget} is not enough for it` : '';
  const lacks = spent === '' && x.everyDesktop && gain > price - ownPrice + toll + x.msPerMove + WORTH_SAYING;
  const hosts =
    x.roomThen.binFor(i, best) < 0
      ? 'no host there has room left for it'
      : 'the plan, within its gap, missed it';
  return `${slot}${all}this desktop's gain is ${figure(gain)}${lacks ? `, but ${hosts}` : ''}${spent}`;
}
