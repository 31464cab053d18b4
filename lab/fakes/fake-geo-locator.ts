// A database of places in memory.
import { cidrBounds, Ipv4, ipv4ToNumber } from '../../domain/model/address.js';
import type { Place } from '../../domain/users/geography.js';
import type { GeoLocator } from '../../ports/geo-locator.js';

/** Places by range (`198.51.100.0/24`), IPv4; no two ranges overlap. */
export function fakeGeoLocator(places: Readonly<Record<string, Place>>): GeoLocator {
  const ranges = Object.entries(places).map(([cidr, place]) => ({ ...cidrBounds(cidr), place }));
  return {
    placeOf(address) {
      if (!Ipv4.safeParse(address).success) return null;
      const number = ipv4ToNumber(address);
      const range = ranges.find(({ first, last }) => first <= number && number <= last);
      return range === undefined ? null : { ...range.place };
    },
  };
}
