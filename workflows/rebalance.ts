// What the Temporal Schedule `rebalance` starts: one cycle that acts on its plan, also where the loop only watches (policy.act false).
import { getExternalWorkflowHandle } from '@temporalio/workflow';
import { parseInput } from '../domain/model/parse.js';
import { PoolId } from '../domain/model/ids.js';
import { SIGNAL, type RunCycle } from '../temporal/contract/messages.js';
import { shadowLoopId } from '../temporal/contract/names.js';

/** Let the loop of `pool` run a cycle now and act on it. */
export async function rebalance(pool: unknown): Promise<void> {
  const id = parseInput(PoolId, pool, 'input of rebalance');
  const ask: RunCycle = { act: true, cause: 'rebalance' };
  await getExternalWorkflowHandle(shadowLoopId(id)).signal(SIGNAL.runCycle, ask);
}
