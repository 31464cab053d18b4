// The port of traffic sampling: what a host saw of its desktops' traffic, from outside.
import type { TrafficWindow } from '../domain/fingerprint/model.js';
import type { SamplingPolicy } from '../domain/model/policy.js';

export interface TrafficSource {
  /** Traffic windows of the desktops of this host since the last call; sampled by `policy` from now on. */
  collect(policy: SamplingPolicy): Promise<TrafficWindow[]>;
}
