// The input as arrays of numbers: what every algorithm works on. Indices replace names; nothing changes after compileProblem
// but `closed`, where a caller closes a pair of desktop and site that turned out not to fit any host.
import { REFERENCE_RTTS_MS } from '../../fingerprint/model.js';
import {
  CLOSED,
  groupsOf,
  mayReside,
  reasonToLeave,
  splitEmptied,
  suitsSomeHost,
  withOvercommit,
  type Group,
  type PlannedSite,
} from './constraints.js';
import { affinityUnits, type AffinityUnit } from './affinity.js';
import type { PlanDesktop, PlanInput, PlanPolicy, PlanReservation } from './model.js';
import { costGBOf } from './metrics.js';

export interface Problem {
  readonly desktopCount: number;
  readonly siteCount: number;
  readonly desktops: readonly PlanDesktop[];
  /** The file's sites; behind them, where some hosts of a site are being emptied, these as sites of their own. */
  readonly sites: readonly PlannedSite[];
  readonly policy: PlanPolicy;
  readonly reservations: readonly PlanReservation[];
  readonly siteIndex: ReadonlyMap<string, number>;
  readonly nowMs: number;
  /** desktop x site; Infinity: not available to this desktop. */
  readonly rttMs: Float64Array;
  /** desktop x site: the round trip that the session feels there; the same array as `rttMs` where no desktop has its own. */
  readonly feltMs: Float64Array;
  /** desktop x site; not 0: it cannot go there, and why (CLOSED). */
  readonly closed: Uint8Array;
  /** Site of each desktop now. */
  readonly current: Int32Array;
  readonly rank: Float64Array;
  /** Equation 2. */
  readonly costGB: Float64Array;
  /** Why a desktop may not move at all; undefined for one that may. */
  readonly pinned: readonly (string | undefined)[];
  /** True where a move to a farther site is not allowed yet (its rank fell less than T' ago). */
  readonly keepsItsRtt: Uint8Array;
  /** Why a desktop should leave its site whatever it gains; undefined for one that may stay. */
  readonly mustLeave: readonly (string | undefined)[];
  /** What such a leaving is worth in weights, ms, twice that for a rank of 1: more than any gains and prices of one desktop together. */
  readonly leavingPrize: number;
  /** Groups of which no two share a host or a site; undefined where a desktop has none. */
  readonly keptApart: readonly (readonly Group[] | undefined)[];
  /** Desktops that are together and stay so: they are pinned, and moved as one after the others. */
  readonly affinityUnits: readonly AffinityUnit[];
  /** Slots of each site that are left for the desktops that may move (those they hold now included). */
  readonly openSlots: Int32Array;
}

/** Ten years. */
const FOR_EVER_MS = 315_360_000_000;

function secondsLeft(ms: number): string {
  const s = Math.ceil(ms / 1000);
  return s < 120 ? `${s} s` : `${Math.ceil(s / 60)} min`;
}

function pinReason(d: PlanDesktop, nowMs: number, underWay: ReadonlyMap<string, string>): string | undefined {
  const target = underWay.get(d.id);
  if (target !== undefined) return `its move to ${target} is under way`;
  if (d.lockedUntilMs !== undefined && d.lockedUntilMs > nowMs)
    return d.lockedUntilMs - nowMs > FOR_EVER_MS
      ? 'locked without an end: it does not run (only a running desktop is moved live), or an operator keeps it where it is'
      : `locked for another ${secondsLeft(d.lockedUntilMs - nowMs)} (hysteresis after a move, an operator's lock, or round trips that its user's client has only begun to measure)`;
  if (d.pinned === true) return 'pinned: an operator keeps it where it is';
  if (!Object.hasOwn(d.rttMs, d.site))
    return `cannot be planned: no round-trip time to its own site ${d.site} is known`;
  return undefined;
}

