// What the shell names a site or a host by.
import { z } from 'zod';
import { DrainPlace } from '../domain/drain/place.js';
import { HostId, SiteId } from '../domain/model/ids.js';

/** `SITE` or `SITE/HOST`. */
export const placeArgument = z
  .string()
  .regex(/^[^/]+(\/[^/]+)?$/, 'expected SITE or SITE/HOST')
  .transform((text) => {
    const [site, host] = text.split('/');
    return host === undefined ? { site } : { site, host };
  })
  .pipe(DrainPlace);

/** `SITE/HOST`. */
export const hostArgument = z
  .string()
  .regex(/^[^/]+\/[^/]+$/, 'expected SITE/HOST such as us-west/h1')
  .transform((name) => {
    const [site, host] = name.split('/');
    return { site, host };
  })
  .pipe(z.object({ site: SiteId, host: HostId }));
