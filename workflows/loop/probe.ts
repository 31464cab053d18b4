// Users whose thin client says nothing of its round trips (no proxy there, or one that is silent): their address is known from the
// traffic, and the hosts of the sites ask it themselves.
import { ctlProbe } from '../host-proxies.js';
import type { LoopState } from './loop-state.js';
import { isFresh, wantedSites } from './round-trips.js';

/** As many as a host takes in one task; the others have their turn in later cycles. */
const PROBED_A_CYCLE = 200;
const IPV4 = /^\d+(\.\d+){3}$/;

/** Have one living host of each site that counts for them measure users without fresh round trips, and remember what it found. */
export async function probeSilentUsers(state: LoopState): Promise<void> {
  const nowMs = Date.now();
  const siteOf = new Map<string, string>(
    state.desktops().map(({ host, report }) => [report.definition.id, host.site] as const),
  );
  const silent = [...state.current.values()]
    .flatMap(({ desktop, user }) => {
      const here = siteOf.get(desktop);
      if (user === null || here === undefined || !IPV4.test(user.address)) return [];
      if (isFresh(state, desktop, user.address, nowMs)) return [];
      return [{ desktop, user, sites: new Set(wantedSites(state, user.address, here)) }];
    })
    .slice(0, PROBED_A_CYCLE);
  if (silent.length === 0) return;
  const answers = await Promise.all(
    state.cloud.sites.map(async (site) => {
      const host = site.hosts.map((h) => ({ site: site.id, host: h.id })).find((ref) => state.isAlive(ref));
      const wanted = silent.filter((s) => s.sites.has(site.id)).map((s) => s.user.address);
      const nothing: Record<string, number | null> = {};
      if (host === undefined || wanted.length === 0) return { site: site.id, rtts: nothing };
      // A host that cannot probe leaves its site without a value, which the plan then says.
      const rtts = await ctlProbe(host)
        .probeUsers({ addresses: [...new Set(wanted)] })
        .catch(() => nothing);
      return { site: site.id, rtts };
    }),
  );
  const atMs = Date.now();
  for (const { desktop, user, sites } of silent) {
    const measured = answers.flatMap(({ site, rtts }): [string, number][] => {
      const ms = sites.has(site) ? rtts[user.address] : null;
      return ms === null || ms === undefined ? [] : [[site, ms]];
    });
    state.users.set(desktop, {
      rtts: Object.fromEntries(measured),
      measuredAtMs: Object.fromEntries(measured.map(([site]) => [site, atMs])),
      by: 'hosts',
      askedAtMs: atMs,
      seenAs: `${user.address}:${String(user.port)}`,
    });
  }
}
