// The end of a migration that is given up: cancelled, and the guest at work again.
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../../domain/errors.js';
import { queryMigrate, queryStatus, type MigrationInfo } from '../qmp/qmp-replies.js';
import type { QmpClient } from '../qmp/qmp-client.js';

const CANCEL_TIMEOUT_MS = 20_000;
const POLL_MS = 5;
/** Run states that `cont` does not lead out of. */
const ENDED = ['shutdown', 'internal-error', 'guest-panicked'];
const UNDER_WAY = ['setup', 'active', 'pre-switchover', 'device', 'cancelling', 'wait-unplug'];

/** Tell whether a migration in this state still works on something. */
export function isUnderWay(info: MigrationInfo): boolean {
  return UNDER_WAY.includes(info.status ?? 'none');
}

/** Cancel an outgoing migration and wait until it has ended, one way or the other. */
export async function cancelMigration(qmp: QmpClient): Promise<void> {
  if (isUnderWay(await queryMigrate(qmp))) await qmp.execute('migrate_cancel');
  const deadline = Date.now() + CANCEL_TIMEOUT_MS;
  while (isUnderWay(await queryMigrate(qmp))) {
    if (Date.now() > deadline)
      throw new VmshadowError('MEMORY_COPY', `${qmp.name}: the migration did not end when cancelled`);
    await sleep(POLL_MS);
  }
}

/** Let the guest run if it does not; false for one that has powered off or crashed. QEMU refuses while it puts the devices back: that passes. */
export async function letRun(qmp: QmpClient): Promise<boolean> {
  const deadline = Date.now() + CANCEL_TIMEOUT_MS;
  for (;;) {
    const { running, status } = await queryStatus(qmp);
    if (running) return true;
    if (ENDED.includes(status)) return false;
    if (status !== 'finish-migrate') await qmp.execute('cont');
    if (Date.now() > deadline)
      throw new VmshadowError(
        'MEMORY_COPY',
        `${qmp.name}: the guest stays ${status} after its migration was cancelled`,
      );
    await sleep(POLL_MS);
  }
}
