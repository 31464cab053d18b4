// Gives a guest that asks its internal address, gateway and name server: one dnsmasq a tap, which also forwards names, so that the guest's
// name server (its gateway) is the same on every host. A process of its own: found again by its pid file, it outlives dom0's worker.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, VmshadowError } from '../../domain/errors.js';
import { isMissing, readTextIfThere } from '../../os/durable-file.js';
import type { InternalNetwork } from '../../domain/model/desktop.js';
import type { DesktopId } from '../../domain/model/ids.js';
import { runCommand } from '../../os/run-command.js';
import { portsInTheWay } from './port-holders.js';

/** The desktop's /30. */
const NETMASK = '255.255.255.252';

/** The command line of a tap's DHCP server; it goes to the background by itself. */
function dnsmasqCommand(tap: string, network: InternalNetwork, pidFile: string): [string, ...string[]] {
  return [
    'dnsmasq',
    '--conf-file=/dev/null',
    `--pid-file=${pidFile}`,
    `--interface=${tap}`,
    '--except-interface=lo',
    // Taps come and go; and another name server may listen on the host.
    '--bind-dynamic',
    // The address is the guest's for ever: no lease ends, none is stored, and one given by another host is confirmed at once.
    `--dhcp-range=${network.address},${network.address},${NETMASK},infinite`,
    `--dhcp-host=${network.mac},${network.address},infinite`,
    `--dhcp-option=option:router,${network.gateway}`,
    `--dhcp-option=option:dns-server,${network.gateway}`,
    '--dhcp-authoritative',
    '--leasefile-ro',
    '--no-hosts',
  ];
}

export class DhcpServers {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'dhcp');
  }

  /** Start the server of a tap unless it runs. Throws COMMAND, which names who else is at its ports and what to do. */
  async ensure(desktop: DesktopId, tap: string, network: InternalNetwork): Promise<void> {
    const pidFile = this.#pidFile(desktop);
    if ((await this.#runningPid(desktop)) !== null) return;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    try {
      await runCommand(dnsmasqCommand(tap, network, pidFile));
    } catch (cause) {
      const why = [messageOf(cause), await portsInTheWay()].filter((part) => part !== '').join('; ');
      throw new VmshadowError('COMMAND', why, { cause });
    }
  }

  /** Stop it; fine when none runs. */
  async remove(desktop: DesktopId): Promise<void> {
    const pid = await this.#runningPid(desktop);
    if (pid !== null) process.kill(pid, 'SIGTERM');
    await rm(this.#pidFile(desktop), { force: true });
  }

  /** The server's process; null when it has ended, also when its number now belongs to something else. */
  async #runningPid(desktop: DesktopId): Promise<number | null> {
    const pidFile = this.#pidFile(desktop);
    const pid = Number((await readTextIfThere(pidFile))?.trim() ?? '');
    if (!Number.isInteger(pid) || pid <= 1) return null;
    try {
      const commandLine = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8');
      return commandLine.split('\0').includes(`--pid-file=${pidFile}`) ? pid : null;
    } catch (error) {
      // ESRCH: it ended while we looked.
      if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ESRCH') return null;
      throw error;
    }
  }

  #pidFile(desktop: DesktopId): string {
    return join(this.#folder, `${desktop}.pid`);
  }
}
