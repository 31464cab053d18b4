// The first moment of a copy's life at the target. The record says `activated` before the guest runs: after a crash it tells "may have run
// here" from "never ran", which decides whether the source may go on. The guest waits meanwhile: nothing here that could come later.
import { rm } from 'node:fs/promises';
import type { MoveKey } from '../../../ports/hypervisor.js';
import { VmshadowError, hasCode, messageOf } from '../../../domain/errors.js';
import { drivesOf } from '../process/drives.js';
import type { QemuHost } from '../process/qemu-host.js';
import { findProcess } from '../../../os/host-process.js';
import { confirmComplete } from './incoming.js';
import { incomingCopy, neverRan, notIncoming } from './incoming-record.js';
import { copyKeyOf, moveName } from '../process/layout.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { queryMigrate, queryStatus } from '../qmp/qmp-replies.js';
import type { IncomingRecord } from '../process/records.js';
import { hasLostTpm } from '../process/tpm.js';
import { stopRelay } from '../process/relay.js';
import { beginView } from './disk-view.js';

/** Make the copy this host's desktop and let it run. Throws MEMORY_COPY when it never ran, DESKTOP_DOWN when it ran and is gone. */
export async function activate(host: QemuHost, move: MoveKey, snapshot: boolean): Promise<void> {
  const known = await host.records.desktops.get(move.desktop);
  const record = await host.records.incoming.get(moveName(move));
  if (record === null && known?.copy === copyKeyOf(move)) return;
  if (record === null) throw notIncoming(move);
  const process = await findProcess(host.layout.copy(move.desktop, copyKeyOf(move)).pidFile);
  // Its tap is written down before its process is started.
  const { tap } = record;
  if (tap === null || (process === null && record.phase === 'prepared')) throw neverRan(move);
  if (process !== null) {
    const { qmp } = await incomingCopy(host, move);
    if (!(await queryStatus(qmp)).running) await letRunHere(host, move, record, qmp, snapshot);
  }
  await adopt(host, move, { ...record, tap });
  if (process === null)
    throw new VmshadowError(
      'DESKTOP_DOWN',
      `the copy of ${move.desktop} had been activated here and has ended since; its disk is this host's: start it`,
    );
}

async function letRunHere(
  host: QemuHost,
  move: MoveKey,
  record: IncomingRecord,
  qmp: QmpClient,
  snapshot: boolean,
): Promise<void> {
  if ((await queryMigrate(qmp)).status !== 'completed') throw neverRan(move);
  if (await hasLostTpm(record.definition, host.layout.copy(move.desktop, copyKeyOf(move))))
    throw neverRan(move, 'the process of its TPM has died');
  // Two programs never write one disk: QEMU's image locks would refuse it, too.
  if ((await findProcess(host.layout.replicaServer(move).pidFile)) !== null)
    await confirmComplete(host, move);
  // The guest waits: what does not depend on each other goes on side by side.
  const [marked, viewed] = await Promise.allSettled([
    host.records.incoming.put(moveName(move), { ...record, phase: 'activated' }),
    snapshot ? openView(host, move, record, qmp) : Promise.resolve(),
  ]);
  // The guest has not run, and never will by this: the source may go on. (One that is written, but perhaps not for ever, is tried again.)
  if (hasCode(rejection(marked), 'RECORD_UNWRITTEN')) throw neverRan(move, messageOf(rejection(marked)));
  if (marked.status === 'rejected') throw marked.reason;
  // The desktop belongs to this host by now: without the view it cannot be verified, but it must run.
  if (viewed.status === 'rejected')
    host.log.warn(
      { desktop: move.desktop, moveId: move.moveId, why: messageOf(viewed.reason) },
      'no view of the disk: the move cannot be verified',
    );
  await qmp.execute('cont');
}

const rejection = (result: PromiseSettledResult<unknown>): unknown =>
  result.status === 'rejected' ? result.reason : null;

async function openView(
  host: QemuHost,
  move: MoveKey,
  { definition }: IncomingRecord,
  qmp: QmpClient,
): Promise<void> {
  const drives = drivesOf(definition);
  for (const { node } of drives)
    await qmp.execute('blockdev-set-active', { 'node-name': node, active: true });
  await beginView(host, qmp, move.desktop, copyKeyOf(move), drives);
}

/** Write the desktop's record and forget the move; the files stay where they are. */
async function adopt(host: QemuHost, move: MoveKey, record: IncomingRecord & { tap: string }): Promise<void> {
  await host.records.desktops.put(move.desktop, {
    definition: record.definition,
    tap: record.tap,
    copy: copyKeyOf(move),
    wanted: 'running',
    viewSha256: null,
  });
  await host.records.incoming.remove(moveName(move));
  await rm(host.layout.replicaServer(move).log, { force: true });
  await stopRelay(host, move.desktop, copyKeyOf(move));
}
