// Activities of a host as seen from workflows: one options object a kind of work, the queue named by the host.
import { ActivityCancellationType, proxyActivities, type ActivityInterfaceFor } from '@temporalio/workflow';
import type { HostActivities } from '../activities/host/host-activities.js';
import type { HostRef } from '../domain/model/ids.js';
import { bulkQueue, ctlQueue } from '../temporal/contract/names.js';

type Host = ActivityInterfaceFor<HostActivities>;

/** A dom0 that does not take up a short task in this time is as good as dead. */
const START_WITHIN = '15s';
/**
 * A dom0 that died in a short task is missed after so long. Each task beats every second; a dom0 of a release before does not, and is asked
 * again after this time: the second attempt waits for the first.
 */
const MISSED_AFTER = '20s';
/** A restarted dom0 is back within this; its copies went on meanwhile. */
const BULK_START_WITHIN = '10m';

const RETRY = {
  initialInterval: '500ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
  maximumAttempts: 4,
} as const;

/** Short tasks that may fail the move. */
export function ctl(host: HostRef): Host {
  return proxyActivities<HostActivities>({
    taskQueue: ctlQueue(host),
    scheduleToStartTimeout: START_WITHIN,
    startToCloseTimeout: '2m',
    heartbeatTimeout: MISSED_AFTER,
    retry: RETRY,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

/** Reports: a dead host must not hold the cycle. */
export function report(host: HostRef): Host {
  return proxyActivities<HostActivities>({
    taskQueue: ctlQueue(host),
    scheduleToStartTimeout: '5s',
    startToCloseTimeout: '20s',
    retry: { maximumAttempts: 1 },
  });
}

/** Probes of users: worth little once they are late. */
export function ctlProbe(host: HostRef): Host {
  return proxyActivities<HostActivities>({
    taskQueue: ctlQueue(host),
    scheduleToStartTimeout: '5s',
    startToCloseTimeout: '60s',
    retry: { maximumAttempts: 1 },
  });
}

/** Copies: as long as they make progress; a killed worker shows within the heartbeat timeout and the next one goes on. */
export function bulk(host: HostRef): Host {
  return proxyActivities<HostActivities>({
    taskQueue: bulkQueue(host),
    scheduleToStartTimeout: BULK_START_WITHIN,
    startToCloseTimeout: '2d',
    heartbeatTimeout: '15s',
    retry: { ...RETRY, maximumAttempts: 10 },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

/** The switchover: taken up at once by a restarted worker, for ever, since only it can end the pause. */
export function switching(host: HostRef): Host {
  return proxyActivities<HostActivities>({
    taskQueue: ctlQueue(host),
    startToCloseTimeout: '2d',
    heartbeatTimeout: '5s',
    retry: { initialInterval: '100ms', backoffCoefficient: 1.5, maximumInterval: '5s' },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

/** Undoing, and cleaning up after the commit: retried until it works. */
export function persistent(host: HostRef, within?: '30s'): Host {
  return proxyActivities<HostActivities>({
    taskQueue: ctlQueue(host),
    startToCloseTimeout: '5m',
    heartbeatTimeout: MISSED_AFTER,
    ...(within === undefined ? {} : { scheduleToCloseTimeout: within }),
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' },
  });
}

/** Hashing after the commit: long, retried for a day at most, since the clean-up waits for it. */
export function persistentBulk(host: HostRef): Host {
  return proxyActivities<HostActivities>({
    taskQueue: bulkQueue(host),
    scheduleToCloseTimeout: '1d',
    startToCloseTimeout: '1d',
    heartbeatTimeout: '20s',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s', maximumAttempts: 20 },
  });
}
