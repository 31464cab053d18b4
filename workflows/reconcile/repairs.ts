// The executor of reconciliation's repairs: each is one activity of one host, which checks it again under the desktop's lock.
import type { PoolHosts } from '../../activities/control/control-activities.js';
import { hostKey, sameHost, type HostRef } from '../../domain/model/ids.js';
import { VmshadowError } from '../../domain/errors.js';
import type { Finding, Repair } from '../../domain/reconcile/finding.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import type { ReconcileItem } from '../../temporal/contract/reconcile.js';
import { ctl } from '../host-proxies.js';
import { ASKED_AT_A_TIME, someAtATime } from '../some-at-a-time.js';

/** Make the repairs of these findings: desktops side by side, each one's in its order until one fails. */
export async function makeRepairs(
  findings: readonly Finding[],
  hosts: PoolHosts['hosts'],
): Promise<ReconcileItem[]> {
  const byDesktop = new Map<string, Finding[]>();
  for (const finding of findings)
    byDesktop.set(String(finding.desktop), [...(byDesktop.get(String(finding.desktop)) ?? []), finding]);
  const items = await someAtATime([...byDesktop.values()], ASKED_AT_A_TIME, (own) => inOrder(own, hosts));
  return items.flat();
}

async function inOrder(findings: readonly Finding[], hosts: PoolHosts['hosts']): Promise<ReconcileItem[]> {
  const items: ReconcileItem[] = [];
  for (const finding of findings) {
    if (finding.repair === null) continue;
    try {
      await make(finding.repair, hosts);
      items.push({ ...finding, outcome: 'repaired', error: null });
    } catch (error) {
      items.push({ ...finding, outcome: 'failed', error: failureInfo(error).message });
      break;
    }
  }
  return items;
}

async function make(repair: Repair, hosts: PoolHosts['hosts']): Promise<void> {
  const { host, desktop } = repair;
  const at = ctl(host);
  switch (repair.do) {
    case 'end-copies':
      return at.endCopies({ desktop, epoch: repair.epoch, copies: [...repair.copies] });
    case 'drop-target':
      return at.dropTarget({ desktop, moveId: repair.moveId });
    case 'settle-target':
      return at.settleDeadMove({ desktop, moveId: repair.moveId });
    case 'run-here':
      return at.runHere({ desktop, moveId: repair.moveId, epoch: repair.epoch, from: repair.from });
    case 'finish-move': {
      const peer = { host: repair.peer, endpoint: endpointOf(repair.peer, hosts) };
      return at.finishMove({ desktop, moveId: repair.moveId, epoch: repair.epoch, peer });
    }
    case 'retire-source':
      return at.retireSource({ desktop, moveId: repair.moveId, epoch: repair.epoch });
    case 'clean-source':
      return at.cleanSource({ moveId: repair.moveId, keepDisk: repair.keepDisk, change: repair.change });
    case 'detach':
      return at.detachStale({ desktop });
    case 'uncap':
      return at.uncapMove({ desktop, moveId: repair.moveId });
  }
}

/** Where a host answers its peers, by the cloud's configuration and never by what a host says. */
function endpointOf(host: HostRef, hosts: PoolHosts['hosts']) {
  const found = hosts.find((h) => sameHost(h.host, host));
  if (found === undefined)
    throw new VmshadowError('HOST_UNREACHABLE', `where ${hostKey(host)} answers its peers is not known`);
  return found.peer;
}
