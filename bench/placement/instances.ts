// Clouds for the benchmarks, from a seed: users with RTTs to every site, three global sites with half of the slots, a random start,
// ranks and sizes of a mixed population. Settings of the thresholds: `mixed`, the policy's defaults, under which 35 % of the
// desktops are candidates; `all-candidates`, the paper's stress test ("a very large number of migration candidates"): T_h = 0, so
// every desktop is one, and T_l = 0, since the paper's T_l is below T_h: nothing is evicted. `all-candidates-evicting` has T_l = 0.3,
// so that the lowest ranks are candidates and may be evicted too, whichever comes first: to see what that choice matters.
import type { PlanDesktop, PlanSite } from '../../domain/placement/request/model.js';
import { PlanPolicy } from '../../domain/placement/request/model.js';
import { costGBOf } from '../../domain/placement/request/metrics.js';
import type { Problem } from '../../domain/placement/request/problem.js';
import { randomFrom } from '../../lab/random.js';
import { roundTrips, type RoundTrips } from './round-trips.js';
import { seatInSlots, seatOnHosts, sharesOf, sizesOf } from './seats.js';

const POPULATIONS = {
  mixed: {},
  'all-candidates': { highThreshold: 0, lowThreshold: 0 },
  'all-candidates-evicting': { highThreshold: 0, lowThreshold: 0.3 },
} as const;
export type Population = keyof typeof POPULATIONS;

export interface BenchShape {
  readonly desktops: number;
  readonly sites: number;
  /** Free slots as a share of the desktops. */
  readonly slack: number;
  readonly seed: number;
  readonly rtts: 'real' | 'synthetic';
  /** `mixed` where silent; the cloud is the same in both, only the heuristics' thresholds differ. */
  readonly population?: Population;
  /** A desktop sees its k nearest sites, its own and the global ones, as the loop measures them; all where silent. */
  readonly nearest?: number;
  /** Give sites hosts with vCPU, memory and disk (and desktops of five flavours); slots then do not bind. */
  readonly resources?: boolean;
}

/** Build a problem directly (the benchmarks time the algorithms, not the parsing of files). */
export function benchProblem(shape: BenchShape): Problem {
  const { desktops: n, sites: l, slack, seed, resources = false, population = 'mixed' } = shape;
  const random = randomFrom(seed * 7919 + n * 31 + l);
  const trips = roundTrips(shape, random);
  const shares = sharesOf(l, random);
  const sizes = sizesOf(n, resources, random);
  const total = Math.ceil(n * (1 + slack));
  const slots = shares.map((s) => Math.floor(s * total));
  for (let left = total - slots.reduce((a, b) => a + b, 0); left > 0; left--)
    slots[Math.floor(random() * l)]!++;
  const policy = PlanPolicy.parse(POPULATIONS[population]);
  const seats = resources ? seatOnHosts(shares, sizes, slack, random) : seatInSlots(slots, n, random);
  const sites: PlanSite[] = slots.map((s, j) => ({
    id: `s${j}`,
    kind: j < 3 && j < l - 1 ? 'global' : 'regional',
    slots: resources ? n : s,
    ...(seats.hosts === undefined ? {} : { hosts: seats.hosts[j]! }),
  }));
  const desktops = sizes.map((size, i): PlanDesktop => {
    const a = random();
    return {
      id: `d${i}`,
      // A third of the desktops above T_h = 0.6, as when videos, games and calls are on.
      rank: random() < 0.35 ? 0.6 + 0.4 * a : 0.5 * a,
      site: `s${seats.site[i]!}`,
      ...(seats.host === undefined ? {} : { host: seats.host[i]! }),
      ...size,
      rttMs: {},
      memoryDirtyMbps: 0,
      diskDirtyMbps: 0,
    };
  });
  const current = Int32Array.from(seats.site);
  return {
    desktopCount: n,
    siteCount: l,
    desktops,
    sites,
    policy,
    reservations: [],
    siteIndex: new Map(sites.map((s, j) => [s.id, j])),
    nowMs: 0,
    rttMs: trips.rttMs,
    feltMs: trips.rttMs,
    closed: unseen(shape, trips, sites, current),
    current,
    rank: Float64Array.from(desktops, (d) => d.rank),
    costGB: Float64Array.from(desktops, (d) => costGBOf(d, policy.linkMbps)),
    pinned: new Array<undefined>(n).fill(undefined),
    mustLeave: new Array<undefined>(n).fill(undefined),
    leavingPrize: 0,
    keptApart: new Array<undefined>(n).fill(undefined),
    affinityUnits: [],
    keepsItsRtt: new Uint8Array(n),
    openSlots: Int32Array.from(sites, (s) => s.slots),
  };
}

/** desktop x site; 1 where the site is not measured for the desktop, so it may not go there. */
function unseen(
  { desktops: n, sites: l, nearest: k }: BenchShape,
  trips: RoundTrips,
  sites: readonly PlanSite[],
  current: Int32Array,
): Uint8Array {
  if (k === undefined || k >= l) return new Uint8Array(n * l);
  const globals = sites.flatMap((s, j) => (s.kind === 'global' ? [j] : []));
  const closed = new Uint8Array(n * l).fill(1);
  for (let i = 0; i < n; i++)
    for (const j of trips.nearest(i, k, [current[i]!, ...globals])) closed[i * l + j] = 0;
  return closed;
}
