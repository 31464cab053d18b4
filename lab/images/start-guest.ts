// Starts a lab guest in a namespace for tests and measurements of the lab itself: plain QEMU with a tap device, no monitor. The product's own
// driver (drivers/qemu) starts desktops; this one only needs an image to be alive.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { VmshadowError } from '../../domain/errors.js';
import { runCommand } from '../../os/run-command.js';
import type { StartedCommand } from '../../os/start-command.js';
import { ipBatch } from '../net/commands.js';
import type { World } from '../net/world.js';
import { guestAppend, type GuestImage } from './locate.js';

export interface GuestOptions {
  readonly image: GuestImage;
  readonly memoryMiB: number;
  /** Last byte pair of its /30 in 10.77.0.0/16: guest 10.77.N.2, gateway 10.77.N.1. */
  readonly network: number;
  readonly keys?: Readonly<Record<string, string | number>>;
}

export interface LabGuest {
  readonly address: string;
  readonly process: StartedCommand;
  /** What the guest wrote to its console so far. */
  console(): string;
}

const READY = 'vms: READY';
/** Software emulation on two shared cores: measured 4 s (small) and 7 s (desktop) idle, up to 15 s under load. */
const READY_TIMEOUT_MS = 90_000;
const POLL_MS = 100;

/** Boot a guest from a copy of its image in `namespace` and wait until it says that it is ready. It ends with the world. */
export async function startGuest(world: World, namespace: string, options: GuestOptions): Promise<LabGuest> {
  const n = String(options.network);
  const address = `10.77.${n}.2`;
  const gateway = `10.77.${n}.1`;
  const tap = `tap${n}`;
  const disk = join(world.folder, `${namespace}-${n}.raw`);
  const serial = join(world.folder, `${namespace}-${n}.console`);
  await runCommand(['cp', '--sparse=always', options.image.disk, disk]);
  await ipBatch(
    [`tuntap add ${tap} mode tap`, `addr add ${gateway}/30 dev ${tap}`, `link set ${tap} up`],
    namespace,
  );
  const hexNetwork = options.network.toString(16).padStart(2, '0');
  const qemu = [
    ['qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max', '-m', String(options.memoryMiB), '-smp', '1'],
    ['-display', 'none', '-vga', 'none', '-nodefaults', '-no-reboot', '-monitor', 'none'],
    ['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=n0,romfile=,mac=52:54:00:4c:ab:${hexNetwork}`],
    ['-drive', `file=${disk},if=virtio,format=raw,cache=none`],
    ['-kernel', options.image.kernel, '-initrd', options.image.initrd],
    ['-append', guestAppend(options.image, { address, gateway }, options.keys)],
    ['-serial', `file:${serial}`],
  ].flat();
  const child = world.spawn(namespace, qemu, { logFile: `${serial}.qemu` });
  const text = () => {
    try {
      return readFileSync(serial, 'utf8');
    } catch {
      return '';
    }
  };
  for (const end = Date.now() + READY_TIMEOUT_MS; !text().includes(READY);) {
    if (child.end !== null || Date.now() > end)
      throw new VmshadowError(
        'DESKTOP_DOWN',
        `The lab guest in ${namespace} did not come up: ${text().slice(-300)}${readFileSync(`${serial}.qemu`, 'utf8').slice(-300)}`,
      );
    await sleep(POLL_MS);
  }
  return { address, process: child, console: text };
}
