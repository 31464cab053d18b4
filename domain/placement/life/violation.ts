// The constraint that one move would break, in words: for a move that an operator asks for, or that was planned earlier.
import type { DesktopConstraints } from '../../model/constraints.js';
import { hostKey, sameHost, type DesktopId, type HostRef } from '../../model/ids.js';

export interface Surroundings {
  readonly desktop: DesktopId;
  readonly constraints: DesktopConstraints;
  /** What the target host, or its site, provides. */
  readonly provides: readonly string[];
  /** The other desktops that have constraints: where each is (when the move begins), and where it will be when all is done. */
  readonly others: readonly {
    readonly desktop: DesktopId;
    readonly constraints: DesktopConstraints;
    readonly at: HostRef;
    readonly heading: HostRef;
  }[];
}

/** Say which constraint a move to `to` breaks; null where it breaks none. */
export function violationOf(
  { desktop, constraints: c, provides, others }: Surroundings,
  to: HostRef,
): string | null {
  if (c.pinned === true) return 'it is pinned: an operator keeps it where it is';
  if (c.allowedSites?.includes(to.site) === false)
    return `${to.site} is not among the sites that it may be at (${c.allowedSites.join(', ') || 'none'})`;
  if (c.forbiddenSites?.includes(to.site) === true) return `it may not be at ${to.site}`;
  const lacking = (c.requires ?? []).filter((name) => !provides.includes(name));
  if (lacking.length > 0) return `${hostKey(to)} does not provide ${lacking.join(', ')}, which it requires`;
  const together = (per: 'host' | 'site', place: HostRef) =>
    per === 'site' ? place.site === to.site : sameHost(place, to);
  type Groups = DesktopConstraints['affinity'];
  const isOf = (groups: Groups, group: string, per: string) =>
    groups?.some((g) => g.group === group && g.per === per) === true;
  for (const { group, per } of c.antiAffinity ?? []) {
    const there = others.find(
      (o) => o.desktop !== desktop && isOf(o.constraints.antiAffinity, group, per) && together(per, o.at),
    );
    if (there !== undefined)
      return `${there.desktop} of its group ${group} is at ${per === 'site' ? to.site : hostKey(to)}: they are kept apart`;
  }
  for (const { group, per } of c.affinity ?? []) {
    const members = others.filter((o) => o.desktop !== desktop && isOf(o.constraints.affinity, group, per));
    if (members.length > 0 && !members.some((o) => together(per, o.heading)))
      return `it would be parted from its group ${group} (${members
        .map((m) => m.desktop)
        .slice(0, 3)
        .join(', ')} at ${hostKey((members[0] as (typeof members)[number]).at)})`;
  }
  return null;
}
