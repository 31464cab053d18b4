// Finds out how guests can run here. /dev/kvm alone proves nothing (nested and emulated KVM may be missing features, or slower than TCG):
// the probe boots a real boot sector that ends its own QEMU with a known exit code.
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isVmshadowError } from '../../../domain/errors.js';
import { asUser, giveFile, type RunAs } from '../../../os/run-as.js';
import { runCommand } from '../../../os/run-command.js';
import { QEMU, type Accelerator } from './command-lines.js';

/** `mov al, 0x10; out 0xf4, al; hlt`: isa-debug-exit ends QEMU with (0x10 << 1) | 1. */
const BOOT_SECTOR = Buffer.concat([
  Buffer.from([0xb0, 0x10, 0xe6, 0xf4, 0xf4]),
  Buffer.alloc(505),
  Buffer.from([0x55, 0xaa]),
]);
const EXIT_CODE = 33;
/** TCG boots it in 0.1 to 0.5 s; a KVM that needs longer is no help. */
const PROBE_TIMEOUT_MS = 3_000;

/** Choose KVM where it really boots something in time for the user as whom QEMU runs, TCG otherwise. */
export async function chooseAccelerator(
  wish: 'tcg' | 'kvm' | 'auto',
  user: RunAs | null,
): Promise<Accelerator> {
  if (wish !== 'auto') return wish;
  return (await kvmBoots(user)) ? 'kvm' : 'tcg';
}

async function kvmBoots(user: RunAs | null): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'vmshadow-kvm-'));
  const image = join(folder, 'boot.img');
  try {
    await writeFile(image, BOOT_SECTOR);
    await giveFile(user, image);
    if (user !== null) await chown(folder, user.uid, user.gid);
    const [program = QEMU, ...args] = asUser(user, [
      QEMU,
      ...['-accel', 'kvm', '-cpu', 'host', '-m', '32', '-nodefaults', '-display', 'none'],
      ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'],
      ...['-drive', `file=${image},format=raw,if=ide`],
    ]);
    await runCommand([program, ...args], { timeoutMs: PROBE_TIMEOUT_MS });
    return false;
  } catch (error) {
    return isVmshadowError(error) && error.details['exitCode'] === EXIT_CODE;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
