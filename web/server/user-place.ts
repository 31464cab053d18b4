// Where a user may be drawn: between the sites, the nearer the shorter its round trips. No claim about where anybody lives. Pure.
import type { Place } from '../../domain/users/geography.js';
import type { UserPlace } from '../api.js';

/** Sites that count: the far ones say little of where a user is. */
const NEAREST = 3;
/** Below it all is "here": a user beside a site is not drawn upon it. */
const LEAST_MS = 2;

/** Guess from round trips to sites that have a place; null where there are none. */
export function placeFromRoundTrips(
  rtts: Readonly<Record<string, number>>,
  places: Readonly<Record<string, Place>>,
): UserPlace | null {
  const near = Object.entries(rtts)
    .flatMap(([site, ms]) => {
      const place = Object.hasOwn(places, site) ? places[site] : undefined;
      return place === undefined ? [] : [{ place, weight: 1 / Math.max(LEAST_MS, ms) ** 2 }];
    })
    .sort((a, b) => b.weight - a.weight)
    .slice(0, NEAREST);
  if (near.length === 0) return null;
  // On the sphere: the mean of two places at either side of the date line is not Africa.
  const sum = near.reduce(
    (at, { place, weight }) => {
      const [lat, lon] = [place.latitude * RADIANS, place.longitude * RADIANS];
      return {
        x: at.x + weight * Math.cos(lat) * Math.cos(lon),
        y: at.y + weight * Math.cos(lat) * Math.sin(lon),
        z: at.z + weight * Math.sin(lat),
      };
    },
    { x: 0, y: 0, z: 0 },
  );
  return {
    latitude: tenth(Math.atan2(sum.z, Math.hypot(sum.x, sum.y)) / RADIANS),
    longitude: tenth(Math.atan2(sum.y, sum.x) / RADIANS),
    from: 'round-trips',
  };
}

const RADIANS = Math.PI / 180;
const tenth = (degrees: number) => Math.round(degrees * 10) / 10;
