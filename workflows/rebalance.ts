// What the Temporal Schedule `rebalance` starts: one cycle that acts on its plan, also where the loop only watches (policy.act false).
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { PoolId } from '../domain/model/ids.js';
import { LOOP } from '../temporal/contract/loop.js';
import { shadowLoopId, WORKFLOW } from '../temporal/contract/names.js';
import { workflowInput } from './serve.js';

/** Let the loop of `pool` run a cycle now and act on it. */
export async function rebalance(pool: unknown): Promise<void> {
  const id = workflowInput(PoolId, pool, WORKFLOW.rebalance);
  await getExternalWorkflowHandle(shadowLoopId(id)).signal(LOOP.runCycle, { act: true, cause: 'rebalance' });
}
