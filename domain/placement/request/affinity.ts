// Groups that stay together. Members that are together now make a unit: it is moved as a whole or not at all. A member that is apart
// from its group may go to where others of it are, and nowhere else.
import { CLOSED, groupsOf, type Group } from './constraints.js';
import type { Problem } from './problem.js';

export interface AffinityUnit {
  /** The group, or the first of several that share members; by host where any of them is. */
  readonly group: Group;
  readonly members: readonly number[];
}

type Parts = Pick<Problem, 'desktops' | 'current' | 'closed' | 'siteCount'>;

function membersOf(p: Parts): Map<string, { group: Group; members: number[] }> {
  const groups = new Map<string, { group: Group; members: number[] }>();
  p.desktops.forEach((d, i) => {
    for (const group of groupsOf(d.affinity)) {
      const key = `${group.per} ${group.name}`;
      const known = groups.get(key) ?? { group, members: [] };
      known.members.push(i);
      groups.set(key, known);
    }
  });
  return groups;
}

/** Find the units, and close to members that are apart every site that none of their group is at. */
export function affinityUnits(p: Parts): AffinityUnit[] {
  const unitOf = new Map<number, { group: Group; members: Set<number> }>();
  for (const { group, members } of membersOf(p).values()) {
    const placeOf = (i: number) =>
      group.per === 'site' ? String(p.current[i]) : `${p.current[i]} ${p.desktops[i]?.host ?? ''}`;
    const places = new Map<string, number[]>();
    for (const i of members) places.set(placeOf(i), [...(places.get(placeOf(i)) ?? []), i]);
    const sites = new Set(members.map((i) => p.current[i]));
    for (const here of places.values()) {
      if (here.length > 1) join(unitOf, group, here);
      else if (members.length > 1) closeElsewhere(p, here[0] as number, sites);
    }
  }
  return [...new Set(unitOf.values())].map(({ group, members }) => ({
    group,
    members: [...members].sort((a, b) => a - b),
  }));
}

function join(unitOf: Map<number, { group: Group; members: Set<number> }>, group: Group, members: number[]) {
  const all = new Set(members);
  let named = group;
  for (const i of members) {
    const other = unitOf.get(i);
    if (other === undefined) continue;
    for (const u of other.members) all.add(u);
    if (other.group.per === 'host') named = other.group;
  }
  const unit = { group: named, members: all };
  for (const i of all) unitOf.set(i, unit);
}

function closeElsewhere(p: Parts, i: number, sites: ReadonlySet<number | undefined>): void {
  for (let j = 0; j < p.siteCount; j++)
    if (!sites.has(j) && p.closed[i * p.siteCount + j] === CLOSED.open)
      p.closed[i * p.siteCount + j] = CLOSED.apart;
}
