// What a move does first: clear what an earlier move of its desktop, which was terminated, has left at its two hosts. Its own workflow ID is
// the lock on the desktop: whatever is found is of a move that has ended.
import { patched, workflowInfo } from '@temporalio/workflow';
import { findLeftovers } from '../../domain/reconcile/find.js';
import type { MigrateInput } from '../../temporal/contract/move.js';
import { migrateId } from '../../temporal/contract/names.js';
import type { MoveState } from '../move-state.js';
import { lookAt } from './look.js';
import { makeRepairs } from './repairs.js';
import { Tried } from './tried.js';

/** Clear what can be cleared; what cannot is noted, and the move itself says what it lacks. */
export async function clearLeftovers(input: MigrateInput, state: MoveState): Promise<void> {
  if (!patched('clear-leftovers') || workflowInfo().workflowId !== migrateId(input.desktop)) return;
  const hosts = [
    { host: input.from, peer: input.peers.from },
    { host: input.to, peer: input.peers.to },
  ];
  const tried = new Tried();
  for (;;) {
    const looks = await lookAt(hosts, input.desktop);
    const rest = { whole: false, busy: new Set<string>(), nowMs: Date.now(), graceMs: input.policy.graceMs };
    const wanted = tried.untried(findLeftovers({ hosts: looks, ...rest }));
    if (wanted.length === 0) break;
    state.note(`clearing what an earlier move left: ${wanted.map((f) => f.words).join('; ')}`);
    tried.add(await makeRepairs(wanted, hosts));
  }
  state.note(null);
}
