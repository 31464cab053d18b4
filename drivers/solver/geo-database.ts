// Where an address is, from the operator's MMDB file (GeoLite2 City or any database with location.latitude and longitude).
// No file: nobody is placed, and all sites are measured.
import maxmind from 'maxmind';
import { z } from 'zod';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import type { GeoLocator } from '../../ports/geo-locator.js';

const Located = z.object({
  location: z.object({ latitude: z.number().min(-90).max(90), longitude: z.number().min(-180).max(180) }),
});

/** Open an MMDB file; throws CONFIG_INVALID with what is wrong with it. */
export async function openGeoDatabase(path: string): Promise<GeoLocator> {
  let reader: Awaited<ReturnType<typeof maxmind.open>>;
  try {
    reader = await maxmind.open(path);
  } catch (cause) {
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${path}: cannot be read as a MaxMind database (${messageOf(cause)}); expected an .mmdb file with coordinates, e.g. GeoLite2-City.mmdb`,
      { cause },
    );
  }
  return {
    placeOf(address) {
      if (!maxmind.validate(address)) return null;
      const found = Located.safeParse(reader.get(address));
      return found.success ? found.data.location : null;
    },
  };
}
