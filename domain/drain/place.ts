// A site or a host that is being emptied: nobody comes, whoever may leave leaves.
import { z } from 'zod';
import { HostId, SiteId, type HostRef } from '../model/ids.js';

/** Without a host: the whole site. */
export const DrainPlace = z.object({ site: SiteId, host: HostId.optional() });
export type DrainPlace = z.infer<typeof DrainPlace>;

/** `us-west`, or `us-west/h1`: as operators type it. */
export function placeKey({ site, host }: { site: string; host?: string | undefined }): string {
  return host === undefined ? site : `${site}/${host}`;
}

/** Tell whether a host, or another place, is (at) the place. */
export function covers(place: DrainPlace, { site, host }: DrainPlace): boolean {
  return place.site === site && (place.host === undefined || place.host === host);
}

/** The place that a host is emptied with, a whole site before the host itself; undefined where none is. */
export function placeOf<P extends DrainPlace>(places: Iterable<P>, host: HostRef): P | undefined {
  const all = [...places].filter((place) => covers(place, host));
  return all.find((place) => place.host === undefined) ?? all[0];
}
