// Looks, from outside the product, at what a move left behind: processes, files, addresses, rules, taps of the source host.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DesktopId } from '../../domain/model/ids.js';
import { tapName } from '../../guest-proxy/host/tap.js';
import type { LabCloud } from '../cloud/lab-cloud.js';

/** PIDs, per host, of QEMU processes that run a desktop: found by their command lines in each host's namespace. */
export async function copiesOf(
  cloud: LabCloud,
  desktop: DesktopId,
): Promise<{ host: string; pid: number }[]> {
  const found = await Promise.all(
    cloud.world.plan.hosts.map(async ({ name, namespace }) => {
      const pids = (await cloud.world.exec(namespace, ['ip', 'netns', 'pids', namespace]))
        .split('\n')
        .filter((l) => l !== '');
      const commands = await Promise.all(
        pids.map(async (pid) => ({
          pid: Number(pid),
          line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        })),
      );
      return commands
        .filter((c) => c.line.startsWith('qemu-system') && c.line.split('\0').includes(`guest=${desktop}`))
        .map(({ pid }) => ({ host: name, pid }));
    }),
  );
  return found.flat();
}

/** Everything of a desktop that is still on a host that no longer owns it, in words. */
export async function leftoversAt(
  cloud: LabCloud,
  host: string,
  desktop: DesktopId,
  oldExternal: string | null,
): Promise<string[]> {
  const { namespace, device } = cloud.world.host(host);
  const state = join(cloud.dir, 'hosts', host, 'state');
  const exec = (...argv: string[]) => cloud.world.exec(namespace, argv);
  const left: string[] = [];
  for (const copy of await copiesOf(cloud, desktop))
    if (copy.host === host) left.push(`process ${String(copy.pid)}`);
  for (const file of await readdir(state, { recursive: true }).catch(() => [] as string[]))
    // The ownership record stays for ever: it is what fences this host. Where a desktop went is kept for clients that were off meanwhile.
    if (file.includes(desktop) && !/^(ownership|network\/departed)\//.test(file)) left.push(`file ${file}`);
  if ((await exec('ip', '-br', 'link')).includes(tapName(desktop))) left.push(`tap ${tapName(desktop)}`);
  if (oldExternal !== null) {
    if ((await exec('ip', '-br', '-4', 'addr', 'show', 'dev', device)).includes(`${oldExternal}/`))
      left.push(`address ${oldExternal}`);
    if ((await exec('nft', 'list', 'ruleset')).includes(oldExternal)) left.push(`rules for ${oldExternal}`);
  }
  if ((await exec('tc', 'class', 'show', 'dev', device)).includes('htb'))
    left.push('a rate cap at the uplink');
  return left;
}

/** Connections that have changed to their own paths may use the old address for ten seconds more; a busy machine needs longer to see it. */
const LEFT_WITHIN_MS = 60_000;
const LOOK_MS = 500;

/** What is still there (`leftoversAt`) once the connections have had their time to leave the old address; looks until nothing is. */
export async function lastingLeftoversAt(...where: Parameters<typeof leftoversAt>): Promise<string[]> {
  const untilMs = Date.now() + LEFT_WITHIN_MS;
  for (;;) {
    const left = await leftoversAt(...where);
    if (left.length === 0 || Date.now() > untilMs) return left;
    await sleep(LOOK_MS);
  }
}
