// Commands of the lab on namespaces: batches of ip and tc, programs inside a namespace, and the processes that live in one.
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pMap from 'p-map';
import { runCommand, type RunOptions } from '../../os/run-command.js';

/** For p-map: a world may have hundreds of namespaces, and each command is a process. */
export const COMMANDS_AT_A_TIME = { concurrency: 16 };

/** Run lines of `ip` in one process, in `namespace` or in the root one; stop at the first that fails. */
export async function ipBatch(lines: readonly string[], namespace?: string): Promise<void> {
  const where = namespace === undefined ? [] : ['-n', namespace];
  await runCommand(['ip', ...where, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** Run lines of `tc` in one process in `namespace`. */
export async function tcBatch(lines: readonly string[], namespace: string): Promise<void> {
  if (lines.length > 0)
    await runCommand(['tc', '-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** The argument list that runs `argv` in a namespace; `ip` replaces itself, so the process ID is the program's own. */
export function inNamespace(namespace: string, argv: readonly string[]): [string, ...string[]] {
  return ['ip', 'netns', 'exec', namespace, ...argv];
}

/** Run a command in a namespace to its end and give its standard output. */
export async function execIn(
  namespace: string,
  argv: readonly string[],
  options?: RunOptions,
): Promise<string> {
  return await runCommand(inNamespace(namespace, argv), options);
}

/** Names of all network namespaces that iproute2 knows. */
export async function listNamespaces(): Promise<string[]> {
  const out = await runCommand(['ip', 'netns', 'list']);
  return out
    .split('\n')
    .flatMap((line) => line.split(' ')[0] ?? [])
    .filter((name) => name !== '');
}

async function pidsIn(namespace: string): Promise<number[]> {
  const out = await runCommand(['ip', 'netns', 'pids', namespace]).catch(() => '');
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}

const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile: what was wanted.
  }
};

/** Two seconds: QEMU and workers that handle SIGTERM are done well before; others are killed. */
const TERM_GRACE_MS = 2_000;
const POLL_MS = 50;

/** End every process in these namespaces, by its ID: SIGTERM, then SIGKILL. Gives how many there were. */
export async function endProcessesIn(namespaces: readonly string[]): Promise<number> {
  const everyone = async () =>
    (await pMap(namespaces, pidsIn, COMMANDS_AT_A_TIME)).flat().filter((pid) => pid !== process.pid);
  const first = await everyone();
  first.forEach((pid) => signal(pid, 'SIGTERM'));
  let left = first;
  for (const end = Date.now() + TERM_GRACE_MS; left.length > 0 && Date.now() < end; left = await everyone())
    await sleep(POLL_MS);
  for (let tries = 0; left.length > 0 && tries < 100; left = await everyone(), tries++) {
    left.forEach((pid) => signal(pid, 'SIGKILL'));
    await sleep(POLL_MS);
  }
  return first.length;
}

/** What tells a process from a later one with the same ID: its start time in clock ticks since boot; null when it is gone. */
export function processStart(pid: number): string | null {
  if (!existsSync(`/proc/${String(pid)}`)) return null;
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    // Field 22; the name in field 2 may hold spaces, but ends at the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only nobody has waited for it.
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}
