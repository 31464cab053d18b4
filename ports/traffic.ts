// The port of traffic sampling: what a host saw of its desktops' traffic, from outside.
import type { TrafficWindow } from '../domain/fingerprint/model.js';
import type { SamplingPolicy } from '../domain/model/policy.js';
import type { DesktopRuntime } from './hypervisor.js';

export interface TrafficSource {
  /**
   * Traffic windows since the last call of those of `desktops` (what the host lists) that have a process and belong to this host; they are
   * watched from now on, by `policy`, and others no longer.
   */
  collect(policy: SamplingPolicy, desktops: readonly DesktopRuntime[]): Promise<TrafficWindow[]>;
}
