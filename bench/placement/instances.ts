// Clouds for the benchmarks, from a seed: users with RTTs to every site (real ones between 246 cities where the data is present,
// else uniform), three global sites with half of the slots, a random start, ranks and sizes as in a mixed population.
import { existsSync, readFileSync } from 'node:fs';
import type { PlanDesktop, PlanHost, PlanSite } from '../../domain/placement/model.js';
import { PlanPolicy } from '../../domain/placement/model.js';
import { greatCircleKm } from '../../domain/placement/geography.js';
import { costGbOf } from '../../domain/placement/metrics.js';
import type { Problem } from '../../domain/placement/problem.js';

const DATA = new URL('../../../shared/data/', import.meta.url);
const SERVERS = new URL('wondernetwork_servers_2020.csv', DATA);
const PINGS = new URL('wondernetwork_pings_2020_grouped.csv', DATA);

/** A small, fast generator of numbers in [0, 1) (mulberry32). */
export function randomFrom(seed: number): () => number {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface Cities {
  readonly names: readonly string[];
  readonly latitude: readonly number[];
  readonly longitude: readonly number[];
  /** Average RTT between cities, ms; NaN where it was not measured. */
  readonly rttMs: readonly Float64Array[];
}

/** Tell whether the measured RTTs are on this machine. */
export const hasRealRtts = existsSync(SERVERS) && existsSync(PINGS);
let cities: Cities | undefined;

function loadCities(): Cities {
  if (cities !== undefined) return cities;
  const lines = (file: URL) =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((l) => l.split(','));
  const servers = lines(SERVERS);
  const index = new Map(servers.map((row, i) => [Number(row[0]), i]));
  const rttMs = servers.map(() => new Float64Array(servers.length).fill(NaN));
  for (const [from, to, , average] of lines(PINGS)) {
    const a = index.get(Number(from));
    const b = index.get(Number(to));
    if (a !== undefined && b !== undefined) rttMs[a]![b] = Number(average);
  }
  cities = {
    names: servers.map((row) => row[1]!),
    latitude: servers.map((row) => Number(row[8])),
    longitude: servers.map((row) => Number(row[9])),
    rttMs,
  };
  return cities;
}

export interface BenchShape {
  readonly desktops: number;
  readonly sites: number;
  readonly slack: number;
  readonly seed: number;
  readonly rtts: 'real' | 'synthetic';
  /** Give sites hosts with vCPU, memory and disk (and desktops of five flavours); slots then do not bind. */
  readonly resources?: boolean;
}

const GLOBAL_CITIES = ['Ashburn', 'Frankfurt', 'Tokyo'];

/** RTTs of every desktop's user to every site, ms. */
function rttTable({ desktops: n, sites: l, rtts }: BenchShape, random: () => number): Float64Array {
  const table = new Float64Array(n * l);
  if (rtts === 'synthetic') return table.map(() => 1 + random() * 299);
  const c = loadCities();
  const chosen = GLOBAL_CITIES.map((name) => c.names.indexOf(name))
    .filter((i) => i >= 0)
    .slice(0, Math.max(1, l - 1));
  while (chosen.length < l) {
    const city = Math.floor(random() * c.names.length);
    if (!chosen.includes(city)) chosen.push(city);
  }
  for (let i = 0; i < n; i++) {
    // Users crowd in few cities; the last mile adds 2 ms and an exponential rest.
    const city = Math.floor(random() ** 1.5 * c.names.length);
    const lastMile = 2 - Math.log(1 - random()) * 8;
    for (let j = 0; j < l; j++) {
      const site = chosen[j]!;
      const measured = c.rttMs[city]![site]!;
      const km = () => greatCircleKm(place(c, city), place(c, site));
      // Two thirds of the speed of light, there and back, over a detour of 1.6.
      table[i * l + j] = (measured > 0 ? measured : 1 + km() / 62.5) + lastMile;
    }
  }
  return table;
}

const place = (c: Cities, i: number) => ({ latitude: c.latitude[i]!, longitude: c.longitude[i]! });

const FLAVOURS = [
  { share: 0.35, vcpu: 1, memoryGb: 2, diskGb: 20 },
  { share: 0.3, vcpu: 2, memoryGb: 4, diskGb: 40 },
  { share: 0.2, vcpu: 2, memoryGb: 8, diskGb: 40 },
  { share: 0.1, vcpu: 4, memoryGb: 16, diskGb: 80 },
  { share: 0.05, vcpu: 8, memoryGb: 32, diskGb: 120 },
];
/** A host of a desktop cloud: two sockets, 256 GB. */
const HOST = { vcpu: 96, memoryGb: 256, diskGb: 2_400 };

function sizesOf(n: number, resources: boolean, random: () => number) {
  return Array.from({ length: n }, () => {
    if (!resources) return { vcpu: 1, memoryGb: 1, diskGb: 1 + Math.floor(random() * 15) };
    let x = random();
    const flavour = FLAVOURS.find((f) => (x -= f.share) < 0) ?? FLAVOURS[0]!;
    return {
      vcpu: flavour.vcpu,
      memoryGb: flavour.memoryGb,
      diskGb: Math.round(flavour.diskGb * (0.7 + 0.6 * random())),
    };
  });
}

/** Shares of the whole: half to the global sites, the rest uneven. */
function sharesOf(l: number, random: () => number): number[] {
  const globals = Math.min(3, Math.max(1, l - 1));
  const weights = Array.from({ length: l }, (_, j) => (j < globals ? 0 : 0.5 + random()));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w, j) => (j < globals ? (l > globals ? 0.5 : 1) / globals : (0.5 * w) / sum));
}

