// The traffic port without a kernel: each running desktop has the window that it is told to have, or one of what it was told to send.
import type { FlowCounters, TrafficWindow } from '../../domain/fingerprint/model.js';
import { isOff } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';
import type { TrafficSource } from '../../ports/traffic.js';

export interface FakeTrafficOptions {
  readonly owns: (desktop: DesktopId) => Promise<boolean>;
  /** Windows that are reported again and again, as of desktops that go on with what they do. */
  readonly steady?: () => readonly TrafficWindow[];
  readonly now?: () => number;
}

export class FakeTraffic implements TrafficSource {
  /** What was last asked to sample by. */
  sampling: SamplingPolicy | undefined;
  readonly #options: FakeTrafficOptions;
  readonly #watched = new Map<string, { sinceMs: number; flows: FlowCounters[] }>();

  constructor(options: FakeTrafficOptions) {
    this.#options = options;
  }

  /** Let a desktop, if it is watched, have had this traffic. */
  carry(desktop: string, flow: FlowCounters): void {
    this.#watched.get(desktop)?.flows.push(flow);
  }

  async collect(...[policy, desktops]: Parameters<TrafficSource['collect']>): Promise<TrafficWindow[]> {
    const { owns, steady = () => [], now = Date.now } = this.#options;
    this.sampling = policy;
    const present = new Set<string>();
    for (const { definition, state } of desktops)
      if (!isOff(state) && (await owns(definition.id))) present.add(definition.id);
    for (const id of this.#watched.keys()) if (!present.has(id)) this.#watched.delete(id);
    const endMs = now();
    return [...present].map((desktop) => {
      const { sinceMs, flows } = this.#watched.get(desktop) ?? { sinceMs: endMs, flows: [] };
      this.#watched.set(desktop, { sinceMs: endMs, flows: [] });
      return (
        steady().find((window) => window.desktop === desktop) ?? {
          desktop,
          startMs: sinceMs,
          endMs,
          flows,
          rest: { bytesIn: 0, packetsIn: 0, bytesOut: 0, packetsOut: 0, flows: 0 },
          user: null,
          rttMs: null,
          remoteDesktop: null,
        }
      );
    });
  }
}
