// Asks the control plane how it is, for `vmshadow doctor`: nothing that fails is an error, it is what was found.
import { hasCode, messageOf } from '../domain/errors.js';
import { hostKey, type PoolId } from '../domain/model/ids.js';
import type { ControlLook } from '../domain/machine/manager-findings.js';
import { withClient } from './with-client.js';
import { withLoop } from './with-loop.js';

/** Why Temporal cannot be reached; null: it can. */
async function findTemporalProblem(): Promise<string | null> {
  try {
    await withClient(() => Promise.resolve());
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

/** Ask Temporal, and the loop of `pool` (null: that is not this machine's to know). */
export async function lookAtControl(pool: PoolId | null): Promise<ControlLook> {
  if (pool === null) return { temporalProblem: await findTemporalProblem(), loopProblem: null, silent: [] };
  try {
    const { hosts } = await withLoop(pool, (loop) => loop.status());
    const silent = hosts
      .filter((h) => !h.alive)
      .map((h) => ({ host: hostKey(h.host), problem: h.problem ?? 'it has not reported' }));
    return { temporalProblem: null, loopProblem: null, silent };
  } catch (error) {
    const reached = (await findTemporalProblem()) === null;
    const problem = messageOf(error);
    return reached && !hasCode(error, 'CONFIG_INVALID')
      ? { temporalProblem: null, loopProblem: problem, silent: [] }
      : { temporalProblem: problem, loopProblem: null, silent: [] };
  }
}
