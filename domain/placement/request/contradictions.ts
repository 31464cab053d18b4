// Constraints that contradict each other, so that no plan can meet them: each is said, and the rest is planned.
import { groupsOf, withOvercommit, type Group } from './constraints.js';
import type { PlanDesktop, PlanInput } from './model.js';

/** Say which constraints of an input cannot be met together, a line each. */
export function contradictions(input: PlanInput): string[] {
  return [...residency(input.desktops), ...togetherAndApart(input.desktops), ...tooLarge(input)];
}

function residency(desktops: readonly PlanDesktop[]): string[] {
  return desktops.flatMap((d) => {
    if (d.allowedSites === undefined) return [];
    const left = d.allowedSites.filter((id) => d.forbiddenSites?.includes(id) !== true);
    if (left.length === 0)
      return [
        `desktop ${d.id}: ${d.allowedSites.length === 0 ? 'allowedSites names no site' : 'each of its allowedSites is forbidden too'}, so it may be nowhere`,
      ];
    return d.pinned === true && !left.includes(d.site)
      ? [`desktop ${d.id}: it is pinned to ${d.site}, where it may not be; it stays`]
      : [];
  });
}

/** Two that stay together on a host are not apart, neither per host nor per site; two that stay at a site are not apart per site. */
function togetherAndApart(desktops: readonly PlanDesktop[]): string[] {
  const lines = new Map<string, string>();
  const together = membersOf(desktops, (d) => d.affinity);
  for (const { group, members } of together.values()) {
    const apart = membersOf(members, (d) => d.antiAffinity);
    for (const other of apart.values()) {
      const [one, two] = other.members;
      if (one === undefined || two === undefined || (group.per === 'site' && other.group.per === 'host'))
        continue;
      lines.set(
        `${group.name} ${other.group.name}`,
        `${one.id} and ${two.id} are to be together (affinity ${group.name}) and apart (antiAffinity ${other.group.name}): they stay as they are`,
      );
    }
  }
  return [...lines.values()];
}

/** A group that shares a host needs one that holds all of it. */
function tooLarge({ desktops, sites, policy }: PlanInput): string[] {
  if (sites.some((s) => s.hosts === undefined)) return [];
  const hosts = withOvercommit(sites, policy).flatMap((s) => s.hosts ?? []);
  return [...membersOf(desktops, (d) => d.affinity).values()].flatMap(({ group, members }) => {
    if (group.per !== 'host' || members.length < 2) return [];
    const sum = (pick: (d: PlanDesktop) => number) => members.reduce((n, d) => n + pick(d), 0);
    const [vcpu, memoryGB, diskGB] = [sum((d) => d.vcpu), sum((d) => d.memoryGB), sum((d) => d.diskGB)];
    const fits = hosts.some(
      (h) =>
        vcpu <= (h.vcpu ?? Infinity) &&
        memoryGB <= (h.memoryGB ?? Infinity) &&
        diskGB <= (h.diskGB ?? Infinity),
    );
    return fits
      ? []
      : [
          `affinity ${group.name}: its ${members.length} desktops (${vcpu} vCPUs, ${memoryGB} GB of memory, ${diskGB} GB of disk) fit no host together`,
        ];
  });
}

function membersOf(
  desktops: readonly PlanDesktop[],
  field: (d: PlanDesktop) => PlanDesktop['affinity'],
): Map<string, { readonly group: Group; readonly members: PlanDesktop[] }> {
  const groups = new Map<string, { readonly group: Group; readonly members: PlanDesktop[] }>();
  for (const d of desktops)
    for (const group of groupsOf(field(d))) {
      const key = `${group.per} ${group.name}`;
      const known = groups.get(key) ?? { group, members: [] };
      known.members.push(d);
      groups.set(key, known);
    }
  return groups;
}
