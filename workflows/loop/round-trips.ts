// What the loop knows of users' round trips, and for how long: which sites count for a user, which figures are fresh enough to plan with.
import { freshRtts, sitesToMeasure, type RttReading } from '../../domain/users/geography.js';
import type { UserRtts } from '../../temporal/contract/carried.js';
import type { LoopState } from './loop-state.js';

/** A client's probes older than this say nothing of where the user is now: six of its default intervals. */
const CLIENT_FRESH_MS = 60_000;
/** Round trips from a site to an address change seldom; hosts ask each user again at half of this, also one who never answers. */
const HOSTS_FRESH_MS = 900_000;

/** A client asks all its sites at once, every ten seconds: who has not answered by the third time will not. */
const SETTLED_AFTER_MS = 25_000;

/** Since when a client has been heard, with what was known of it before. */
export function heardSince(before: UserRtts | undefined, nowMs: number): number {
  const goesOn = before?.by === 'client' && nowMs - before.askedAtMs <= CLIENT_FRESH_MS;
  return goesOn ? (before.sinceMs ?? before.askedAtMs) : nowMs;
}

/**
 * Until when a user whose client has only begun to measure stays where the desktop is, since a better site may be the next to answer;
 * undefined where all sites that count (and are `planned`) are known, or had their time.
 */
export function settlesAt(
  state: LoopState,
  desktop: string,
  here: string,
  rtts: Readonly<Record<string, number>>,
  planned: ReadonlySet<string>,
): number | undefined {
  const sinceMs = state.users.get(desktop)?.sinceMs;
  if (sinceMs === undefined) return undefined;
  const lacks = lacksRtts(state, desktop, here, (id) => planned.has(id) && !(id in rtts));
  return lacks ? sinceMs + SETTLED_AFTER_MS : undefined;
}

/** Tell whether a user need not be pinged: a client says its round trips, or the hosts have asked a short while ago. */
export function isFresh(state: LoopState, desktop: string, address: string, nowMs: number): boolean {
  const user = state.users.get(desktop);
  if (user === undefined) return false;
  if (user.by === 'client')
    return Object.values(user.measuredAtMs).some((atMs) => nowMs - atMs <= CLIENT_FRESH_MS / 2);
  // What was pinged at another address is not where the user is now.
  return addressOf(user.seenAs) === address && nowMs - user.askedAtMs <= HOSTS_FRESH_MS / 2;
}

const addressOf = (endpoint: string) => endpoint.split(':')[0] ?? '';

/** The sites whose round trips count for a user: the k nearest on the map, its desktop's own and the global ones; all for one without a place. */
export function wantedSites(state: LoopState, address: string, here: string): string[] {
  const { sites } = state.cloud;
  const place = state.places.get(address) ?? null;
  const always = [here, ...sites.filter((s) => s.kind === 'global').map((s) => s.id)];
  return sitesToMeasure(place, sites, state.policy.placement.nearestSites, always);
}

/** Fresh RTTs to the sites that geography leaves (all, where the user's place is unknown), and what is in doubt, in words. */
export function plannableRtts(state: LoopState, desktop: string, here: string, nowMs: number): RttReading {
  const user = state.users.get(desktop);
  if (user === undefined)
    return { rttMs: {}, doubts: ['no thin client and no host has measured a round-trip time'] };
  const wanted = wantedSites(state, addressOf(user.seenAs), here);
  const samples = new Map(
    Object.entries(user.rtts).map(([id, ms]) => [id, { ms, atMs: user.measuredAtMs[id] ?? 0 }]),
  );
  return freshRtts(wanted, samples, nowMs, user.by === 'client' ? CLIENT_FRESH_MS : HOSTS_FRESH_MS);
}

/** Tell whether one of the sites that count for a user is `missing`. */
export function lacksRtts(
  state: LoopState,
  desktop: string,
  here: string,
  missing: (site: string) => boolean,
): boolean {
  const user = state.users.get(desktop);
  return user === undefined || wantedSites(state, addressOf(user.seenAs), here).some(missing);
}
