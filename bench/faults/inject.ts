// The faults themselves. Each is made ready before its moment (processes are looked up), so that nothing but the fault happens then.
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../../os/run-command.js';
import { MOVE } from '../../temporal/contract/move.js';
import type { Ground, HostName } from './ground.js';
import { cutMs, type Fault } from './matrix.js';

export interface Ready {
  /** Do it now; resolves when all that belongs to it is over (the link is whole again, the process is back). */
  readonly fire: () => Promise<unknown>;
  /** Where a QEMU is killed. */
  readonly killedAt: string | null;
}

/** As the units of deploy/ have it (RestartSec). */
const BACK_AFTER_MS = 2_000;
const FREEZE_MS = 7_000;
const FULL_MS = 20_000;

/** Make a fault ready; null where there is nothing that it could hit. */
export async function makeReady(
  ground: Ground,
  fault: Fault,
  { source, target }: { source: HostName; target: HostName },
): Promise<Ready | null> {
  const { cloud, world } = ground;
  const ready = (fire: () => Promise<unknown>): Ready => ({ fire, killedAt: null });
  const process = (name: string) =>
    ready(async () => {
      await cloud.kill(name);
      await sleep(BACK_AFTER_MS);
      cloud.restart(name);
    });
  switch (fault) {
    case 'kill-source-qemu':
      return killProcesses(ground, source, 'qemu-system-x86_64');
    case 'kill-target-qemu':
      return killProcesses(ground, target, 'qemu-system-x86_64');
    case 'kill-storage-daemon':
      return killProcesses(ground, target, 'qemu-storage-daemon');
    case 'kill-source-dom0':
      return process(`dom0 ${source}`);
    case 'kill-target-dom0':
      return process(`dom0 ${target}`);
    case 'kill-manager':
      return process('manager');
    case 'kill-proxy':
      return process('proxy alice');
    case 'kill-temporal':
      return ready(() => cloud.crashTemporal(BACK_AFTER_MS));
    case 'freeze-temporal':
      return ready(() => cloud.freezeTemporal(FREEZE_MS));
    case 'fill-target-disk':
      return ready(() => fill(join(ground.small.dir, 'hosts', target, 'state')));
    case 'flush-rules':
      return ready(() =>
        Promise.all(
          [source, target].map((host) => world.exec(world.host(host).namespace, ['nft', 'flush', 'ruleset'])),
        ),
      );
    case 'cancel':
      return ready(() => ground.move().signal(MOVE.cancelMove));
    case 'terminate':
      return ready(() => ground.move().terminate('the fault matrix'));
    default: {
      const [from, to] = fault.startsWith('cut-backward') ? [target, source] : [source, target];
      const direction = /^cut-\d/.test(fault) ? 'both' : 'forward';
      return ready(async () => {
        await world.cut(from, to, direction);
        await sleep(cutMs(fault));
        await world.restore(from, to, direction);
      });
    }
  }
}

async function killProcesses(ground: Ground, host: HostName, program: string): Promise<Ready | null> {
  const pids = await ground.pidsAt(host, program);
  if (pids.length === 0) return null;
  return {
    killedAt: program.startsWith('qemu-system') ? host : null,
    fire: () => {
      pids.forEach(kill);
      return Promise.resolve();
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** Take all that is free on a file system for a while. */
async function fill(folder: string): Promise<void> {
  const filler = join(folder, 'filler');
  const { bavail, bsize } = await statfs(folder);
  await runCommand(['fallocate', '-l', String(bavail * bsize), filler]).catch(() => undefined);
  // What its own bookkeeping has left.
  await runCommand(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=4k', 'oflag=append', 'conv=notrunc']).catch(
    () => undefined,
  );
  await sleep(FULL_MS);
  await rm(filler, { force: true });
}
