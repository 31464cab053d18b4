// What the shell names a site or a host by.
import { z } from 'zod';
import { DrainPlace } from '../domain/drain/place.js';

/** `SITE` or `SITE/HOST`. */
export const placeArgument = z
  .string()
  .regex(/^[^/]+(\/[^/]+)?$/, 'expected SITE or SITE/HOST')
  .transform((text) => {
    const [site, host] = text.split('/');
    return host === undefined ? { site } : { site, host };
  })
  .pipe(DrainPlace);
