// Hypervisors of hosts: a desktop that runs can only go on under its like.
import { scarceClasses, type PlanClasses } from './plan-classes.js';

/** The classes by which a plan keeps desktops from hosts of another hypervisor; `at` is the key of the host that a desktop is at. */
export function hypervisorClasses(
  hosts: ReadonlyMap<string, string | undefined>,
  desktops: readonly { readonly id: string; readonly at: string }[],
): PlanClasses {
  const demands = desktops.flatMap(({ id, at }) => {
    const source = hosts.get(at);
    if (source === undefined) return [];
    return [[id, { name: `the hypervisor ${source}`, takes: (host: string) => host === source }] as const];
  });
  return scarceClasses(hosts, new Map(demands));
}

/** How many hosts of one kind a line names. */
const NAMED = 3;

/** What to say of a pool whose hosts are not alike; null: they are, as far as is known. */
export function unlikeHosts(hosts: ReadonlyMap<string, string | undefined>): string | null {
  const byKind = new Map<string, string[]>();
  for (const [key, kind] of hosts)
    if (kind !== undefined) byKind.set(kind, [...(byKind.get(kind) ?? []), key]);
  if (byKind.size < 2) return null;
  const kinds = [...byKind].toSorted().map(([kind, keys]) => {
    const rest = keys.length > NAMED ? `, ... (${String(keys.length)})` : '';
    return `${kind} at ${keys.toSorted().slice(0, NAMED).join(', ')}${rest}`;
  });
  return `moves are planned only between hosts of one hypervisor: ${kinds.join('; ')}`;
}
