// The paper's rank (MMSys'14 section 4): share of active ports that are location-sensitive, share of traffic that is, and bandwidth of
// the remote-desktop protocol, weighted. The remote-desktop flow counts by its bandwidth only: Table 3 tells its traffic apart, too.
import type { FingerprintPolicy } from '../../model/policy.js';
import { cidrBounds, ipv4ToNumber, isServerName } from '../../model/address.js';
import type { FlowCounters, FlowKey, PaperMetrics, ResolvedServer, TrafficWindow } from '../model.js';
import { sameFlow } from '../session/remote-desktop.js';
import { rounded, toShare } from '../statistics.js';

/** Work out the three metrics of one window; `remoteDesktop` is the flow that shows the screen. */
export function paperMetrics(
  window: TrafficWindow,
  remoteDesktop: FlowKey | null,
  policy: FingerprintPolicy,
): PaperMetrics {
  const seconds = Math.max(0, window.endMs - window.startMs) / 1000;
  const own = window.flows.filter((f) => remoteDesktop === null || !sameFlow(f, remoteDesktop));
  const shown = window.flows.filter((f) => !own.includes(f));
  const sensitive = own.filter((f) => isSensitive(f, policy, window.resolvedServers));
  const active = new Set(own.map(servicePort)).size + window.rest.flows;
  const sensitivePorts = new Set(sensitive.map(servicePort)).size;
  const shownBytes = sum(shown);
  const totalBytes = shownBytes + sum(own) + window.rest.bytesIn + window.rest.bytesOut;
  const perSecond = (bytes: number) => (seconds > 0 ? bytes / 1000 / seconds : 0);
  const remoteDesktopKBps = perSecond(shown.reduce((n, f) => n + f.bytesOut, 0));
  return {
    ports: toShare(active === 0 ? 0 : sensitivePorts / active),
    traffic: toShare(totalBytes === 0 ? 0 : sum(sensitive) / totalBytes),
    bandwidth: toShare(remoteDesktopKBps / policy.fullBandwidthKBps),
    activePorts: active,
    sensitivePorts,
    remoteDesktopKBps: rounded(remoteDesktopKBps),
    totalKBps: rounded(perSecond(totalBytes)),
  };
}

/** Weigh the metrics to a rank of 0 to 1. */
export function paperRank(metrics: PaperMetrics, policy: FingerprintPolicy): number {
  const { ports, traffic, bandwidth } = policy.weights;
  const all = ports + traffic + bandwidth;
  if (all <= 0) return 0;
  return toShare((ports * metrics.ports + traffic * metrics.traffic + bandwidth * metrics.bandwidth) / all);
}

/** Tell whether a flow is location-sensitive by the port of its service or by its server; `resolved` are the addresses of named servers. */
function isSensitive(
  f: FlowKey,
  policy: FingerprintPolicy,
  resolved: readonly ResolvedServer[] = [],
): boolean {
  if (policy.sensitivePorts.includes(f.peerPort) || policy.sensitivePorts.includes(f.desktopPort))
    return true;
  return policy.sensitiveServers.some((entry) =>
    isServerName(entry)
      ? resolved.some((s) => s.name === entry && s.address === f.peerAddress)
      : isWithin(f.peerAddress, entry),
  );
}

function isWithin(address: string, range: string): boolean {
  if (!/^\d+(\.\d+){3}$/.test(address)) return false;
  const { first, last } = cidrBounds(range);
  const n = ipv4ToNumber(address);
  return n >= first && n <= last;
}

/** The port that names the service: the lower one, since clients take high ones. */
function servicePort(f: FlowCounters): string {
  return `${f.protocol} ${Math.min(f.desktopPort, f.peerPort)}`;
}

function sum(flows: readonly FlowCounters[]): number {
  return flows.reduce((n, f) => n + f.bytesIn + f.bytesOut, 0);
}
