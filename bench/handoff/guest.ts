// A small guest in QEMU at one host of the lab or the other, carried over by QEMU's own live migration: while it is paused its TCP stands still, as
// a moved desktop's does. It has no disk, and takes the taps that the hosts' proxies make.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { QmpClient } from '../../drivers/qemu/qmp/qmp-client.js';
import { tapName } from '../../guest-proxy/host/tap.js';
import { guestAppend, smallGuest } from '../../lab/images/locate.js';
import { startCommand, type StartedCommand } from '../../os/start-command.js';
import {
  definition,
  DESKTOP_PORT,
  type HostName,
  HOSTS,
  type Lab,
} from '../../test/system/guest-proxy/support/lab.js';
import { sleep, until } from '../../test/system/guest-proxy/support/session.js';
import type { AroundStop } from './desktops.js';

const MEMORY_MIB = 96;
const READY_TIMEOUT_MS = 120_000;
const STEP = { timeoutMs: 60_000 };
/** As the product's: QEMU does not stop the guest by itself. */
const COPY = { 'max-bandwidth': 1_000_000_000, 'downtime-limit': 1 };

interface Qemu {
  readonly process: StartedCommand;
  readonly qmp: QmpClient;
}

export class MovedGuest {
  readonly #lab: Lab;
  #running: Qemu;
  #arrived: Qemu | null = null;
  #starts = 0;

  private constructor(lab: Lab, running: Qemu) {
    this.#lab = lab;
    this.#running = running;
  }

  /** Boot it, and wait until its test stream listens. */
  static async boot(lab: Lab, host: HostName): Promise<MovedGuest> {
    const console = join(lab.folder, 'guest.console');
    const guest = new MovedGuest(lab, await startQemu(lab, host, 'guest', []));
    const ready = (): Promise<boolean> =>
      Promise.resolve(readFileSync(console, 'utf8').includes('vms: READY'));
    await until('the guest is ready', ready, READY_TIMEOUT_MS);
    return guest;
  }

  /** Stop it and bring all of it to another host, where it waits; give when it was stopped. */
  async bring(to: HostName, { before, after }: AroundStop): Promise<number> {
    this.#starts += 1;
    const name = `guest-${String(this.#starts)}`;
    const source = this.#running.qmp;
    const target = await startQemu(this.#lab, to, name, ['-incoming', 'defer', '-S']);
    this.#arrived = target;
    const uri = `unix:${join(this.#lab.folder, `${name}.memory`)}`;
    for (const qmp of [source, target.qmp])
      await qmp.execute('migrate-set-capabilities', {
        capabilities: ['events', 'pause-before-switchover'].map((capability) => ({
          capability,
          state: true,
        })),
      });
    await target.qmp.execute('migrate-incoming', { uri });
    await source.execute('migrate-set-parameters', COPY);
    const since = source.lastSeq;
    const whole = migration(target.qmp, 'completed', target.qmp.lastSeq);
    await source.execute('migrate', { uri });
    // The guest touches little: what is left then fits any pause. An idle one may have been stopped by QEMU all the same.
    const isLittleLeft = (name: string, data: Readonly<Record<string, unknown>>) =>
      (name === 'MIGRATION_PASS' && Number(data['pass']) >= 2) || name === 'STOP';
    await source.waitFor((e) => isLittleLeft(e.name, e.data), 'a second round', { ...STEP, since });
    await before();
    await source.execute('stop');
    const { atMs } = await source.waitFor((e) => e.name === 'STOP', 'the pause', { ...STEP, since });
    await migration(source, 'pre-switchover', since);
    await after();
    await source.execute('migrate-continue', { state: 'pre-switchover' });
    await whole;
    await migration(source, 'completed', since);
    return atMs;
  }

  /** Let it run where it was brought; give since when it does. */
  async resume(): Promise<number> {
    const arrived = this.#arrived;
    if (arrived === null) throw new Error('the guest was not brought anywhere');
    await end(this.#running);
    this.#running = arrived;
    this.#arrived = null;
    const { qmp } = arrived;
    const since = qmp.lastSeq;
    await qmp.execute('cont');
    return (await qmp.waitFor((e) => e.name === 'RESUME', 'the resume', { ...STEP, since })).atMs;
  }

  async end(): Promise<void> {
    for (const qemu of [this.#running, this.#arrived]) if (qemu !== null) await end(qemu);
  }
}

function migration(qmp: QmpClient, status: string, since: number): Promise<unknown> {
  return qmp.waitFor((e) => e.name === 'MIGRATION' && e.data['status'] === status, `migration ${status}`, {
    ...STEP,
    since,
  });
}

async function startQemu(lab: Lab, host: HostName, name: string, more: readonly string[]): Promise<Qemu> {
  const { network } = definition;
  const image = smallGuest();
  const socket = join(lab.folder, `${name}.qmp`);
  const keys = { 'vms.stream': DESKTOP_PORT };
  const child = startCommand(
    [
      'ip',
      ...['netns', 'exec', HOSTS[host].namespace, 'qemu-system-x86_64', '-nodefaults', '-no-user-config'],
      ...['-accel', 'tcg', '-cpu', 'max', '-m', String(MEMORY_MIB), '-smp', '1', '-display', 'none'],
      ...['-netdev', `tap,id=n0,ifname=${tapName(definition.id)},script=no,downscript=no`],
      ...['-device', `virtio-net-pci,netdev=n0,romfile=,mac=${network.mac}`],
      ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', guestAppend(image, network, keys)],
      ...['-serial', `file:${join(lab.folder, `${name}.console`)}`, '-no-reboot'],
      ...['-qmp', `unix:${socket},server=on,wait=off`, ...more],
    ],
    { logFile: join(lab.folder, `${name}.log`) },
  );
  for (let tries = 1; ; tries += 1)
    try {
      return { process: child, qmp: await QmpClient.connect(socket, `guest at ${host}`) };
    } catch (error) {
      if (tries === 200 || child.end !== null) throw error;
      await sleep(100);
    }
}

async function end({ process: child, qmp }: Qemu): Promise<void> {
  qmp.close();
  child.kill('SIGKILL');
  await child.ended;
}
