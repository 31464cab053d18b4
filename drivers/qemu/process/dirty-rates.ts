// How fast the desktops of this host rewrite memory and disk. Memory: QEMU hashes a sample of the pages twice, a second apart, in a thread
// of its own; each call reads the last result and begins the next sample. Disk: the guest device's own counter (a mirror's writes are not
// in it), as a rate since the last call on the same connection; a new worker or a new QEMU begins anew.
// A monitor that hangs costs the caller PATIENCE_MS, and never has more than one command of ours waiting: QEMU reads no further, not even
// an out-of-band yank, once eight are.
import { UNKNOWN_RATES, type DirtyRates } from '../../../domain/migration/dirty-rates.js';
import type { DesktopDefinition } from '../../../domain/model/desktop.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import { hasCode, isVmshadowError } from '../../../domain/errors.js';
import { drivesOf } from './drives.js';
import type { QemuHost } from './qemu-host.js';
import { within } from '../../../os/within.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { queryDirtyRate, queryStatus, queryWrittenBytes, unlessRefused } from '../qmp/qmp-replies.js';

const MEASURE_S = 1;
/** Pages a GB: one page seen dirty stands for 0.25 MiB/s. QEMU's default of 512 would take one for 2 MiB/s. */
const SAMPLE_PAGES = 4_096;
/** A monitor answers in ms; a report does not wait longer for one that hangs. */
const PATIENCE_MS = 1_000;
/** Commands end with their answer or with the connection, so that one that waits is known to wait. */
const UNLIMITED = { timeoutMs: undefined };

/** Bytes that a guest has written since its QEMU started, and when that was read. */
export interface WrittenSample {
  readonly bytes: number;
  readonly atMs: number;
}

export class DirtyRateMeter {
  readonly #host: QemuHost;
  readonly #measuring = new Map<DesktopId, Promise<DirtyRates>>();
  readonly #written = new WeakMap<QmpClient, WrittenSample>();

  constructor(host: QemuHost) {
    this.#host = host;
  }

  /** Give what was measured since the last call, and begin to measure again. Takes no lock: a move that is under way goes on. */
  async rates(desktop: DesktopId): Promise<DirtyRates> {
    let measuring = this.#measuring.get(desktop);
    if (measuring === undefined) {
      measuring = this.#measure(desktop).finally(() => this.#measuring.delete(desktop));
      this.#measuring.set(desktop, measuring);
    }
    return within(PATIENCE_MS, measuring, UNKNOWN_RATES);
  }

  async #measure(desktop: DesktopId): Promise<DirtyRates> {
    try {
      const { qmp, record } = await this.#host.runningDesktop(desktop);
      if (!(await queryStatus(qmp, UNLIMITED)).running) {
        this.#written.delete(qmp);
        return UNKNOWN_RATES;
      }
      const diskMbps = await this.#diskRate(qmp, devicesOf(record.definition));
      return { memoryMbps: await memoryRate(qmp), diskMbps };
    } catch (error) {
      // Whether there is such a desktop, and whether it answers, is `list`'s to say; here it only means that nothing is known.
      if (!isVmshadowError(error) || hasCode(error, 'QMP'))
        this.#host.log.warn({ desktop, error }, 'the dirty rates could not be measured');
      return UNKNOWN_RATES;
    }
  }

  async #diskRate(qmp: QmpClient, devices: readonly string[]): Promise<number | null> {
    const bytes = await queryWrittenBytes(qmp, devices, UNLIMITED);
    const before = this.#written.get(qmp);
    if (bytes === null) return null;
    const now = { bytes, atMs: this.#host.now() };
    this.#written.set(qmp, now);
    return before === undefined ? null : writeMbps(before, now);
  }
}

const devicesOf = (definition: DesktopDefinition) =>
  drivesOf(definition).flatMap(({ device }) => (device === null ? [] : [device.id]));

/** The last result of QEMU; null while there is none. */
async function memoryRate(qmp: QmpClient): Promise<number | null> {
  const last = await queryDirtyRate(qmp, UNLIMITED);
  if (last.status === 'measuring') return null;
  // Refused when another call has begun a sample in between: that one will do.
  await unlessRefused(
    qmp.execute('calc-dirty-rate', { 'calc-time': MEASURE_S, 'sample-pages': SAMPLE_PAGES }, UNLIMITED),
  );
  return last.mibPerSecond === null ? null : (last.mibPerSecond * 2 ** 20 * 8) / 1e6;
}

/** Megabits a second between two readings of a counter; null when it was set back, or the clock was. */
export function writeMbps(before: WrittenSample, now: WrittenSample): number | null {
  const bytes = now.bytes - before.bytes;
  const ms = now.atMs - before.atMs;
  return bytes < 0 || ms <= 0 ? null : (bytes * 8) / 1e3 / ms;
}
