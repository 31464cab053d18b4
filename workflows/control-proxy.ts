// Activities of the manager as seen from workflows.
import { proxyActivities } from '@temporalio/workflow';
import type { ControlActivities } from '../activities/control/control-activities.js';
import { CONTROL_QUEUE } from '../temporal/contract/names.js';

/** Planning and questions about workflows: tried again by any manager, with the reports of the next cycle if that does not help. */
export const control = proxyActivities<ControlActivities>({
  taskQueue: CONTROL_QUEUE,
  startToCloseTimeout: '2m',
  retry: { maximumAttempts: 3 },
});
