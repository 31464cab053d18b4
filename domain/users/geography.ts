// Geography chooses, measurement decides (MMSys'14 section 5, step 2): the k sites nearest to a user by great circle are the ones
// whose RTT is then measured. k >= 8: on real RTTs the geographically nearest of 40 sites is the best one only every second time.

export interface Place {
  /** Degrees, north positive. */
  readonly latitude: number;
  /** Degrees, east positive. */
  readonly longitude: number;
}

/** Mean radius of the earth (IUGG). */
const EARTH_RADIUS_KM = 6_371;

/** Distance along the surface, km (haversine). */
export function greatCircleKm(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const h =
    Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 +
    Math.cos(a.latitude * rad) *
      Math.cos(b.latitude * rad) *
      Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

export interface LocatedSite {
  readonly id: string;
  readonly latitude?: number | undefined;
  readonly longitude?: number | undefined;
}

/**
 * The sites to measure for a user: the k nearest by great circle, nearest first, then those without coordinates (nobody can tell
 * that they are far), then those of `always` (the site now, the global ones). Without the user's place: all sites.
 */
export function sitesToMeasure(
  user: Place | null,
  sites: readonly LocatedSite[],
  k: number,
  always: readonly string[] = [],
): string[] {
  if (user === null) return sites.map((s) => s.id);
  const placed = sites.flatMap(({ id, latitude, longitude }) =>
    latitude === undefined || longitude === undefined
      ? []
      : [{ id, km: greatCircleKm(user, { latitude, longitude }) }],
  );
  placed.sort((a, b) => a.km - b.km || (a.id < b.id ? -1 : 1));
  const chosen = new Set(placed.slice(0, k).map((s) => s.id));
  for (const s of sites) if (s.latitude === undefined || s.longitude === undefined) chosen.add(s.id);
  const known = new Set(sites.map((s) => s.id));
  for (const id of always) if (known.has(id)) chosen.add(id);
  return [...chosen];
}

export interface RttSample {
  readonly ms: number;
  readonly atMs: number;
}

export interface RttReading {
  /** What may be planned with: fresh values only. */
  readonly rttMs: Record<string, number>;
  /** Sites asked for whose value is too old or was never measured, in words. */
  readonly doubts: readonly string[];
}

/** Take the fresh ones of measured RTTs; a stale or missing value is said, never guessed. */
export function freshRtts(
  wanted: readonly string[],
  samples: ReadonlyMap<string, RttSample>,
  nowMs: number,
  maxAgeMs: number,
): RttReading {
  const rttMs: Record<string, number> = {};
  const doubts: string[] = [];
  for (const id of wanted) {
    const sample = samples.get(id);
    if (sample === undefined) doubts.push(`${id}: no round-trip time measured yet`);
    else if (!(sample.ms >= 0) || !Number.isFinite(sample.ms))
      doubts.push(`${id}: the measured value ${sample.ms} is no time`);
    else if (nowMs - sample.atMs > maxAgeMs)
      doubts.push(
        `${id}: last measured ${Math.round((nowMs - sample.atMs) / 1000)} s ago, older than ${Math.round(maxAgeMs / 1000)} s`,
      );
    else rttMs[id] = sample.ms;
  }
  return { rttMs, doubts };
}