/** Read desktop's felt round trip at a real one, milliseconds; linear between the reference points and beyond the last. */
export function feltAt(d: Pick<PlanDesktop, 'feltRttMs'> | undefined, rttMs: number): number {
  const felt = d?.feltRttMs;
  if (felt === undefined || rttMs === Infinity) return rttMs;
  const above = REFERENCE_RTTS_MS.findIndex((at) => at >= rttMs);
  if (above === 0) return felt[0] as number;
  const hi = above === -1 ? felt.length - 1 : above;
  const [x0, x1] = [REFERENCE_RTTS_MS[hi - 1] as number, REFERENCE_RTTS_MS[hi] as number];
  const [y0, y1] = [felt[hi - 1] as number, felt[hi] as number];
  return y0 + ((y1 - y0) * (rttMs - x0)) / (x1 - x0);
}

function feltMatrix(desktops: readonly PlanDesktop[], rttMs: Float64Array, siteCount: number): Float64Array {
  if (desktops.every((d) => d.feltRttMs === undefined)) return rttMs;
  return rttMs.map((ms, k) => feltAt(desktops[Math.floor(k / siteCount)], ms));
}

/** Write into `row` why desktop `d`, now at site `at`, cannot go to each site. `blocked`: sites that nobody comes to from outside. */
function closeFor(
  d: PlanDesktop,
  at: number,
  sites: readonly PlannedSite[],
  blocked: readonly boolean[],
  row: Uint8Array,
): void {
  const home = sites[at]?.emptiedPartOf;
  const free =
    d.allowedSites === undefined &&
    d.forbiddenSites === undefined &&
    d.requires === undefined &&
    d.unfitHosts === undefined;
  for (let j = 0; j < row.length; j++) {
    if (j === at) continue;
    if (blocked[j] === true && j !== home) row[j] = CLOSED.emptied;
    if (free) continue;
    const site = sites[j] as PlannedSite;
    if (!mayReside(d, site.id)) row[j] = CLOSED.residency;
    else if (row[j] === CLOSED.open && !suitsSomeHost(d, site)) row[j] = CLOSED.unsuited;
  }
}

