// What limits a placement beside room and distance: where a desktop may be (data residency, classes), what is being emptied, who is
// kept apart or together. Compiled to what the solvers know (closed pairs, pins, a prize for leaving) and what a room checks.
import type { PlanDesktop, PlanGroups, PlanHost, PlanPolicy, PlanSite } from './model.js';

/** Why a pair of desktop and site is closed. */
export const CLOSED = { open: 0, noHost: 1, residency: 2, emptied: 3, unsuited: 4, apart: 5 } as const;

/** A group and what it is kept apart or together by. */
export interface Group {
  readonly name: string;
  readonly per: 'host' | 'site';
}

/** The groups that a field names, each once. */
export function groupsOf(field: PlanGroups | undefined): Group[] {
  const list = field === undefined ? [] : Array.isArray(field) ? field : [field];
  const groups = list.map((g): Group =>
    typeof g === 'string' ? { name: g, per: 'host' } : { name: g.group, per: g.per },
  );
  return [...new Map(groups.map((g) => [`${g.per} ${g.name}`, g])).values()];
}

/** Give hosts the room that their overcommit factors, else the policy's, make of what they have. */
export function withOvercommit(sites: readonly PlanSite[], policy: PlanPolicy): PlanSite[] {
  const grown = (have: number | undefined, factor: number) => (have === undefined ? {} : have * factor);
  const roomOf = (host: PlanHost): PlanHost => {
    const { vcpu = 1, memory = 1, disk = 1 } = { ...policy.overcommit, ...host.overcommit };
    const sizes = {
      vcpu: grown(host.vcpu, vcpu),
      memoryGB: grown(host.memoryGB, memory),
      diskGB: grown(host.diskGB, disk),
    };
    return { ...host, ...Object.fromEntries(Object.entries(sizes).filter(([, v]) => typeof v === 'number')) };
  };
  return sites.map((site) => (site.hosts === undefined ? site : { ...site, hosts: site.hosts.map(roomOf) }));
}

/** A site as planned with: the hosts of a site that are being emptied, while others of it are not, are one of their own. */
export interface PlannedSite extends PlanSite {
  /** Index of the site whose emptied hosts these are. */
  readonly emptiedPartOf?: number;
}

/** Split off the emptied hosts of each site that has others; with what moves within a site are moves between two. */
export function splitEmptied(sites: readonly PlanSite[], desktops: readonly PlanDesktop[]): PlannedSite[] {
  const parts: PlannedSite[] = [];
  const whole = sites.map((site, j): PlannedSite => {
    const emptied = (site.hosts ?? []).filter((h) => h.draining === true);
    if (site.draining === true || emptied.length === 0) return site;
    const rest = (site.hosts ?? []).filter((h) => h.draining !== true);
    if (rest.length === 0) return { ...site, draining: true };
    const ids = new Set(emptied.map((h) => h.id));
    const slots = desktops.filter(
      (d) => d.site === site.id && d.host !== undefined && ids.has(d.host),
    ).length;
    parts.push({ ...site, hosts: emptied, slots, draining: true, emptiedPartOf: j });
    return { ...site, hosts: rest };
  });
  return [...whole, ...parts];
}

/** Tell whether a host (or, without one, the site itself) provides what the desktop requires and is not unfit for it. */
export function suits(d: PlanDesktop, site: PlanSite, host: PlanHost | undefined): boolean {
  const provides = (name: string) =>
    site.provides?.includes(name) === true || host?.provides?.includes(name) === true;
  return (
    (d.requires ?? []).every(provides) &&
    !(d.unfitHosts ?? []).some((u) => u.site === site.id && u.host === host?.id)
  );
}

/** Tell whether any host of the site (or a site without hosts itself) suits the desktop. */
export function suitsSomeHost(d: PlanDesktop, site: PlanSite): boolean {
  return site.hosts === undefined || site.hosts.length === 0
    ? suits(d, site, undefined)
    : site.hosts.some((h) => suits(d, site, h));
}

/** Tell whether data residency lets the desktop be at a site. */
export function mayReside(d: PlanDesktop, site: string): boolean {
  return (d.allowedSites?.includes(site) ?? true) && d.forbiddenSites?.includes(site) !== true;
}

/** Why desktop `d` should not stay where it is; undefined where it may. */
export function reasonToLeave(d: PlanDesktop, site: PlannedSite): string | undefined {
  if (site.emptiedPartOf !== undefined) return `${site.id}/${d.host ?? ''} is to be emptied`;
  if (site.draining === true) return `${site.id} is to be emptied`;
  if (!mayReside(d, site.id)) return `${site.id} is not among the sites that it may be at`;
  return undefined;
}
