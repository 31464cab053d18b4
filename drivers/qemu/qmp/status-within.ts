// The run state for lists that are made again and again, at monitors that may hang.
import { VmshadowError } from '../../../domain/errors.js';
import { within } from '../../../os/within.js';
import type { QmpClient } from './qmp-client.js';
import { queryStatus, type RunState } from './qmp-replies.js';

const asked = new WeakMap<QmpClient, Promise<RunState>>();

/**
 * The run state, for whoever asks again and again: throws QMP_LOST after `patienceMs`, but the question stays and answers the next
 * caller too. QEMU queues eight commands a monitor and reads nothing more, not even `yank`, while a hung one keeps the queue full.
 */
export async function statusWithin(qmp: QmpClient, patienceMs: number): Promise<RunState> {
  let question = asked.get(qmp);
  if (question === undefined) {
    question = queryStatus(qmp, { timeoutMs: undefined }).finally(() => asked.delete(qmp));
    asked.set(qmp, question);
  }
  const state = await within(patienceMs, question, null);
  if (state !== null) return state;
  throw new VmshadowError('QMP_LOST', `${qmp.name}: no answer to query-status within ${patienceMs} ms`);
}
