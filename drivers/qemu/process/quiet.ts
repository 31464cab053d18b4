// Whether a guest has ever been heard: by the packets that came from it over its tap, and by what its serial console said last.
import { open, readFile } from 'node:fs/promises';
import { lastLineOf, type Quiet } from '../../../domain/model/quiet.js';
import { isMissing } from '../../../os/durable-file.js';
import { startTicksOf } from '../../../os/host-process.js';

/** The last lines are in them. */
const TAIL_BYTES = 4_096;
/** What the kernel counts a process's start in, for every program (USER_HZ). */
const TICKS_A_SECOND = 100;

/** The tap has gone meanwhile; of a device that is going sysfs says EINVAL. */
const GONE = new Set<string | undefined>(['EINVAL', 'ENODEV']);

/** Null for a guest that has sent packets, or of which that cannot be told. */
export async function quietOf(tap: string, pid: number, serialLog: string): Promise<Quiet | null> {
  try {
    // Received by the tap: sent by the guest.
    const packets = await readFile(`/sys/class/net/${tap}/statistics/rx_packets`, 'utf8');
    if (Number(packets) !== 0) return null;
    const [startTicks, uptime] = await Promise.all([startTicksOf(pid), readFile('/proc/uptime', 'utf8')]);
    if (startTicks === null) return null;
    return { forMs: ageMs(startTicks, uptime), lastLine: lastLineOf(await tail(serialLog)) };
  } catch (error) {
    if (isMissing(error) || GONE.has((error as NodeJS.ErrnoException).code)) return null;
    throw error;
  }
}

/** How long a process runs that has started so many ticks after the boot. */
export function ageMs(startTicks: string, uptime: string): number {
  const started = Number(startTicks) / TICKS_A_SECOND;
  return Math.max(0, Math.round((Number.parseFloat(uptime) - started) * 1_000));
}

async function tail(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
