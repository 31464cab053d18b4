// Which paths the connections of a desktop take, and the round trip of each, for people. Pure text.
import { hostKey } from '../../domain/model/ids.js';
import type { DesktopStatus } from '../../temporal/contract/status.js';
import { formatMs, plural } from './format.js';
import { printable } from './table.js';

/** One way by which connections reach a desktop. */
export interface Path {
  readonly path: 'direct' | 'relay';
  /** The address by which the other end knows the desktop. */
  readonly address: string | null;
  /** On this path; null where they are not counted. */
  readonly connections: number | null;
  /** The user's to the desktop; of a relay, what the way between the two hosts adds. Null: not measured. */
  readonly rttMs: number | null;
}

/** The paths of a desktop's connections: the direct one, then those over sites that it has left. */
export function pathsOf({ external, rttMs, relayed }: DesktopStatus): Path[] {
  const direct: Path = { path: 'direct', address: external, connections: null, rttMs };
  const relays = (relayed ?? []).map(({ oldExternal, connections, rttMs: added }): Path => ({
    ...{ path: 'relay', address: oldExternal },
    ...{ connections, rttMs: added },
  }));
  return [direct, ...relays];
}

/** Say them, a line each. */
export function renderPing(desktop: DesktopStatus): string {
  const lines = pathsOf(desktop).map(({ path, address, connections, rttMs }) =>
    path === 'direct'
      ? `direct, ${address === null ? 'no address' : printable(address)}: ${rttMs === null ? 'the user’s round trip has not been measured' : `round trip of the user ${formatMs(rttMs)}`}`
      : `over ${printable(address ?? '')}, a site that it has left: ${plural(connections ?? 0, 'connection')}, ${rttMs === null ? 'the way between the hosts has not been measured' : `${formatMs(rttMs)} more between the hosts`}`,
  );
  const rest = lines.length > 1 ? [] : ['no connection goes over a site that it has left'];
  return [`${desktop.desktop} at ${hostKey(desktop.host)}`, ...lines, ...rest].join('\n  ');
}
