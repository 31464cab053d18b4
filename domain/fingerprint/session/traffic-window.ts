// Shapes what a desktop's flows carried since the last report into a TrafficWindow: a few flows by name, the rest in one sum.
import {
  MAX_FLOWS,
  MAX_UNRESOLVED,
  type CycleSummary,
  type FlowCounters,
  type FlowKey,
  type TrafficWindow,
} from '../model.js';
import { findRemoteDesktop, sameFlow } from './remote-desktop.js';

/** Says where a flow's peer is on the wire now, where the connection proxy rewrites addresses; undefined when it does not. */
export type PresentPeer = (
  desktop: string,
  flow: { readonly peerAddress: string; readonly peerPort: number; readonly desktopPort: number },
) => { address: string; port: number } | undefined;

/** Names of the servers that the policy counts as location-sensitive, as they resolve now. */
interface NamedServers {
  /** The policy's name of a server at this address; undefined for an address that no name gave. */
  nameOf(address: string): string | undefined;
  /** Names that do not resolve. */
  unresolved(): string[];
}

export interface WindowParts {
  readonly desktop: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly flows: readonly FlowCounters[];
  readonly sample: { readonly cycles: CycleSummary; readonly foundBy: 'port' | 'behaviour' } | undefined;
  /** Flows whose headers showed no screen, by `flowId`; silent: no headers were looked at. */
  readonly ruledOut?: ReadonlySet<string> | undefined;
  readonly remoteDesktopPorts: readonly number[];
  readonly relayPorts: readonly number[];
  readonly presentPeer: PresentPeer | undefined;
  readonly serverNames?: NamedServers | undefined;
}

/** Build one desktop's window. A sample of a flow whose user has meanwhile come from elsewhere is left out. */
export function trafficWindow(parts: WindowParts): TrafficWindow {
  const { desktop, flows, startMs, endMs } = parts;
  const shown = shownFlow(parts);
  const ordered = [...flows].sort(
    (a, b) => rankOf(b, shown?.flow) - rankOf(a, shown?.flow) || volume(b) - volume(a),
  );
  const others = ordered.slice(MAX_FLOWS);
  const cycles = usable(parts.sample?.cycles, shown?.flow);
  const peer = shown === undefined ? undefined : parts.presentPeer?.(desktop, shown.flow);
  return {
    desktop,
    startMs,
    endMs,
    flows: ordered.slice(0, MAX_FLOWS).map(plain),
    rest: others.reduce(
      (sum, f) => ({
        flows: sum.flows + 1,
        bytesIn: sum.bytesIn + f.bytesIn,
        packetsIn: sum.packetsIn + f.packetsIn,
        bytesOut: sum.bytesOut + f.bytesOut,
        packetsOut: sum.packetsOut + f.packetsOut,
      }),
      { flows: 0, bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0 },
    ),
    remoteDesktop: shown === undefined ? null : { ...key(shown.flow), foundBy: shown.foundBy },
    user:
      shown === undefined ? null : (peer ?? { address: shown.flow.peerAddress, port: shown.flow.peerPort }),
    rttMs: cycles?.rttMs ?? null,
    ...(cycles === undefined ? {} : { cycles }),
    ...(shown === undefined && parts.ruledOut !== undefined ? { headersSeen: true } : {}),
    ...namedServers(ordered.slice(0, MAX_FLOWS), parts.serverNames),
  };
}

/** Only the addresses that the window needs: a content network's name may have hundreds. */
function namedServers(
  flows: readonly FlowKey[],
  names: WindowParts['serverNames'],
): Pick<TrafficWindow, 'resolvedServers' | 'unresolvedServers'> {
  if (names === undefined) return {};
  const resolved = [...new Set(flows.map((f) => f.peerAddress))].flatMap((address) => {
    const name = names.nameOf(address);
    return name === undefined ? [] : [{ name, address }];
  });
  const unresolved = names.unresolved().slice(0, MAX_UNRESOLVED);
  return {
    ...(resolved.length === 0 ? {} : { resolvedServers: resolved }),
    ...(unresolved.length === 0 ? {} : { unresolvedServers: unresolved }),
  };
}

function shownFlow(parts: WindowParts): { flow: FlowKey; foundBy: 'port' | 'behaviour' } | undefined {
  const { sample, flows, remoteDesktopPorts, relayPorts, ruledOut } = parts;
  const counted = findRemoteDesktop(flows, {
    remoteDesktopPorts,
    relayPorts,
    previous: sample?.cycles.flow,
    ruledOut,
  });
  if (counted?.foundBy === 'port') return counted;
  // Headers tell more than counters: who opened the flow, and the size of its messages.
  const sampled = flows.find((f) => sample !== undefined && sameFlow(f, sample.cycles.flow));
  if (sampled !== undefined && sample !== undefined) return { flow: sampled, foundBy: sample.foundBy };
  // Once headers have been looked at, a flow that has begun since is a screen when they show it to be: a backup starts when users have gone.
  return ruledOut === undefined ? (counted ?? undefined) : undefined;
}

/** The same user may open a new connection; another address is another distance. */
function usable(cycles: CycleSummary | undefined, shown: FlowKey | undefined): CycleSummary | undefined {
  return shown !== undefined && cycles !== undefined && cycles.flow.peerAddress !== shown.peerAddress
    ? undefined
    : cycles;
}

function key({ protocol, desktopPort, peerAddress, peerPort }: FlowKey): FlowKey {
  return { protocol, desktopPort, peerAddress, peerPort };
}

function plain(f: FlowCounters): FlowCounters {
  const { bytesIn, packetsIn, bytesOut, packetsOut } = f;
  return { ...key(f), bytesIn, packetsIn, bytesOut, packetsOut };
}

function rankOf(f: FlowKey, shown: FlowKey | undefined): number {
  return shown !== undefined && sameFlow(f, shown) ? 1 : 0;
}

function volume(f: FlowCounters): number {
  return f.bytesIn + f.bytesOut;
}