/** Turn a checked input into arrays; `nowMs` is the time for locks and hysteresis. `thinOut`: sites above their slots give up what is too much. */
export function compileProblem(input: PlanInput, nowMs: number, thinOut = false): Problem {
  const { policy, reservations, desktops } = input;
  const sites = splitEmptied(withOvercommit(input.sites, policy), desktops);
  const n = desktops.length;
  const l = sites.length;
  const siteIndex = new Map(input.sites.map((s, j) => [s.id, j]));
  const underWay = new Map(reservations.map((r) => [r.desktop, r.site]));
  const current = Int32Array.from(desktops, (d) => seatOf(d, sites, siteIndex));
  const rttMs = new Float64Array(n * l).fill(Infinity);
  const keepsItsRtt = new Uint8Array(n);
  const closed = new Uint8Array(n * l);
  const pinned = desktops.map((d) => pinReason(d, nowMs, underWay));
  const mustLeave = desktops.map((d, i) => reasonToLeave(d, sites[current[i] as number] as PlannedSite));
  const there = new Int32Array(l);
  for (const at of current) there[at] = (there[at] as number) + 1;
  for (const r of reservations) {
    const at = siteIndex.get(r.site) ?? 0;
    there[at] = (there[at] as number) + 1;
  }
  const surplus = Int32Array.from(sites, (s, j) => Math.max(0, (there[j] as number) - s.slots));
  // Beside a part that is emptied a site is kept for those who come out of it: its slots are of both.
  const hasEmptiedPart = new Set(sites.flatMap((s) => s.emptiedPartOf ?? []));
  const blocked = sites.map(
    (s, j) => s.draining === true || (surplus[j] as number) > 0 || hasEmptiedPart.has(j),
  );
  desktops.forEach((d, i) => {
    const at = current[i] as number;
    for (const [id, ms] of Object.entries(d.rttMs)) {
      const j = siteIndex.get(id);
      if (j !== undefined) rttMs[i * l + j] = ms;
    }
    const home = sites[at]?.emptiedPartOf;
    if (home !== undefined) rttMs[i * l + at] = rttMs[i * l + home] as number;
    if (
      d.rank < policy.lowThreshold &&
      d.lowSinceMs !== undefined &&
      d.reclaimable !== true &&
      nowMs - d.lowSinceMs < policy.evictionHysteresisMs
    )
      keepsItsRtt[i] = 1;
    closeFor(d, at, sites, blocked, closed.subarray(i * l, (i + 1) * l));
  });
  const feltMs = feltMatrix(desktops, rttMs, l);
  const draft = {
    desktopCount: n,
    siteCount: l,
    desktops,
    sites,
    policy,
    reservations,
    siteIndex,
    nowMs,
    rttMs,
    feltMs,
    closed,
    current,
    rank: Float64Array.from(desktops, (d) => d.rank),
    costGB: Float64Array.from(desktops, (d) => costGBOf(d, policy.linkMbps)),
    pinned,
    mustLeave,
    leavingPrize: 0,
    keptApart: desktops.map((d) => {
      const groups = groupsOf(d.antiAffinity);
      return groups.length === 0 ? undefined : groups;
    }),
    affinityUnits: [] as AffinityUnit[],
    keepsItsRtt,
    openSlots: new Int32Array(l),
  };
  if (thinOut) chooseSurplus(draft, surplus);
  draft.leavingPrize = leavingPrizeOf(draft);
  draft.affinityUnits = affinityUnits(draft);
  for (const unit of draft.affinityUnits)
    for (const i of unit.members) pinned[i] ??= `it moves only together with its group ${unit.group.name}`;
  const openSlots = draft.openSlots;
  const movable = new Int32Array(l);
  sites.forEach((s, j) => (openSlots[j] = s.slots));
  for (let i = 0; i < n; i++) {
    const at = current[i] as number;
    if (pinned[i] === undefined) movable[at] = (movable[at] as number) + 1;
    else openSlots[at] = (openSlots[at] as number) - 1;
  }
  for (const r of reservations) {
    const at = siteIndex.get(r.site) ?? 0;
    openSlots[at] = (openSlots[at] as number) - 1;
  }
  // A site that holds more than its slots keeps what finds no better place; the waves let nobody in.
  for (let j = 0; j < l; j++) openSlots[j] = Math.max(openSlots[j] as number, movable[j] as number);
  return draft;
}

/** Index of the site that a desktop is at: the part of it that is emptied where its host is. */
function seatOf(
  d: PlanDesktop,
  sites: readonly PlannedSite[],
  siteIndex: ReadonlyMap<string, number>,
): number {
  const at = siteIndex.get(d.site) ?? 0;
  if (d.host === undefined) return at;
  const part = sites.findIndex((s) => s.emptiedPartOf === at && s.hosts?.some((h) => h.id === d.host));
  return part < 0 ? at : part;
}

type Draft = Omit<Problem, 'mustLeave'> & { mustLeave: (string | undefined)[] };

/** Where sites hold more than their slots: let so many leave as is too much, those that gain most by it or lose least. */
function chooseSurplus(p: Draft, surplus: Int32Array): void {
  const best = (i: number): number => {
    let most = -Infinity;
    for (let j = 0; j < p.siteCount; j++)
      if (j !== p.current[i] && canGo(p, i, j)) most = Math.max(most, gainOf(p, i, j));
    return most;
  };
  surplus.forEach((over, j) => {
    if (over === 0 || p.sites[j]?.draining === true) return;
    const choice = p.desktops
      .flatMap((_, i) => (p.current[i] === j && p.pinned[i] === undefined ? [{ i, gain: best(i) }] : []))
      .filter((c) => c.gain > -Infinity)
      .sort((a, b) => b.gain - a.gain || a.i - b.i);
    const site = p.sites[j] as PlannedSite;
    for (const { i } of choice.slice(0, over))
      p.mustLeave[i] ??= `${site.id} holds ${over} more than its ${site.slots} slots`;
  });
}

