// A desktop as operators have it: the lab's image in a QEMU guest on a tap. Software emulation makes its server slow; what its
// applications send, and in which proportions, is what Table 3 asks for.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { desktopImage, guestAppend } from '../../lab/images/locate.js';
import { inNamespace } from '../../lab/net/commands.js';
import { runCommand } from '../../os/run-command.js';
import { startCommand, type StartedCommand } from '../../os/start-command.js';
import { desktopKeys, type Workload } from './desktop.js';
import { GATEWAY_ADDRESS, GUEST_ADDRESS, TAP, type RigNetwork } from './network.js';

const MEMORY_MIB = 256;
const START_MS = 120_000;
const START_POLL_MS = 500;
/** The applications start after the server is ready, and take their time under emulation. */
const SETTLE_MS = 6_000;

export class RigMachine {
  readonly #child: StartedCommand;

  private constructor(child: StartedCommand) {
    this.#child = child;
  }

  /** Boot a desktop with one application from a copy of the image, and wait until its screen is up. */
  static async start(net: RigNetwork, workload: Workload, geometry = '640x480'): Promise<RigMachine> {
    const image = desktopImage();
    const disk = join(net.folder, 'machine.raw');
    const serial = join(net.folder, 'machine.console');
    await runCommand(['cp', '--sparse=always', image.disk, disk]);
    const network = { address: GUEST_ADDRESS, gateway: GATEWAY_ADDRESS };
    const argv = inNamespace(net.dom0, [
      ...[
        'qemu-system-x86_64',
        '-accel',
        'tcg,thread=multi',
        '-cpu',
        'max',
        '-m',
        `${MEMORY_MIB}`,
        '-smp',
        '2',
      ],
      ...['-display', 'none', '-vga', 'none', '-nodefaults', '-no-reboot', '-monitor', 'none'],
      ...['-netdev', `tap,id=n0,ifname=${TAP},script=no,downscript=no`],
      ...['-device', 'virtio-net-pci,netdev=n0,romfile=,mac=52:54:00:4c:ab:01'],
      ...['-drive', `file=${disk},if=virtio,format=raw,cache=unsafe`],
      ...['-kernel', image.kernel, '-initrd', image.initrd],
      ...['-append', guestAppend(image, network, desktopKeys(workload, geometry))],
      ...['-serial', `file:${serial}`],
    ]);
    const machine = new RigMachine(startCommand(argv, { stdout: 'inherit', stderr: 'inherit' }));
    await machine.#ready(serial);
    return machine;
  }

  /** End the guest. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.ended;
  }

  async #ready(serial: string): Promise<void> {
    let console = '';
    for (const end = Date.now() + START_MS; Date.now() < end && this.#child.end === null;) {
      await sleep(START_POLL_MS);
      console = await readFile(serial, 'utf8').catch(() => '');
      if (!console.includes('vms: READY')) continue;
      await sleep(SETTLE_MS);
      return;
    }
    await this.stop();
    throw new Error(`the guest did not come up: ${console.slice(-500)}`);
  }
}
