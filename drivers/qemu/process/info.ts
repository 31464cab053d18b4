// What this host's QEMU is, for the comparison of both ends in preflight.
import type { HypervisorInfo } from '../../../ports/hypervisor.js';
import { messageOf, VmshadowError } from '../../../domain/errors.js';
import { runCommand } from '../../../os/run-command.js';
import { QEMU } from './command-lines.js';
import { cpuModelOf } from './cpu-facts.js';
import type { QemuHost } from './qemu-host.js';

/** Ask QEMU for its version and machine types. */
export async function describeHypervisor(host: QemuHost): Promise<HypervisorInfo> {
  const [said, machines, accelerator] = await Promise.all([
    runCommand([QEMU, '--version']),
    runCommand([QEMU, '-machine', 'help']),
    host.accelerator(),
  ]);
  const version = parseVersion(said);
  // Without it hosts are compared by the CPU's name alone.
  const cpu = await host.cpu(version).catch((error: unknown) => {
    host.log.warn({ error: messageOf(error) }, "QEMU does not say what it can give of this host's processor");
    return undefined;
  });
  return {
    driver: `qemu-${accelerator}`,
    version,
    machines: parseMachines(machines),
    cpuModel: cpuModelOf(accelerator),
    cpu,
  };
}

/** `QEMU emulator version 10.0.2 (Debian ...)` -> `10.0.2`. */
export function parseVersion(text: string): string {
  const version = /version (\d+\.\d+\.\d+)/.exec(text)?.[1];
  if (version === undefined)
    throw new VmshadowError('PREREQUISITE', `${QEMU} --version says ${text.slice(0, 80)}: no version in it`);
  return version;
}

/** The names in the first column of `-machine help`. */
export function parseMachines(text: string): string[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.split(/\s+/)[0] ?? '')
    .filter((name) => name !== '');
}
