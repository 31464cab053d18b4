// The port of traffic sampling: what a host saw of its desktops' traffic, from outside. What any sampler promises is claimed in
// test/compliance/traffic.ts.
import type { TrafficWindow } from '../domain/fingerprint/model.js';
import type { SamplingPolicy } from '../domain/model/policy.js';
import type { DesktopRuntime } from './hypervisor.js';

export interface TrafficSource {
  /**
   * Traffic windows since the last call, one for each of `desktops` (what the host lists) that has a process and belongs to this host, without
   * a gap in time; they are watched from now on, by `policy`, and others no longer. What was sent unwatched is never counted.
   */
  collect(policy: SamplingPolicy, desktops: readonly DesktopRuntime[]): Promise<TrafficWindow[]>;
}