/** Build a problem directly (the benchmarks time the algorithms, not the parsing of files). */
export function benchProblem(shape: BenchShape): Problem {
  const { desktops: n, sites: l, slack, seed, resources = false } = shape;
  const random = randomFrom(seed * 7919 + n * 31 + l);
  const rttMs = rttTable(shape, random);
  const shares = sharesOf(l, random);
  const sizes = sizesOf(n, resources, random);
  const total = Math.ceil(n * (1 + slack));
  const slots = shares.map((s) => Math.floor(s * total));
  for (let left = total - slots.reduce((a, b) => a + b, 0); left > 0; left--)
    slots[Math.floor(random() * l)]!++;
  const policy = PlanPolicy.parse({});
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
  return {
    desktopCount: n,
    siteCount: l,
    desktops,
    sites,
    policy,
    reservations: [],
    siteIndex: new Map(sites.map((s, j) => [s.id, j])),
    nowMs: 0,
    rttMs,
    feltMs: rttMs,
    closed: new Uint8Array(n * l),
    current: Int32Array.from(seats.site),
    rank: Float64Array.from(desktops, (d) => d.rank),
    costGb: Float64Array.from(desktops, (d) => costGbOf(d, policy.linkMbps)),
    pinned: new Array<undefined>(n).fill(undefined),
    keepsItsRtt: new Uint8Array(n),
    openSlots: Int32Array.from(sites, (s) => s.slots),
  };
}

interface Seats {
  readonly site: readonly number[];
  readonly host?: readonly string[];
  readonly hosts?: readonly PlanHost[][];
}

function seatInSlots(slots: readonly number[], n: number, random: () => number): Seats {
  const places = slots.flatMap((s, j) => new Array<number>(s).fill(j));
  for (let k = places.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [places[k], places[other]] = [places[other]!, places[k]!];
  }
  return { site: places.slice(0, n) };
}

/** As many hosts a site as its share of the demand needs, then the largest desktops first to random sites with room. */
function seatOnHosts(
  shares: readonly number[],
  sizes: readonly { vcpu: number; memoryGb: number; diskGb: number }[],
  slack: number,
  random: () => number,
): Seats {
  const keys = ['vcpu', 'memoryGb', 'diskGb'] as const;
  const demand = keys.map((k) => sizes.reduce((sum, s) => sum + s[k], 0) * (1 + slack));
  const hosts = shares.map((share): PlanHost[] => {
    const need = Math.max(...keys.map((k, x) => (share * demand[x]!) / HOST[k]));
    const count = Math.max(1, Math.round(need));
    // Each site's machines are scaled to its share exactly, so that the slack is what the shape says.
    return Array.from({ length: count }, (_, h) => ({
      id: `h${h}`,
      vcpu: Math.max(10, (share * demand[0]!) / count),
      memoryGb: Math.max(40, (share * demand[1]!) / count),
      diskGb: Math.max(160, (share * demand[2]!) / count),
    }));
  });
  const left = hosts.map((list) => list.map((h) => ({ ...h })));
  const site = new Array<number>(sizes.length).fill(0);
  const host = new Array<string>(sizes.length).fill('');
  const order = sizes.map((_, i) => i).sort((a, b) => sizes[b]!.memoryGb - sizes[a]!.memoryGb || a - b);
  for (const i of order) {
    const size = sizes[i]!;
    const room = (h: PlanHost) => keys.every((k) => h[k]! >= size[k]);
    // Sites by their share: uniform ones would fill the small sites with the largest desktops.
    let x = random();
    const start = Math.max(
      0,
      shares.findIndex((share) => (x -= share) < 0),
    );
    const found = Array.from({ length: hosts.length }, (_, k) => (start + k) % hosts.length).find((j) =>
      left[j]!.some(room),
    );
    if (found === undefined)
      throw new Error('the benchmark cloud has no room for its desktops: raise the slack');
    // The emptiest host: the large desktops must not crowd on the first ones.
    const h = left[found]!.filter(room).reduce((a, b) => (b.memoryGb! > a.memoryGb! ? b : a));
    for (const k of keys) h[k]! -= size[k];
    site[i] = found;
    host[i] = h.id;
  }
  return { site, host, hosts };
}
