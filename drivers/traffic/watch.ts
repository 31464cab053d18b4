// What the sampler remembers of one desktop that it watches: what was counted, the newest header sample, and when the next look is due.
import type { CycleSummary } from '../../domain/fingerprint/model.js';
import { findRemoteDesktop } from '../../domain/fingerprint/session/remote-desktop.js';
import { dueLook, recent, type Look } from '../../domain/fingerprint/session/sampling-schedule.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';
import { addCounters, type DesktopFlow } from './flow-counters.js';
import type { WatchedDesktop } from './watched-desktop.js';

export interface Watch {
  readonly desktop: WatchedDesktop;
  sinceMs: number;
  /** Since the last report. */
  flows: Map<string, DesktopFlow>;
  /** Since the last turn. */
  turnFlows: Map<string, DesktopFlow>;
  sample: { cycles: CycleSummary; foundBy: 'port' | 'behaviour' } | undefined;
  /** Flows that the newest look found to show no screen; undefined before the first. */
  ruledOut: ReadonlySet<string> | undefined;
  sampledAtMs: number;
  bytesAtSample: number;
  bytes: number;
  /** When looks out of turn began. */
  earlyAtMs: number[];
  busy: AbortController | undefined;
}

/** Begin to remember a desktop of which nothing has been seen. */
export function beginWatch(desktop: WatchedDesktop, nowMs: number): Watch {
  return {
    desktop,
    sinceMs: nowMs,
    flows: new Map(),
    turnFlows: new Map(),
    sample: undefined,
    ruledOut: undefined,
    sampledAtMs: 0,
    bytesAtSample: 0,
    bytes: 0,
    earlyAtMs: [],
    busy: undefined,
  };
}

/** Take in what one of the desktop's flows carried. */
export function addFlow(watch: Watch, flow: DesktopFlow): void {
  addCounters(watch.flows, [flow]);
  addCounters(watch.turnFlows, [flow]);
  watch.bytes += flow.bytesIn + flow.bytesOut;
}

/** Forget the sample: a look is due at the next turn. */
export function forgetSample(watch: Watch): void {
  watch.sample = undefined;
  watch.ruledOut = undefined;
  watch.sampledAtMs = 0;
}

/** The ports on which the desktop's screen may be shown, its own first. */
export function portsOf(watch: Watch, policy: SamplingPolicy): number[] {
  return [watch.desktop.remoteDesktopPort, ...policy.remoteDesktopPorts];
}

/** The port of the desktop's known remote-desktop flow, if one carries traffic now. */
export function flowOnPort(watch: Watch, policy: SamplingPolicy): number | undefined {
  const ports = portsOf(watch, policy);
  return [...watch.flows.values()].find((f) => ports.includes(f.desktopPort))?.desktopPort;
}

/** End a turn of `turnMs`: say whether a look is due, and why; null when not, or while one is under way. */
export function endTurn(
  watch: Watch,
  policy: SamplingPolicy,
  { nowMs, turnMs, sampleEveryMs }: { nowMs: number; turnMs: number; sampleEveryMs: number },
): Look | null {
  const flows = [...watch.turnFlows.values()];
  watch.turnFlows = new Map();
  if (watch.busy !== undefined) return null;
  const found = findRemoteDesktop(flows, {
    remoteDesktopPorts: portsOf(watch, policy),
    relayPorts: policy.relayPorts,
    previous: watch.sample?.cycles.flow,
    ruledOut: watch.ruledOut,
  });
  return dueLook(
    {
      nowMs,
      sampledAtMs: watch.sampledAtMs,
      sample: watch.sample?.cycles,
      bytesSince: watch.bytes - watch.bytesAtSample,
      screen: found === null ? null : { flow: found.flow, bytesOut: found.flow.bytesOut },
      turnMs,
      earlyAtMs: watch.earlyAtMs,
    },
    sampleEveryMs,
  );
}

/** Note that a look begins. */
export function beginLook(watch: Watch, look: Look, nowMs: number): AbortController {
  if (look === 'early') watch.earlyAtMs = [...recent(watch.earlyAtMs, nowMs), nowMs];
  watch.busy = new AbortController();
  return watch.busy;
}

/** Note that a look has ended; one that was broken off is taken again at the next turn. */
export function endLook(watch: Watch, brokenOff: boolean, nowMs: number): void {
  watch.busy = undefined;
  if (brokenOff) return;
  watch.sampledAtMs = nowMs;
  watch.bytesAtSample = watch.bytes;
}
