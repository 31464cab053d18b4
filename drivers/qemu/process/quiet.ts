// Whether a guest has ever been heard: by the packets that came from it over its tap, and by what its serial console said last.
import { open, readFile } from 'node:fs/promises';
import { lastLineOf, type Quiet } from '../../../domain/model/quiet.js';
import { isMissing } from '../../../os/durable-file.js';

/** The last lines are in them. */
const TAIL_BYTES = 4_096;
/** What the kernel counts a process's start in, for every program (USER_HZ). */
const TICKS_A_SECOND = 100;

/** The tap, or the process, has gone meanwhile; of a device that is going sysfs says EINVAL. */
const GONE = new Set<string | undefined>(['ESRCH', 'EINVAL', 'ENODEV']);

/** Null for a guest that has sent packets, or of which that cannot be told. */
export async function quietOf(tap: string, pid: number, serialLog: string): Promise<Quiet | null> {
  try {
    // Received by the tap: sent by the guest.
    const packets = await readFile(`/sys/class/net/${tap}/statistics/rx_packets`, 'utf8');
    if (Number(packets) !== 0) return null;
    const [stat, uptime] = await Promise.all([
      readFile(`/proc/${String(pid)}/stat`, 'utf8'),
      readFile('/proc/uptime', 'utf8'),
    ]);
    return { forMs: ageMs(stat, uptime), lastLine: lastLineOf(await tail(serialLog)) };
  } catch (error) {
    if (isMissing(error) || GONE.has((error as NodeJS.ErrnoException).code)) return null;
    throw error;
  }
}

/** How long a process runs: field 22 of /proc/PID/stat (proc(5)) counts from boot; its name may hold blanks and parentheses. */
export function ageMs(stat: string, uptime: string): number {
  const started = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) / TICKS_A_SECOND;
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
