// First half of a cycle: every host reports (a dead one is said, and does not hold the others up), then each desktop is ranked.
import { TrafficWindow } from '../../domain/fingerprint/model.js';
import { updateFingerprint } from '../../domain/fingerprint/rank.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import type { SamplingPolicy } from '../../domain/model/policy.js';
import { failureInfo } from '../../temporal/failures.js';
import { report } from '../host-proxies.js';
import { without, type LoopState } from './loop-state.js';

/** Ask hosts for their reports; with `traffic`, rank their desktops by it. */
export async function collect(
  state: LoopState,
  traffic: boolean,
  hosts: readonly HostRef[] = state.hosts(),
): Promise<void> {
  const ask = traffic ? { traffic, sampling: samplingPolicy(state) } : { traffic };
  const answers = await Promise.all(
    hosts.map(async (host) => {
      try {
        return { host, report: await report(host).reportHost(ask), problem: '' };
      } catch (error) {
        return { host, report: null, problem: failureInfo(error).message };
      }
    }),
  );
  for (const answer of answers) {
    const key = hostKey(answer.host);
    if (answer.report === null) state.problems.set(key, answer.problem);
    else {
      state.problems.delete(key);
      state.reports.set(key, answer.report);
    }
  }
  learnUsers(state);
  if (traffic) rank(state);
}

/** The policy in force goes with every cycle's request: a change by an operator is heard of without a restart. */
function samplingPolicy(state: LoopState): SamplingPolicy {
  const { sensitiveServers, remoteDesktopPorts, relayPorts, assumedContentFps } = state.policy.fingerprint;
  return { sensitiveServers, remoteDesktopPorts, relayPorts, assumedContentFps };
}

function learnUsers(state: LoopState): void {
  const now = Date.now();
  for (const { users } of state.reports.values())
    for (const user of users) {
      if (user.rtts.length === 0) continue;
      state.carried.users[user.desktop] = {
        rtts: Object.fromEntries(user.rtts.map((r) => [r.site, r.rttMs])),
        measuredAtMs: Object.fromEntries(user.rtts.map((r) => [r.site, now - r.ageMs])),
        atMs: now,
        seenAs: `${user.seenAs.address}:${String(user.seenAs.port)}`,
      };
    }
}

function rank(state: LoopState): void {
  const { policy, carried } = state;
  for (const hostReport of state.reports.values()) {
    if (state.problems.has(hostKey(hostReport.host))) continue;
    for (const raw of hostReport.windows) {
      // A dom0 of another release may report in another shape: that must not stop the loop for everyone.
      const { data: window } = TrafficWindow.safeParse(raw);
      if (window === undefined) {
        state.problems.set(
          `traffic ${hostKey(hostReport.host)}`,
          'its traffic report cannot be read: do manager and dom0 have the same release?',
        );
        continue;
      }
      const here = hostReport.desktops.some((d) => d.definition.id === window.desktop);
      if (!here) continue;
      const { state: next, fingerprint } = updateFingerprint(
        carried.fingerprints[window.desktop],
        withControlRtt(state, hostReport.host.site, window),
        policy.fingerprint,
      );
      carried.fingerprints[window.desktop] = next;
      state.current.set(window.desktop, fingerprint);
      if (fingerprint.rank >= policy.placement.lowThreshold)
        carried.lowSinceMs = without(carried.lowSinceMs, window.desktop);
      else carried.lowSinceMs[window.desktop] ??= Date.now();
    }
  }
  state.forgetGone();
}

/** The thin client's own measurement, beside the passive one: a check that is told when they disagree. */
function withControlRtt(state: LoopState, site: string, window: TrafficWindow): TrafficWindow {
  const controlRttMs = state.carried.users[window.desktop]?.rtts[site];
  return controlRttMs === undefined ? window : { ...window, controlRttMs };
}
