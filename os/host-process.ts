// Processes of their own session that outlive the worker: started detached, found again by the pid file that QEMU writes (and locks)
// itself. A process is ours only if its command line names that very pid file: a pid that was given to another program never matches.
// Where the file is gone or speaks of another (somebody cleaned the run folder), the command lines of all processes are looked through:
// a guest that runs is never taken for one that ended.
// Signals go to the process found (pid and start time), never to a name.
import { readdir, readFile, rm } from 'node:fs/promises';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { VmshadowError } from '../domain/errors.js';
import { readTextIfThere } from './durable-file.js';
import { readTail } from './log-files.js';
import { howItEnded, startCommand } from './start-command.js';

export interface HostProcess {
  readonly pid: number;
  /** Clock ticks after boot at which it started: with the pid it names one process for ever. */
  readonly startTicks: string;
}

/** Longer than QEMU needs to open its files on a loaded host; it says what is wrong much sooner. */
const START_TIMEOUT_MS = 20_000;
/** A process that was killed is gone when its memory is given back. */
const KILL_TIMEOUT_MS = 15_000;
const POLL_MS = 10;
/** As QEMU and its storage daemon write it; swtpm: `--pid file=PATH`. */
const PID_FILE_OPTIONS = ['-pidfile', '--pidfile', '--pid'];
const PID_FILE_PREFIX = /^file=/;
const READ_AT_A_TIME = 32;

/**
 * Native modules open descriptors that are inherited (the packet queue's netlink socket): a process that outlives the worker would keep
 * the next one from opening its queue. bash, since dash cannot name descriptors above 9.
 */
const CLOSE_THE_REST =
  'umask 077; for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -gt 2 ] && eval "exec $fd>&-"; done; exec "$@"';

/**
 * Start `argv` (which must name `pidFile`, and may first be others that become `program`) and wait until it has written it and `isUp`. Throws
 * COMMAND with the end of its log.
 */
export async function startProcess(
  program: string,
  argv: readonly string[],
  pidFile: string,
  logFile: string,
  isUp: () => Promise<boolean>,
): Promise<HostProcess> {
  const child = startCommand(['bash', '-c', CLOSE_THE_REST, 'bash', ...argv], {
    detached: true,
    logFile,
  });
  child.unref();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline && child.end === null) {
    // By the file alone: what will become the program has its command line from the beginning.
    const found = await namedProcess(pidFile);
    if (found !== null && (await isUp())) return found;
    await sleep(POLL_MS);
  }
  const why = child.end === null ? `was not up within ${START_TIMEOUT_MS} ms` : howItEnded(child.end);
  const leftover = await findProcess(pidFile);
  if (leftover !== null) await killProcess(leftover);
  throw new VmshadowError('COMMAND', `${program} ${why}: ${(await readTail(logFile)).trim()}`, {
    details: { program, pidFile },
    retryable: false,
  });
}

/** Find the living process of `pidFile`, whether the file is still there or not; null when there is none. */
export async function findProcess(pidFile: string): Promise<HostProcess | null> {
  const named = await namedProcess(pidFile);
  if (named !== null) return named;
  for (const other of (await lookThroughAll()).get(pidFile) ?? []) {
    const found = await processOf(other, pidFile);
    if (found !== null) return found;
  }
  return null;
}

/** The living process that the pid file names. */
async function namedProcess(pidFile: string): Promise<HostProcess | null> {
  const pid = Number((await readTextIfThere(pidFile))?.trim());
  return Number.isInteger(pid) && pid > 0 ? processOf(pid, pidFile) : null;
}

/** The process `pid`, if it lives and is the one of `pidFile`. */
async function processOf(pid: number, pidFile: string): Promise<HostProcess | null> {
  if (!(await pidFilesOf(pid)).includes(pidFile)) return null;
  const startTicks = await startTicksOf(pid);
  return startTicks === null ? null : { pid, startTicks };
}

/** The pid files that a process's command line gives to it; none where there is no process. */
async function pidFilesOf(pid: number): Promise<string[]> {
  try {
    const arguments_ = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    return arguments_
      .filter((_, i) => PID_FILE_OPTIONS.includes(arguments_[i - 1] ?? ''))
      .map((value) => value.replace(PID_FILE_PREFIX, ''));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

let nextLook: Promise<ReadonlyMap<string, readonly number[]>> | null = null;

/** The pids of all processes by the pid file that they were given. Who asks before a look begins shares it: a listing asks for many at once. */
function lookThroughAll(): Promise<ReadonlyMap<string, readonly number[]>> {
  nextLook ??= setImmediate().then(async () => {
    nextLook = null;
    const pids = (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid) && pid > 0);
    const found = new Map<string, number[]>();
    await pMap(
      pids,
      async (pid) => {
        for (const file of await pidFilesOf(pid)) found.set(file, [...(found.get(file) ?? []), pid]);
      },
      { concurrency: READ_AT_A_TIME },
    );
    return found;
  });
  return nextLook;
}

/** Tell whether it still lives (a zombie does not). */
async function isAlive(process: HostProcess): Promise<boolean> {
  return (await startTicksOf(process.pid)) === process.startTicks;
}

/** Wait until it has ended; false when it lives on after `timeoutMs`. */
export async function waitForEnd(process: HostProcess, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (await isAlive(process)) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** Kill at once and wait for the end: afterwards its files are unlocked and it never writes again. */
async function killProcess(target: HostProcess): Promise<void> {
  if (await isAlive(target)) {
    try {
      process.kill(target.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  if (!(await waitForEnd(target, KILL_TIMEOUT_MS)))
    throw new VmshadowError(
      'COMMAND',
      `process ${target.pid} is still there ${KILL_TIMEOUT_MS} ms after SIGKILL: look at its state in /proc (hung storage?)`,
    );
}

/** Kill the process of `pidFile`, all of them should there be several, and remove the file. */
export async function killByPidFile(pidFile: string): Promise<void> {
  for (let found = await findProcess(pidFile); found !== null; found = await findProcess(pidFile))
    await killProcess(found);
  await rm(pidFile, { force: true });
}

/**
 * When a process has started, in ticks since the boot: field 22 of /proc/PID/stat (proc(5)); null for a zombie or where there is no process. A killed process whose first thread is a zombie
 * keeps its files and their locks until its last thread has ended (field 20).
 */
export async function startTicksOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks: fields are counted after the last parenthesis, from the state (field 3).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ended = ['Z', 'X'].includes(fields[0] ?? '') && Number(fields[17]) <= 1;
    return ended ? null : (fields[19] ?? null);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
