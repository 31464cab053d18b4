// All activities of a host in one object, as Temporal calls them.
import { Context } from '@temporalio/activity';
import { atBoundary } from '../boundary.js';
import { switchover, type Pulse, type SwitchoverDone } from '../switchover/switchover.js';
import { beating } from './beating.js';
import { cleanupActivities } from './cleanup.js';
import { creationActivities } from './creation.js';
import { desktopActivities } from './desktops.js';
import type { HostContext } from './host-context.js';
import { HOST_INPUTS, type SwitchoverRequest } from './inputs.js';
import { activityReporter, creationReporter } from './progress-reporter.js';
import { probeActivities } from './probe.js';
import { reconcileActivities } from './reconcile.js';
import { sourceActivities } from './source.js';
import { targetActivities } from './target.js';

/** While the guest stands still the heartbeat must show a dead worker fast. */
const SWITCHOVER_BEAT_MS = 500;

/** They report how far they are, or beat by themselves. */
const SPEAKING = [
  'makeDesktop',
  'copyDisk',
  'switchToSync',
  'copyMemory',
  'switchover',
  'hashRetired',
  'hashSnapshot',
] as const;

/** Make the activities of a host; both its queues serve all of them, the workflows choose the queue. */
export function hostActivities(ctx: HostContext) {
  const all = {
    ...desktopActivities(ctx),
    ...creationActivities(ctx, creationReporter),
    ...probeActivities(ctx),
    ...targetActivities(ctx),
    ...sourceActivities(ctx, activityReporter),
    ...cleanupActivities(ctx, activityReporter),
    ...reconcileActivities(ctx),
    async switchover(request: SwitchoverRequest): Promise<SwitchoverDone> {
      const { heartbeat, cancellationSignal } = Context.current();
      let note = 'starting';
      const timer = setInterval(() => heartbeat(note), SWITCHOVER_BEAT_MS);
      const pulse: Pulse = Object.assign(
        (text: string) => {
          note = text;
          heartbeat(note);
        },
        { signal: cancellationSignal },
      );
      try {
        return await switchover(ctx, request, pulse);
      } finally {
        clearInterval(timer);
      }
    },
  };
  return atBoundary(HOST_INPUTS, beating(all, SPEAKING));
}

export type HostActivities = ReturnType<typeof hostActivities>;
