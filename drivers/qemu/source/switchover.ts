// The pause: stop the guest at the right moment, let the last memory through, finish the disk, give way. No step waits for anything
// outside the two hosts. Every wait is bounded, and any failure before `completed` puts the guest back on its feet here:
//
//   pre-copy --(a round begins with little enough left)--> stop --STOP--> onStopped
//     memory: rest is sent, pre-switchover \
//     disk:   mirror finished               }--> migrate-continue --> device --> completed
//   failure or abort anywhere before completed --> [yank] --> migrate_cancel --> cont
import type { MoveKey, SwitchoverResult } from '../../../ports/hypervisor.js';
import { VmshadowError, isVmshadowError, messageOf } from '../../../domain/errors.js';
import { finishDiskCopy, isReplicaOf } from './disk-copy.js';
import { drivesOf, type Drive } from '../process/drives.js';
import { mustHaveKeptTpm } from '../process/tpm.js';
import type { QemuHost } from '../process/qemu-host.js';
import { cancelMigration, letRun } from './end-migration.js';
import { markOf, memoryCredentials, type MemoryCopies } from './memory-copy.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { migrationParameters, queryMigrate, queryStatus } from '../qmp/qmp-replies.js';
import { yank } from '../qmp/yank.js';

/** What goes over beside the pages: device state, measured about 200 KB. */
const DEVICE_STATE_BYTES = 256 * 1024;
/** Rounds that began with too much left after which another budget is needed. */
const TOO_MUCH_ROUNDS = 4;
/** A round that has not ended by then will not end soon: the link is far slower than it was. */
const ROUND_TIMEOUT_MS = 60_000;
/** The pause is given up when it lasts so much longer than its budget: the peer or the link is gone. */
const PAUSE_GRACE_MS = 8_000;

export async function switchover(
  host: QemuHost,
  memory: MemoryCopies,
  move: MoveKey,
  pauseBudgetMs: number,
  onStopped: (stoppedAtMs: number) => void,
  signal: AbortSignal,
): Promise<SwitchoverResult> {
  const { qmp, record } = await host.runningDesktop(move.desktop);
  const parameters = await migrationParameters(qmp);
  const info = await queryMigrate(qmp);
  if (markOf(parameters) !== memoryCredentials(move) || !['active', 'completed'].includes(info.status ?? ''))
    throw new VmshadowError(
      'MEMORY_COPY',
      `no memory copy of ${move.desktop} for move ${move.moveId} is active here (it is ${info.status ?? 'none'}); start one first`,
    );
  // An earlier try came to its end and could not say so.
  if (info.status === 'completed') return resultOf(memory, qmp, move, null);
  // A worker that died in the pause left the guest stopped.
  if (!(await letRun(qmp)))
    throw new VmshadowError(
      'DESKTOP_DOWN',
      `the guest of ${move.desktop} has powered off: there is nothing to move`,
    );
  await mustHaveKeptTpm(record.definition, host.layout.copy(move.desktop, record.copy));
  await qmp.execute('migrate-set-parameters', { 'max-bandwidth': parameters['avail-switchover-bandwidth'] });
  await memory.readWire(move, info);
  await waitUntilItFits(memory, qmp, move, pauseBudgetMs, signal);
  const drives = drivesOf(record.definition);
  return pauseAndGiveWay(host, memory, qmp, move, drives, pauseBudgetMs, onStopped, signal);
}

/** Wait for a round that begins with no more left than the budget lets through; throw CONVERGENCE when none comes. */
async function waitUntilItFits(
  memory: MemoryCopies,
  qmp: QmpClient,
  move: MoveKey,
  pauseBudgetMs: number,
  signal: AbortSignal,
): Promise<void> {
  let least = Infinity;
  for (let rounds = 0; rounds < TOO_MUCH_ROUNDS; rounds++) {
    // Only right after a round has begun does QEMU know what the guest has dirtied.
    await qmp
      .waitFor((e) => e.name === 'MIGRATION_PASS' || isEnd(e.name, e.data), 'the next round', {
        signal,
        timeoutMs: ROUND_TIMEOUT_MS,
      })
      .catch((error: unknown) => {
        signal.throwIfAborted();
        throw isVmshadowError(error) && !qmp.isLost ? notConverging(move, pauseBudgetMs, least) : error;
      });
    const info = await queryMigrate(qmp);
    if (info.status !== 'active')
      throw new VmshadowError(
        'MEMORY_COPY',
        `the memory copy of ${move.desktop} ended before the switchover: ${info['error-desc'] ?? info.status ?? 'none'}`,
      );
    const { remainingBytes, bytesPerSecond } = memory.observe(move, info, await migrationParameters(qmp));
    const neededMs = ((remainingBytes + DEVICE_STATE_BYTES) / bytesPerSecond) * 1000;
    if (neededMs <= pauseBudgetMs) return;
    least = Math.min(least, neededMs);
  }
  throw notConverging(move, pauseBudgetMs, least);
}

