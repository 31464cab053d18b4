// The port of a database of where addresses are.
import type { Place } from '../domain/users/geography.js';

export interface GeoLocator {
  /** The place of an IP address; null for one that the database does not know (private ones, for example). */
  readonly placeOf: (address: string) => Place | null;
}
