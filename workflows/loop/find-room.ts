// Where a desktop is, and where there is room for it, by fresh reports; refused with one clear error before anything is changed.
import { VmshadowError } from '../../domain/errors.js';
import { chooseHost } from '../../domain/migration/choose-host.js';
import { plus, usedBy, type Capacity } from '../../domain/model/capacity.js';
import type { CloudConfig } from '../../domain/model/cloud.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import { placeOf } from '../../domain/drain/place.js';
import { closedBy } from '../../domain/maintenance/window.js';
import { sameHost, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { HostReport } from '../../temporal/contract/host-report.js';
import type { Located, LoopState } from './loop-state.js';

/** Find a desktop; throws UNKNOWN_DESKTOP with the names that are known. */
export function knownDesktop(state: LoopState, desktop: DesktopId): Located {
  const found = state.find(desktop);
  if (found === null) {
    const known = [...state.reports.values()].flatMap((r) => r.desktops.map((d) => d.definition.id));
    throw new VmshadowError(
      'UNKNOWN_DESKTOP',
      `there is no desktop ${desktop}; known are ${known.slice(0, 20).join(', ') || 'none'}`,
    );
  }
  return found;
}

/** Refuse a site that is not there with the names of those that are. */
export function knownSite(state: LoopState, id: string): CloudConfig['sites'][number] {
  const site = state.cloud.sites.find((s) => s.id === id);
  if (site === undefined)
    throw new VmshadowError(
      'UNKNOWN_SITE',
      `there is no site ${id}; the sites are ${state.cloud.sites.map((s) => s.id).join(', ')}`,
    );
  return site;
}

/** Refuse a host that its site does not have. */
export function knownHost(state: LoopState, siteId: string, host: string): void {
  const { id, hosts } = knownSite(state, siteId);
  if (!hosts.some((h) => h.id === host))
    throw new VmshadowError(
      'UNKNOWN_SITE',
      `site ${id} has no host ${host}; its hosts are ${hosts.map((h) => h.id).join(', ')}`,
    );
}

/** Choose the host of a site that takes a desktop; throws NO_CAPACITY with what each lacks, HOST_UNREACHABLE where none answers. */
export function roomAt(
  state: LoopState,
  site: string,
  host: string | undefined,
  needs: Pick<DesktopDefinition, 'vcpus' | 'memoryMiB' | 'diskMiB'>,
  except: HostRef | null,
  /** Hosts that are only chosen where no other has room. */
  isHeldBack: (host: HostRef) => boolean = () => false,
): HostRef {
  const rooms = [...state.reports.values()]
    .filter(
      (r) => r.host.site === site && (host === undefined || r.host.host === host) && state.isAlive(r.host),
    )
    .filter((r) => except === null || !sameHost(r.host, except))
    .filter((r) => placeOf(state.draining.values(), r.host) === undefined)
    .filter((r) => closedBy(state.windows.values(), r.host, Date.now()) === undefined)
    .map((r) => ({ host: r.host, capacity: r.capacity, used: usedOf(state, r) }));
  if (rooms.length === 0) {
    const problems = [...state.problems].map(([h, p]) => `${h}: ${p}`).join('; ');
    throw new VmshadowError(
      'HOST_UNREACHABLE',
      `no host of ${site} answers (${problems || 'none is left to choose from'})`,
    );
  }
  const rather = chooseHost(
    rooms.filter((r) => !isHeldBack(r.host)),
    needs,
  );
  const chosen = 'host' in rather ? rather : chooseHost(rooms, needs);
  if ('host' in chosen) return chosen.host;
  throw new VmshadowError('NO_CAPACITY', `site ${site} has no room: ${chosen.lacking.join(' | ')}`);
}

/** What is taken of a host: what it says, and moves and desktops that were begun just now, which may not be in its report yet. */
export function usedOf(state: LoopState, { host, atMs, used }: HostReport): Capacity {
  const coming = usedBy([
    ...[...state.moves.values()].filter((m) => sameHost(m.to, host) && m.startedAtMs > atMs),
    ...[...state.creating.values()].filter((c) => sameHost(c.host, host)),
  ]);
  return plus(used, coming);
}
