// Users whose thin client says nothing of its round trips (no proxy there, or one that is silent): their address is known from the
// traffic, and the hosts of the sites ask it themselves.
import { ctlProbe } from '../host-proxies.js';
import type { LoopState } from './loop-state.js';
import { isFresh } from './plan-request.js';

/** As many as a host takes in one task; the others have their turn in later cycles. */
const PROBED_A_CYCLE = 200;

/** Have one living host of each site measure users without fresh round trips, and remember what it found. */
export async function probeSilentUsers(state: LoopState): Promise<void> {
  const nowMs = Date.now();
  const silent = [...state.current.values()]
    .flatMap((f) =>
      f.user === null || isFresh(state, f.desktop, nowMs) ? [] : [{ desktop: f.desktop, user: f.user }],
    )
    .filter(({ user }) => /^\d+(\.\d+){3}$/.test(user.address))
    .slice(0, PROBED_A_CYCLE);
  if (silent.length === 0) return;
  const addresses = [...new Set(silent.map((s) => s.user.address))];
  const hosts = state.cloud.sites.flatMap((site) => {
    const host = site.hosts.map((h) => ({ site: site.id, host: h.id })).find((ref) => state.isAlive(ref));
    return host === undefined ? [] : [host];
  });
  const answers = await Promise.all(
    hosts.map(async (host) => {
      // A host that cannot probe leaves its site without a value, which the plan then says.
      const rtts = await ctlProbe(host)
        .probeUsers({ addresses })
        .catch((): Record<string, number | null> => ({}));
      return { site: host.site, rtts };
    }),
  );
  for (const { desktop, user } of silent) {
    const measured = answers.flatMap(({ site, rtts }) => {
      const ms = rtts[user.address] ?? null;
      return ms === null ? [] : [[site, ms] as const];
    });
    if (measured.length === 0) continue;
    const atMs = Date.now();
    state.carried.users[desktop] = {
      rtts: Object.fromEntries(measured),
      measuredAtMs: Object.fromEntries(measured.map(([site]) => [site, atMs])),
      atMs,
      seenAs: `${user.address}:${String(user.port)}`,
    };
  }
}
