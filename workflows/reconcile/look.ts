// Asks hosts what they hold. One that does not answer, does not know the question, or speaks nonsense is said and holds nobody up.
import type { PoolHosts } from '../../activities/control/control-activities.js';
import { hostKey, sameHost, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import { parseInput } from '../../domain/model/parse.js';
import { Held, type HostLook } from '../../domain/reconcile/held.js';
import { isVmshadowError, messageOf } from '../../domain/errors.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import { report } from '../host-proxies.js';
import { ASKED_AT_A_TIME, someAtATime } from '../some-at-a-time.js';

/** What the Temporal worker of a dom0 says that has no such activity. */
const UNKNOWN_ACTIVITY = /not registered/;

/** Look at hosts, at all that they hold or at what they hold of one desktop (null: of all). */
export function lookAt(hosts: PoolHosts['hosts'], desktop: DesktopId | null): Promise<HostLook[]> {
  return someAtATime(hosts, ASKED_AT_A_TIME, ({ host }) => lookAtHost(host, desktop));
}

async function lookAtHost(host: HostRef, desktop: DesktopId | null): Promise<HostLook> {
  try {
    const answer = await report(host).reportHeld({ desktop });
    const held = parseInput(Held, answer, `what ${hostKey(host)} holds`);
    if (sameHost(held.host, host)) return { host, held };
    return { host, held: null, why: 'unreadable', problem: `it answers as ${hostKey(held.host)}` };
  } catch (error) {
    if (isVmshadowError(error)) return { host, held: null, why: 'unreadable', problem: messageOf(error) };
    const { message } = failureInfo(error);
    const why = UNKNOWN_ACTIVITY.test(message) ? 'older' : 'silent';
    return { host, held: null, why, problem: message };
  }
}
