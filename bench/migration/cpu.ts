// CPU seconds that the processes of a move use: QEMUs without their guests' processors, storage daemons, relays.
import { readdir, readFile } from 'node:fs/promises';

/** The kernel's clock ticks a second (USER_HZ), fixed on Linux. */
const TICKS = 100;
const LOOK_MS = 500;
const PROGRAMS = ['qemu-system-x86_64', 'qemu-storage-daemon', 'relay'];

/** Watches until stopped; a process that ended counts with the last that was seen of it. */
export class CpuWatch {
  readonly #folders: readonly string[];
  readonly #before = new Map<number, number>();
  readonly #now = new Map<number, number>();
  #timer: NodeJS.Timeout | null = null;

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** Begin to watch the processes that name one of these folders on their command lines, and those that come. */
  static async start(folders: readonly string[]): Promise<CpuWatch> {
    const watch = new CpuWatch(folders);
    await watch.#look();
    for (const [pid, seconds] of watch.#now) watch.#before.set(pid, seconds);
    // A move that fails does not stop it.
    watch.#timer = setInterval(() => void watch.#look(), LOOK_MS).unref();
    return watch;
  }

  /** CPU seconds since it began. */
  async stop(): Promise<number> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#look();
    return [...this.#now].reduce((sum, [pid, seconds]) => sum + seconds - (this.#before.get(pid) ?? 0), 0);
  }

  async #look(): Promise<void> {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)) {
      const argv = (await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '')).split('\0');
      if (!PROGRAMS.some((name) => argv.includes(name))) continue;
      if (!argv.some((arg) => this.#folders.some((folder) => arg.includes(`${folder}/`)))) continue;
      const seconds = await secondsOf(pid);
      if (seconds !== null) this.#now.set(pid, seconds);
    }
  }
}

/** What a process has used, without the threads that are processors of its guest; null: it has ended. */
async function secondsOf(pid: number): Promise<number | null> {
  try {
    const tasks = await readdir(`/proc/${String(pid)}/task`);
    const guests = await Promise.all(
      tasks.map(async (task) => {
        const stat = await readFile(`/proc/${String(pid)}/task/${task}/stat`, 'utf8').catch(() => '');
        return /\((CPU \d+\/)/.test(stat) ? ticksOf(stat) : 0;
      }),
    );
    const all = ticksOf(await readFile(`/proc/${String(pid)}/stat`, 'utf8'));
    return (all - guests.reduce((sum, ticks) => sum + ticks, 0)) / TICKS;
  } catch {
    return null;
  }
}

/** utime and stime: fields 14 and 15, counted behind the name, which may hold anything. */
function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