/** More than gains and prices of any one desktop, so that no gain keeps one where it should not be. */
function leavingPrizeOf(p: Problem): number {
  if (p.mustLeave.every((why) => why === undefined)) return 0;
  let most = 1;
  for (let i = 0; i < p.desktopCount; i++) {
    let least = Infinity;
    let largest = 0;
    for (let j = 0; j < p.siteCount; j++) {
      const felt = feltOf(p, i, j);
      if (felt === Infinity) continue;
      least = Math.min(least, felt);
      largest = Math.max(largest, felt);
    }
    const toll = p.policy.msPerGB * (p.costGB[i] as number) + p.policy.minGainMs;
    most = Math.max(most, (p.rank[i] as number) * Math.max(0, largest - least) + toll);
  }
  return 16 * most;
}

/** RTT of desktop `i` at site `j`, ms; Infinity where it is not available. */
export function rttOf(p: Problem, i: number, j: number): number {
  return p.rttMs[i * p.siteCount + j] ?? Infinity;
}

/** RTT that the session of desktop `i` feels at site `j`, ms; Infinity where it is not available. */
export function feltOf(p: Problem, i: number, j: number): number {
  return p.feltMs[i * p.siteCount + j] ?? Infinity;
}

/** rank x (felt RTT at `from` - felt RTT at `to`), ms: what such a move adds to the objective. */
export function gainBetween(p: Problem, i: number, from: number, to: number): number {
  return from === to ? 0 : (p.rank[i] ?? 0) * (feltOf(p, i, from) - feltOf(p, i, to));
}

/** What the objective gains when desktop `i` goes from where it is to site `j`, ms. */
export function gainOf(p: Problem, i: number, j: number): number {
  return gainBetween(p, i, p.current[i] ?? 0, j);
}

/** What it is worth that desktop `i` is not where it should leave, ms; 0 for one that may stay. */
export function prizeOf(p: Problem, i: number, from: number, to: number): number {
  if (p.mustLeave[i] === undefined || from === to) return 0;
  // Where not all can leave, those of higher rank do.
  const prize = p.leavingPrize * (1 + (p.rank[i] as number));
  return to === p.current[i] ? -prize : from === p.current[i] ? prize : 0;
}

/** `gainOf` and the prize for leaving where it should not stay: what the solvers weigh. */
export function worthOf(p: Problem, i: number, j: number): number {
  return gainOf(p, i, j) + prizeOf(p, i, p.current[i] ?? 0, j);
}

/** Order: who should leave where it is before the others, by rank; 0 where neither should. */
export function leavesFirst(p: Problem, a: number, b: number): number {
  const [one, other] = [p.mustLeave[a] !== undefined, p.mustLeave[b] !== undefined];
  if (one !== other) return one ? -1 : 1;
  return one ? (p.rank[b] as number) - (p.rank[a] as number) : 0;
}

/** Tell whether the pair is open and known, pinned or not. */
function canGo(p: Problem, i: number, j: number): boolean {
  if (j === p.current[i]) return true;
  if (p.closed[i * p.siteCount + j] !== CLOSED.open) return false;
  const then = rttOf(p, i, j);
  return (
    then !== Infinity &&
    !(p.keepsItsRtt[i] === 1 && p.mustLeave[i] === undefined && then > rttOf(p, i, p.current[i] ?? 0))
  );
}

/** Tell whether desktop `i` may be sent to site `j` at all. */
export function mayGo(p: Problem, i: number, j: number): boolean {
  return j === p.current[i] || (p.pinned[i] === undefined && canGo(p, i, j));
}

/** The objective of an assignment of sites: sum of gains (and of prizes for leaving), ms. */
export function objectiveOf(p: Problem, assignment: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < p.desktopCount; i++) sum += worthOf(p, i, assignment[i] ?? 0);
  return sum;
}

/** Prizes for leaving within an assignment, ms: what its objective holds beside gains. */
export function prizesOf(p: Problem, assignment: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < p.desktopCount; i++)
    sum += prizeOf(p, i, p.current[i] as number, assignment[i] as number);
  return sum;
}
