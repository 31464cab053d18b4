// Waits for the moment of a phase. The first phases are asked of the move; the last ones, between two messages, are seen in the records that
// the hosts write, as they are written: what is to be done is done from there at once.
import { watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Phase } from '../../domain/migration/phases.js';
import { ID } from '../../lab/cloud/small-cloud.js';
import { MOVE } from '../../temporal/contract/move.js';
import { recordAt } from './copy-watch.js';
import type { Ground } from './ground.js';
import type { FaultPhase } from './matrix.js';

/** Each question costs several processes a little; the first phases last for seconds. */
const ASK_MS = 100;
const WITHIN_MS = 300_000;

/** What the move itself calls a phase, and how far into it the fault comes, ms: at the least, and at random so much later. */
const ASKED: Partial<Record<FaultPhase, { in: readonly Phase[]; ms: number; more: number }>> = {
  'async-disk': { in: ['async-disk'], ms: 300, more: 1_500 },
  'sync-disk': { in: ['sync-switch', 'memory'], ms: 0, more: 0 },
  'pre-copy': { in: ['memory'], ms: 300, more: 1_000 },
  'clean-up': { in: ['cleanup'], ms: 0, more: 1_500 },
};
/** The switchover at the far link takes about a second and a half up to the release. */
const SWITCHOVER_MORE_MS = 800;

/** Wait until the move is in one of these phases; throws when it ends before. */
export async function untilMoveIn(ground: Ground, phases: readonly Phase[]): Promise<void> {
  const endMs = Date.now() + WITHIN_MS;
  while (Date.now() < endMs) {
    const status = await ground.move().query(MOVE.status);
    if (phases.includes(status.phase)) return;
    if (status.outcome !== 'running')
      throw new Error(`the move ended in ${status.phase} before: ${status.error?.message ?? status.outcome}`);
    await sleep(ASK_MS);
  }
  throw new Error(`the move never came to ${phases.join(' or ')}`);
}

/** Whether a phase is asked of the move, and not seen in the records. */
export const isAsked = (phase: FaultPhase): boolean => ASKED[phase] !== undefined;

/** Wait for a phase and call `act` at once. `random` in [0, 1) spreads the moment over the phase. */
export async function atPhase(
  ground: Ground,
  phase: FaultPhase,
  ends: { readonly source: string; readonly target: string },
  random: number,
  act: () => void,
): Promise<void> {
  const asked = ASKED[phase];
  if (asked !== undefined) {
    await untilMoveIn(ground, asked.in);
    await sleep(asked.ms + random * asked.more);
    act();
    return;
  }
  const host = phase === 'after-run' ? ends.target : ends.source;
  const folder = join(ground.small.dir, 'hosts', host, 'state', 'ownership');
  if (phase === 'pre-switchover') {
    // Room for its records is the first thing that a switchover makes at the source.
    await untilWritten(
      folder,
      (name) => name.includes('.spare'),
      () => {
        // The rest of its time comes next.
      },
    );
    await sleep(random * SWITCHOVER_MORE_MS);
    act();
    return;
  }
  const state = phase === 'after-run' ? 'owner' : 'released';
  await untilWritten(folder, () => recordAt(ground.cloud, host, ID)?.state === state, act);
}

/** Call `act` in the very event of the first change in a folder that is such. */
function untilWritten(folder: string, isSuch: (name: string) => boolean, act: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      watcher.close();
    };
    const watcher = watch(folder, (_, name) => {
      if (!isSuch(name ?? '')) return;
      end();
      try {
        act();
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    const timer = setTimeout(() => {
      end();
      reject(new Error(`nothing came in ${folder}`));
    }, WITHIN_MS);
  });
}
