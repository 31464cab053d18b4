// First half of a cycle: every host reports, and ranks its desktops (a dead one is said, and does not hold the others up).
import { readHostReport, type HostReport } from '../../temporal/contract/host-report.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import { report } from '../host-proxies.js';
import { ASKED_AT_A_TIME, someAtATime } from '../some-at-a-time.js';
import type { LoopState } from './loop-state.js';
import { heardSince } from './round-trips.js';

type Answer = { readonly host: HostRef; readonly number: number } & (
  { readonly report: HostReport; readonly doubts: readonly string[] } | { readonly problem: string }
);

/** Ask hosts for their reports; with `traffic`, with their desktops' ranks. */
export async function collect(
  state: LoopState,
  traffic: boolean,
  hosts: readonly HostRef[] = state.hosts(),
): Promise<void> {
  // The policy in force goes with every cycle's request: a change by an operator is heard of without a restart.
  const ask = traffic ? { traffic, fingerprint: state.policy.fingerprint } : { traffic };
  const answers = await someAtATime(hosts, ASKED_AT_A_TIME, async (host): Promise<Answer> => {
    const number = state.nextAsk();
    try {
      return { host, number, ...readHostReport(await report(host).reportHost(ask), host) };
    } catch (error) {
      return { host, number, problem: failureInfo(error).message };
    }
  });
  for (const answer of answers)
    if (state.takeIn(answer.host, answer.number, answer) && 'report' in answer)
      learnUsers(state, answer.report);
  if (!traffic) return;
  state.heard = true;
  for (const answer of answers) if ('report' in answer) learnFrom(state, answer.report, answer.doubts);
  state.forgetGone();
}

function learnUsers(state: LoopState, { users }: HostReport): void {
  const now = Date.now();
  for (const user of users) {
    if (user.rtts.length === 0) continue;
    const before = state.users.get(user.desktop);
    state.users.set(user.desktop, {
      rtts: Object.fromEntries(user.rtts.map((r) => [r.site, r.rttMs])),
      measuredAtMs: Object.fromEntries(user.rtts.map((r) => [r.site, now - r.ageMs])),
      by: 'client',
      askedAtMs: now,
      sinceMs: heardSince(before, now),
      seenAs: `${user.seenAs.address}:${String(user.seenAs.port)}`,
    });
  }
}

function learnFrom(state: LoopState, { host, fingerprints }: HostReport, doubts: readonly string[]): void {
  const said = `traffic ${hostKey(host)}`;
  if (doubts.length === 0) state.problems.delete(said);
  else state.problems.set(said, doubts.join('; '));
  for (const fingerprint of fingerprints) {
    const { desktop, rank } = fingerprint;
    state.current.set(desktop, fingerprint);
    if (rank >= state.policy.placement.lowThreshold) state.lowSinceMs.delete(desktop);
    else if (!state.lowSinceMs.has(desktop)) state.lowSinceMs.set(desktop, Date.now());
  }
}