function notConverging(move: MoveKey, pauseBudgetMs: number, leastMs: number): VmshadowError {
  const needed = Number.isFinite(leastMs) ? `would need ${Math.ceil(leastMs)} ms` : 'no round ended';
  return new VmshadowError(
    'CONVERGENCE',
    `${move.desktop} dirties its memory too fast for a pause of ${pauseBudgetMs} ms: ${needed}; the copy goes on, allow a longer pause`,
    { details: { pauseBudgetMs, neededMs: Number.isFinite(leastMs) ? Math.ceil(leastMs) : null } },
  );
}

async function pauseAndGiveWay(
  host: QemuHost,
  memory: MemoryCopies,
  qmp: QmpClient,
  move: MoveKey,
  drives: readonly Drive[],
  pauseBudgetMs: number,
  onStopped: (stoppedAtMs: number) => void,
  signal: AbortSignal,
): Promise<SwitchoverResult> {
  const since = qmp.lastSeq;
  const timeoutMs = pauseBudgetMs + PAUSE_GRACE_MS;
  const within = { since, timeoutMs, signal };
  const pause = { stoppedAtMs: host.now() };
  try {
    const stopped = qmp
      .waitFor((e) => e.name === 'STOP', 'STOP', within)
      .then((e) => {
        pause.stoppedAtMs = e.atMs;
        onStopped(e.atMs);
      });
    const ready = qmp
      .waitFor((e) => isStatus(e, 'pre-switchover') || isEnd(e.name, e.data), 'pre-switchover', within)
      .then((e) => mustBe(e.data, 'pre-switchover', move));
    for (const p of [stopped, ready]) p.catch(() => undefined);
    await qmp.execute('stop', undefined, { timeoutMs, signal });
    await stopped;
    // The guest writes no more: its disks are finished while the rest of the memory goes over.
    await Promise.all([finishDiskCopy(qmp, move, drives, timeoutMs), ready]);
    signal.throwIfAborted();
    const completed = qmp.waitFor((e) => isEnd(e.name, e.data), 'the end of the migration', within);
    completed.catch(() => undefined);
    await qmp.execute('migrate-continue', { state: 'pre-switchover' }, { timeoutMs });
    const end = await completed;
    mustBe(end.data, 'completed', move);
    return await resultOf(memory, qmp, move, { ...pause, completedAtMs: end.atMs });
  } catch (error) {
    if (await rollBack(host, qmp, move, error))
      return resultOf(memory, qmp, move, { ...pause, completedAtMs: host.now() });
    signal.throwIfAborted();
    throw isVmshadowError(error) && error.code === 'QMP_LOST' && !qmp.isLost
      ? new VmshadowError(
          'LINK_LOST',
          `the switchover of ${move.desktop} was given up after ${timeoutMs} ms and the guest resumed: ${error.message}`,
          { cause: error },
        )
      : error;
  }
}

/** Put the guest back to work here; tells true when the migration turned out to be complete after all. */
async function rollBack(host: QemuHost, qmp: QmpClient, move: MoveKey, why: unknown): Promise<boolean> {
  host.log.warn(
    { desktop: move.desktop, moveId: move.moveId, why: messageOf(why) },
    'the switchover is rolled back',
  );
  // A silent peer would hold up the cancellation; a living one loses only what is given up anyhow.
  const silent = isVmshadowError(why) && why.code === 'QMP_LOST';
  if (silent) await yank(qmp, { isNode: isReplicaOf(move), migration: true });
  await cancelMigration(qmp);
  if ((await queryMigrate(qmp)).status === 'completed') return true;
  await letRun(qmp);
  return false;
}

async function resultOf(
  memory: MemoryCopies,
  qmp: QmpClient,
  move: MoveKey,
  times: { stoppedAtMs: number; completedAtMs: number } | null,
): Promise<SwitchoverResult> {
  const info = await queryMigrate(qmp);
  const { running } = await queryStatus(qmp);
  if (running || info.status !== 'completed')
    throw new VmshadowError(
      'MEMORY_COPY',
      `${qmp.name}: the migration is ${info.status ?? 'none'}, expected completed`,
    );
  await memory.readRelay(move, info);
  const downtimeMs = info.downtime ?? 0;
  return {
    stoppedAtMs: Math.round(times?.stoppedAtMs ?? Date.now()),
    // QEMU counts from where it begins to finish; the guest had been stopped before.
    downtimeMs: Math.round(
      Math.max(downtimeMs, times === null ? 0 : times.completedAtMs - times.stoppedAtMs),
    ),
    wireBytes: memory.wireBytes(move, info),
    saved: memory.saved(move),
  };
}

function isStatus(event: { name: string; data: Readonly<Record<string, unknown>> }, status: string): boolean {
  return event.name === 'MIGRATION' && event.data['status'] === status;
}

function isEnd(name: string, data: Readonly<Record<string, unknown>>): boolean {
  return name === 'MIGRATION' && ['completed', 'failed', 'cancelled'].includes(String(data['status']));
}

function mustBe(data: Readonly<Record<string, unknown>>, status: string, move: MoveKey): void {
  if (data['status'] !== status)
    throw new VmshadowError(
      'MEMORY_COPY',
      `the migration of ${move.desktop} is ${String(data['status'])} in the switchover, expected ${status}`,
    );
}
