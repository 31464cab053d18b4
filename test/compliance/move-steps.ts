// The steps of a move as the activities take them, for tests of hypervisors.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '../../domain/model/address.js';
import type { DesktopDefinition } from '../../domain/model/desktop.js';
import type { HostRef } from '../../domain/model/ids.js';
import type { Hypervisor, MoveKey, SwitchoverResult } from '../../ports/hypervisor.js';

/** Two hosts with a desktop at the first one, and what its moves are made with. */
export interface MoveEnds {
  readonly source: Hypervisor;
  readonly target: Hypervisor;
  readonly definition: DesktopDefinition;
  /** Who the first one is. */
  readonly from: HostRef;
  /** The desktop's tap at both hosts. */
  readonly tap: string;
  readonly mbps: number;
}

/** Some round trips of a monitor: a copy changes in this time. */
const LOOK_MS = 20;
export const NEVER = new AbortController().signal;

/** Bring the disk to the target and keep it synchronous. */
export async function bringDisk(ends: MoveEnds, move: MoveKey): Promise<void> {
  const { source, target, definition, from, mbps } = ends;
  await source.startDiskCopy(move, await target.prepareDisk(move, definition, from), mbps);
  await source.makeSynchronous(move, NEVER);
}

/** Begin pre-copy to a fresh copy at the target, and wait until a second round has begun. */
export async function bringMemory(ends: MoveEnds, move: MoveKey): Promise<Endpoint> {
  const { source, target, definition, from, tap, mbps } = ends;
  const endpoint = await target.prepareMemory(move, definition, tap, from);
  await source.startMemoryCopy(move, endpoint, mbps);
  for (;;) {
    const { state, error, round } = await source.memoryProgress(move);
    if (!['setup', 'active'].includes(state)) throw new Error(`pre-copy is ${state}: ${error ?? ''}`);
    if (round > 1) return endpoint;
    await sleep(LOOK_MS);
  }
}

/** The whole move. */
export async function moveDesktop(
  ends: MoveEnds,
  move: MoveKey,
): Promise<{ result: SwitchoverResult; pauseMs: number }> {
  await bringDisk(ends, move);
  await bringMemory(ends, move);
  let stoppedAtMs = 0;
  const result = await ends.source.switchover(move, 2_000, (atMs) => (stoppedAtMs = atMs), NEVER);
  await ends.target.confirmComplete(move);
  await ends.target.activate(move, true);
  const pauseMs = Date.now() - stoppedAtMs;
  await ends.source.retireSource(move);
  return { result, pauseMs };
}
