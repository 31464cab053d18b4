// The fields of a desktop that constrain where it may be: few desktops have any, so they are kept and sent apart from the others.
import type { PlanDesktop } from './model.js';

const CONSTRAINT_FIELDS = [
  'pinned',
  'allowedSites',
  'forbiddenSites',
  'antiAffinity',
  'affinity',
  'requires',
  'unfitHosts',
] as const satisfies readonly (keyof PlanDesktop)[];

type Constraints = Partial<Record<(typeof CONSTRAINT_FIELDS)[number], unknown>>;

/** The constraints of a desktop that are given; null where it has none. */
export function constraintsOf(desktop: Constraints): Constraints | null {
  const given = CONSTRAINT_FIELDS.filter((field) => desktop[field] !== undefined);
  return given.length === 0 ? null : Object.fromEntries(given.map((field) => [field, desktop[field]]));
}
