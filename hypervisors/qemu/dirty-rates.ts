// How fast a guest rewrites its memory and its disk, apart: what a move of it would have to send again (equation 2 of the paper).
//   memory: QEMU hashes a sample of pages (512 a gigabyte) twice, a second apart. The last measurement is read and the next one begun,
//           so nothing is waited for, and a restarted worker finds what the one before had begun.
//   disk:   bytes that the guest's device has written since the last look.
import { isVmshadowError } from '../../domain/errors.js';
import type { DirtyRates } from '../../activities/ports/hypervisor.js';
import type { DesktopId } from '../../domain/model/ids.js';
import type { QemuHost } from './host.js';
import { queryDirtyRate, queryWrittenBytes } from './qmp-replies.js';

/** A report waits for all desktops of the host. */
const QUICK = { timeoutMs: 1_000 };
const SAMPLE_SECONDS = 1;
const MEBIBYTE = 2 ** 20;
const NOTHING: DirtyRates = { memoryMbps: null, diskMbps: null };

interface Written {
  readonly bytes: number;
  readonly atMs: number;
}

export class DirtyRateMeter {
  readonly #host: QemuHost;
  readonly #written = new Map<DesktopId, Written>();

  constructor(host: QemuHost) {
    this.#host = host;
  }

  /** Read both rates of a desktop and begin the next measurement; nulls where nothing is known (yet), also where its QEMU does not answer. */
  async read(desktop: DesktopId): Promise<DirtyRates> {
    try {
      const copy = await this.#host.runningDesktopIfAny(desktop);
      if (copy === null) return this.#forget(desktop);
      const rate = await queryDirtyRate(copy.qmp, QUICK);
      if (rate.status !== 'measuring')
        await copy.qmp.execute('calc-dirty-rate', { 'calc-time': SAMPLE_SECONDS }, QUICK);
      const bytes = await queryWrittenBytes(copy.qmp, QUICK);
      return {
        memoryMbps: rate.mebibytesPerSecond === null ? null : toMbps(rate.mebibytesPerSecond * MEBIBYTE),
        diskMbps: this.#writtenSince(desktop, bytes),
      };
    } catch (error) {
      if (!isVmshadowError(error)) throw error;
      this.#host.log.warn({ desktop, error: error.message }, 'dirty rates could not be read');
      return this.#forget(desktop);
    }
  }

  #writtenSince(desktop: DesktopId, bytes: number): number | null {
    const atMs = this.#host.now();
    const before = this.#written.get(desktop);
    this.#written.set(desktop, { bytes, atMs });
    // The counter begins anew with each process of QEMU.
    if (before === undefined || bytes < before.bytes || atMs <= before.atMs) return null;
    return toMbps(((bytes - before.bytes) * 1000) / (atMs - before.atMs));
  }

  #forget(desktop: DesktopId): DirtyRates {
    this.#written.delete(desktop);
    return NOTHING;
  }
}

const toMbps = (bytesPerSecond: number) => Math.round((bytesPerSecond * 8) / 1e4) / 100;
