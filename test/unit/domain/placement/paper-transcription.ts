// MMSys'14 section 5 and 5.1, sentence by sentence, as slow and literal as it reads. The tests compare the fast heuristics with it.
// No host, budget or lock: small clouds of slots only. Shares no code with domain/placement but the types.
import type { PlanDesktop, PlanInput } from '../../../../domain/placement/request/model.js';

type Order = 'rank-ordered' | 'cost-oblivious' | 'cost-aware';

/** Site of every desktop after the heuristic, by desktop id. */
export function transcribe(input: PlanInput, order: Order): Map<string, string> {
  const { policy, sites } = input;
  const where = new Map(input.desktops.map((d) => [d.id, d.site]));
  const touched = new Set<string>();
  const position = new Map(input.desktops.map((d, i) => [d.id, i]));
  const siteIndex = new Map(sites.map((s, j) => [s.id, j]));
  const kindOf = (id: string) => sites.find((s) => s.id === id)!.kind;
  const used = (site: string) => [...where.values()].filter((s) => s === site).length;
  const insufficient = (site: string) => used(site) >= sites.find((s) => s.id === site)!.slots;
  const latency = (d: PlanDesktop, site: string) => d.rttMs[site]!;
  const canBePlanned = (d: PlanDesktop) => d.rttMs[d.site] !== undefined;

  // Step 1. "any VMs with a rank above a pre-defined high threshold T_h become a candidate for relocation"
  let candidates = input.desktops.filter((d) => canBePlanned(d) && d.rank > policy.highThreshold);
  // "any VM that is placed at a regional site and is ranked below a low threshold T_l ... becomes a candidate for eviction"
  const flagged = input.desktops.filter(
    (d) =>
      canBePlanned(d) && kindOf(d.site) === 'regional' && (d.reclaimable ?? d.rank < policy.lowThreshold),
  );

  // Step 2. "These sites are then rank-ordered by their network distance as potential locations to move the VM."
  const locations = (d: PlanDesktop) =>
    Object.keys(d.rttMs).sort(
      (a, b) =>
        latency(d, a) - latency(d, b) ||
        (a === d.site ? -1 : b === d.site ? 1 : siteIndex.get(a)! - siteIndex.get(b)!),
    );
  // "Candidate VMs that are already resident at the "best" cloud site are removed from further consideration."
  candidates = candidates.filter((d) => locations(d)[0] !== d.site);

  // Equation 1 and 2.
  const benefit = (d: PlanDesktop, site: string) => {
    const l1 = latency(d, d.site);
    const l2 = latency(d, site);
    return l1 === 0 ? policy.w1 * (l1 - l2) : policy.w1 * (l1 - l2) + (policy.w2 * ((l1 - l2) * 100)) / l1;
  };
  const cost = (d: PlanDesktop) =>
    d.diskGB * (1 / (1 - d.diskDirtyMbps / policy.linkMbps)) +
    d.memoryGB * (1 / (1 - d.memoryDirtyMbps / policy.linkMbps));
  const metric = (d: PlanDesktop, site: string) =>
    order === 'rank-ordered' ? 1 : order === 'cost-oblivious' ? benefit(d, site) : benefit(d, site) / cost(d);

  // "attempts to free up resources by evicting VMs that have been flagged for reclamation" (to a global site, the nearest with room;
  // the lowest rank first, which the paper leaves open).
  const evict = (site: string): boolean => {
    const there = flagged
      .filter((d) => d.site === site && !touched.has(d.id))
      .sort((a, b) => a.rank - b.rank || position.get(a.id)! - position.get(b.id)!);
    for (const low of there) {
      const home = locations(low)
        .filter((s) => kindOf(s) === 'global')
        .find((s) => !insufficient(s));
      if (home === undefined) continue;
      where.set(low.id, home);
      touched.add(low.id);
      return true;
    }
    return false;
  };

  const list = candidates.map((d) => ({ d, sites: locations(d) }));
  while (list.length > 0) {
    // "The VM with the highest B/C is considered first ... Ties are broken using the VMs' rank."
    list.sort(
      (a, b) =>
        metric(b.d, b.sites[0]!) - metric(a.d, a.sites[0]!) ||
        b.d.rank - a.d.rank ||
        position.get(a.d.id)! - position.get(b.d.id)!,
    );
    const first = list.shift()!;
    const [closest, ...others] = first.sites;
    if (touched.has(first.d.id)) continue;
    if (!insufficient(closest!) || evict(closest!)) {
      where.set(first.d.id, closest!);
      touched.add(first.d.id);
      continue;
    }
    // "the VM is considered for movement to the next closest site ... and the VM is reinserted", until
    // "it decides that the present location is still the best choice".
    if (others.length > 0 && others[0] !== first.d.site) list.push({ d: first.d, sites: others });
  }
  return where;
}
