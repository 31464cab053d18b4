// The input as arrays of numbers: what every algorithm works on. Indices replace names; nothing changes after compileProblem
// but `closed`, where a caller closes a pair of desktop and site that turned out not to fit any host.
import { REFERENCE_RTTS_MS } from '../../fingerprint/model.js';
import type { PlanDesktop, PlanInput, PlanPolicy, PlanSite, PlanReservation } from './model.js';
import { costGBOf } from './metrics.js';

export interface Problem {
  readonly desktopCount: number;
  readonly siteCount: number;
  readonly desktops: readonly PlanDesktop[];
  readonly sites: readonly PlanSite[];
  readonly policy: PlanPolicy;
  readonly reservations: readonly PlanReservation[];
  readonly siteIndex: ReadonlyMap<string, number>;
  readonly nowMs: number;
  /** desktop x site; Infinity: not available to this desktop. */
  readonly rttMs: Float64Array;
  /** desktop x site: the round trip that the session feels there; the same array as `rttMs` where no desktop has its own. */
  readonly feltMs: Float64Array;
  /** desktop x site; 1: no host there can take the desktop. */
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
      : `locked for another ${secondsLeft(d.lockedUntilMs - nowMs)} (hysteresis after a move, or an operator's lock)`;
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

/** Turn a checked input into arrays; `nowMs` is the time for locks and hysteresis. */
export function compileProblem(input: PlanInput, nowMs: number): Problem {
  const { sites, desktops, policy, reservations } = input;
  const n = desktops.length;
  const l = sites.length;
  const siteIndex = new Map(sites.map((s, j) => [s.id, j]));
  const underWay = new Map(reservations.map((r) => [r.desktop, r.site]));
  const rttMs = new Float64Array(n * l).fill(Infinity);
  const current = new Int32Array(n);
  const keepsItsRtt = new Uint8Array(n);
  const openSlots = Int32Array.from(sites, (s) => s.slots);
  const take = (site: number) => (openSlots[site] = (openSlots[site] ?? 0) - 1);
  const pinned: (string | undefined)[] = [];
  desktops.forEach((d, i) => {
    const at = siteIndex.get(d.site) ?? 0;
    current[i] = at;
    for (const [id, ms] of Object.entries(d.rttMs)) {
      const j = siteIndex.get(id);
      if (j !== undefined) rttMs[i * l + j] = ms;
    }
    const reason = pinReason(d, nowMs, underWay);
    pinned.push(reason);
    if (reason !== undefined) take(at);
    if (
      d.rank < policy.lowThreshold &&
      d.lowSinceMs !== undefined &&
      d.reclaimable !== true &&
      nowMs - d.lowSinceMs < policy.evictionHysteresisMs
    )
      keepsItsRtt[i] = 1;
  });
  for (const r of reservations) take(siteIndex.get(r.site) ?? 0);
  // A site that holds more than its slots (tolerant callers only) keeps what it has; the waves let nobody in.
  const movable = new Int32Array(l);
  for (let i = 0; i < n; i++)
    if (pinned[i] === undefined)
      movable[current[i] as number] = (movable[current[i] as number] as number) + 1;
  for (let j = 0; j < l; j++) openSlots[j] = Math.max(openSlots[j] as number, movable[j] as number);
  return {
    desktopCount: n,
    siteCount: l,
    desktops,
    sites,
    policy,
    reservations,
    siteIndex,
    nowMs,
    rttMs,
    feltMs: feltMatrix(desktops, rttMs, l),
    closed: new Uint8Array(n * l),
    current,
    rank: Float64Array.from(desktops, (d) => d.rank),
    costGB: Float64Array.from(desktops, (d) => costGBOf(d, policy.linkMbps)),
    pinned,
    keepsItsRtt,
    openSlots,
  };
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

/** Tell whether desktop `i` may be sent to site `j` at all. */
export function mayGo(p: Problem, i: number, j: number): boolean {
  if (j === p.current[i]) return true;
  if (p.pinned[i] !== undefined || p.closed[i * p.siteCount + j] === 1) return false;
  const then = rttOf(p, i, j);
  return then !== Infinity && !(p.keepsItsRtt[i] === 1 && then > rttOf(p, i, p.current[i] ?? 0));
}

/** The objective of an assignment of sites: sum of gains, ms. */
export function objectiveOf(p: Problem, assignment: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < p.desktopCount; i++) sum += gainOf(p, i, assignment[i] ?? 0);
  return sum;
}
