// A real desktop without a virtual machine around it: the programs of the lab's desktop image (VNC server, window manager, applications)
// in the guest namespace, in their own mount and process namespaces. Quick to start, and its frame rates are the programs' own.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { desktopImage } from '../../lab/images/locate.js';
import { execIn, inNamespace } from '../../lab/net/commands.js';
import { startCommand, type StartedCommand } from '../../os/start-command.js';
import { WAN_ADDRESS, type RigNetwork } from './network.js';

export const VNC_PORT = 5901;

/** What runs on the desktop; `stream` plays a film from an HTTP server elsewhere, the others are the image's own applications. */
export type Workload = 'idle' | 'text' | 'web' | 'video' | 'game' | 'stream';

/** Where the film comes from: the stand-in for YouTube. */
export const FILM_PORT = 8554;

/** What the desktop's init is told on its kernel command line. */
export function desktopKeys(workload: Workload, geometry: string): Record<string, string> {
  return {
    'vms.app': workload,
    'vms.geometry': geometry,
    ...(workload === 'stream' ? { 'vms.film': `http://${WAN_ADDRESS}:${FILM_PORT}/clip.mpg` } : {}),
  };
}

const START_MS = 20_000;
const START_POLL_MS = 200;

/**
 * $1 disk image, $2 empty folder for the root, $3 file that stands for the kernel's command line.
 * The image's own init does the rest; its console is this script's output.
 */
const START = String.raw`
set -e
root=$2
mount --make-rprivate /
mount -o loop,ro "$1" "$root"
mount -t tmpfs tmpfs "$root/dev"
for n in null zero random urandom tty; do touch "$root/dev/$n"; mount --bind "/dev/$n" "$root/dev/$n"; done
ln -s /dev/pts/ptmx "$root/dev/ptmx"; ln -s /proc/self/fd "$root/dev/fd"
mkfifo "$root/dev/console"; cat <>"$root/dev/console" &
mount -t proc proc "$root/proc"
mount --bind "$3" "$root/proc/cmdline"
exec chroot "$root" /bin/sh /sbin/vms-desktop-init
`;

export class RigDesktop {
  readonly #child: StartedCommand;
  #console = '';

  private constructor(child: StartedCommand) {
    this.#child = child;
    const keep = (chunk: Buffer) => {
      this.#console = (this.#console + chunk.toString()).slice(-2_000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
  }

  /** Start a desktop with one application and wait until its VNC server answers. */
  static async start(net: RigNetwork, workload: Workload, geometry = '800x600'): Promise<RigDesktop> {
    const root = join(net.folder, 'root');
    const cmdline = join(net.folder, 'cmdline');
    await execIn(net.guest, ['mkdir', '-p', root]);
    const keys = Object.entries(desktopKeys(workload, geometry)).map(([key, value]) => `${key}=${value}`);
    await writeFile(cmdline, `${keys.join(' ')}\n`);
    const argv = ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', START, 'sh'];
    const inside = inNamespace(net.guest, [...argv, desktopImage().disk, root, cmdline]);
    const desktop = new RigDesktop(startCommand(inside));
    await desktop.#ready(net);
    return desktop;
  }

  /** End the desktop with everything in it. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.ended;
  }

  async #ready(net: RigNetwork): Promise<void> {
    const end = Date.now() + START_MS;
    while (Date.now() < end) {
      await sleep(START_POLL_MS);
      if (this.#child.end !== null) break;
      if (!this.#console.includes('vms: READY')) continue;
      const listening = await execIn(net.guest, ['ss', '-Htln']);
      if (listening.includes(`:${VNC_PORT} `)) return;
    }
    await this.stop();
    throw new Error(`the desktop did not start: ${this.#console}`);
  }
}
