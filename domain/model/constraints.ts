// Where one desktop may be, whatever it gains: what an operator has said of it, beside room and distance.
import { z } from 'zod';
import { SiteId } from './ids.js';

/** Names of groups and classes go through shells and tables. */
const Label = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$/i, "expected 1 to 64 letters, digits, '.', '_' and '-'");

/** Classes that a site or a host provides and desktops may require: a licence, a kind of GPU. */
export const Classes = z.array(Label).max(100);

const Sites = z.array(SiteId).max(1_000);
const Groups = z.array(z.strictObject({ group: Label, per: z.enum(['host', 'site']) })).max(20);

export const DesktopConstraints = z.strictObject({
  /** Never moved, not even out of what is emptied. */
  pinned: z.boolean().optional(),
  /** The only sites it may be at (data residency). */
  allowedSites: Sites.optional(),
  forbiddenSites: Sites.optional(),
  /** Classes that its host must provide. */
  requires: Classes.optional(),
  /** Groups of which no two share a host (or a site). */
  antiAffinity: Groups.optional(),
  /** Groups that stay on one host (or at one site). */
  affinity: Groups.optional(),
});
export type DesktopConstraints = z.infer<typeof DesktopConstraints>;

/** Constraints in words, a line each. */
export function constraintWords(c: DesktopConstraints): string[] {
  const groups = (list: DesktopConstraints['affinity']) =>
    (list ?? []).map(({ group, per }) => `${group} (per ${per})`).join(', ');
  return [
    ...(c.pinned === true ? ['pinned: stays where it is'] : []),
    ...(c.allowedSites === undefined ? [] : [`only at ${c.allowedSites.join(', ') || 'no site'}`]),
    ...(c.forbiddenSites === undefined ? [] : [`never at ${c.forbiddenSites.join(', ')}`]),
    ...(c.requires === undefined ? [] : [`requires ${c.requires.join(', ')}`]),
    ...(c.antiAffinity === undefined ? [] : [`apart from its group ${groups(c.antiAffinity)}`]),
    ...(c.affinity === undefined ? [] : [`together with its group ${groups(c.affinity)}`]),
  ];
}
