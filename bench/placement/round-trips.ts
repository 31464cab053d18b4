// Round trips between users and sites, and which sites each user's geography leaves to measure. Real ones: measured between 246
// cities (WonderNetwork 2020) plus a last mile, where the data is present: in ../shared/data beside the worktree, or in the folder
// that BENCH_DATA names. Synthetic ones: uniform from 1 to 300 ms; these have no geography, so the least RTT stands for it.
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { greatCircleKm, sitesToMeasure, type LocatedSite, type Place } from '../../domain/users/geography.js';

const named = process.env['BENCH_DATA'];
const DATA =
  named === undefined
    ? new URL('../../../shared/data/', import.meta.url)
    : pathToFileURL(named.endsWith('/') ? named : `${named}/`);
const SERVERS = new URL('wondernetwork_servers_2020.csv', DATA);
const PINGS = new URL('wondernetwork_pings_2020_grouped.csv', DATA);

/** Tell whether the measured RTTs are on this machine. */
export const hasRealRtts = existsSync(SERVERS) && existsSync(PINGS);

interface Cities {
  readonly names: readonly string[];
  readonly places: readonly Place[];
  /** Average RTT between cities, ms; NaN where it was not measured. */
  readonly rttMs: readonly Float64Array[];
}

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
    places: servers.map((row) => ({ latitude: Number(row[8]), longitude: Number(row[9]) })),
    rttMs,
  };
  return cities;
}

export interface RoundTrips {
  /** desktop x site, ms. */
  readonly rttMs: Float64Array;
  /** The sites measured for the user of desktop `i`: the k nearest to him and those of `always`. */
  readonly nearest: (i: number, k: number, always: readonly number[]) => readonly number[];
}

const GLOBAL_CITIES = ['Ashburn', 'Frankfurt', 'Tokyo'];

/** Draw `n` users and `l` sites, the first three in the global cities. */
export function roundTrips(
  { desktops: n, sites: l, rtts }: { desktops: number; sites: number; rtts: 'real' | 'synthetic' },
  random: () => number,
): RoundTrips {
  return rtts === 'real' ? realRoundTrips(n, l, random) : syntheticRoundTrips(n, l, random);
}

function syntheticRoundTrips(n: number, l: number, random: () => number): RoundTrips {
  const rttMs = new Float64Array(n * l).map(() => 1 + random() * 299);
  const nearest: RoundTrips['nearest'] = (i, k, always) => {
    const row = rttMs.subarray(i * l, (i + 1) * l);
    const order = Array.from(row, (_, j) => j).sort((a, b) => row[a]! - row[b]!);
    return [...new Set([...order.slice(0, k), ...always])];
  };
  return { rttMs, nearest };
}

function realRoundTrips(n: number, l: number, random: () => number): RoundTrips {
  const rttMs = new Float64Array(n * l);
  const c = loadCities();
  const chosen = GLOBAL_CITIES.map((name) => c.names.indexOf(name))
    .filter((i) => i >= 0)
    .slice(0, Math.max(1, l - 1));
  while (chosen.length < l) {
    const city = Math.floor(random() * c.names.length);
    if (!chosen.includes(city)) chosen.push(city);
  }
  const homes = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    // Users crowd in few cities; the last mile adds 2 ms and an exponential rest.
    const city = Math.floor(random() ** 1.5 * c.names.length);
    homes[i] = city;
    const lastMile = 2 - Math.log(1 - random()) * 8;
    for (let j = 0; j < l; j++) {
      const site = chosen[j]!;
      const measured = c.rttMs[city]![site]!;
      const km = () => greatCircleKm(c.places[city]!, c.places[site]!);
      // Two thirds of the speed of light, there and back, over a detour of 1.6.
      rttMs[i * l + j] = (measured > 0 ? measured : 1 + km() / 62.5) + lastMile;
    }
  }
  const sites: LocatedSite[] = chosen.map((city, j) => ({ id: `${j}`, ...c.places[city]! }));
  const nearest: RoundTrips['nearest'] = (i, k, always) =>
    sitesToMeasure(
      c.places[homes[i]!]!,
      sites,
      k,
      always.map((j) => `${j}`),
    ).map(Number);
  return { rttMs, nearest };
}
