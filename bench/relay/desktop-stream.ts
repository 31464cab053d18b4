// The migration stream of a real desktop that plays a video, recorded once into a file: a stream that QEMU made, its rounds and its device state.
import { once } from 'node:events';
import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from '../../drivers/qemu/qmp/qmp-client.js';
import { desktopImage, guestAppend } from '../../lab/images/locate.js';
import { startCommand } from '../../os/start-command.js';

/** From power-on to a video on the screen, under software emulation on a busy machine. */
const BOOT_MS = 75_000;
const UP_WITHIN_MS = 90_000;
const MIGRATED_WITHIN_MS = 300_000;
/** Slow enough that the video makes further rounds. */
const BYTES_PER_SECOND = 40e6;
const DOWNTIME_MS = 200;

/** Record the stream of a desktop with so much memory into `file`, unless that is there. */
export async function recordDesktop(file: string, memoryMiB: number): Promise<void> {
  if (existsSync(file)) return;
  const folder = await mkdtemp(join(tmpdir(), 'vmsrecord-'));
  const [monitor, stream] = [join(folder, 'qmp'), join(folder, 'stream')];
  const image = desktopImage();
  const append = guestAppend(image, { address: '10.77.1.2', gateway: '10.77.1.1' }, { 'vms.app': 'video' });
  const qemu = startCommand(
    [
      'qemu-system-x86_64',
      ...['-accel', 'tcg', '-cpu', 'max', '-m', String(memoryMiB), '-smp', '1'],
      ...['-display', 'none', '-vga', 'none', '-nodefaults', '-no-reboot'],
      ...['-qmp', `unix:${monitor},server=on,wait=off`],
      ...['-netdev', 'user,id=n0,restrict=on', '-device', 'virtio-net-pci,netdev=n0,romfile='],
      // What the guest writes is thrown away.
      ...['-drive', `file=${image.disk},if=virtio,format=raw,snapshot=on`],
      ...['-kernel', image.kernel, '-initrd', image.initrd, '-append', append],
    ],
    { logFile: join(folder, 'log'), env: { TMPDIR: folder } },
  );
  try {
    for (const end = Date.now() + UP_WITHIN_MS; !existsSync(monitor);) {
      if (qemu.end !== null || Date.now() > end) throw new Error('the desktop did not start');
      await sleep(50);
    }
    const qmp = await QmpClient.connect(monitor, 'the desktop');
    await sleep(BOOT_MS);
    const taker = createServer();
    await new Promise<void>((resolve) => taker.listen(stream, resolve));
    await qmp.execute('migrate-set-capabilities', {
      capabilities: ['events', 'xbzrle'].map((capability) => ({ capability, state: true })),
    });
    await qmp.execute('migrate-set-parameters', {
      'max-bandwidth': BYTES_PER_SECOND,
      'downtime-limit': DOWNTIME_MS,
      'xbzrle-cache-size': 64 * 2 ** 20,
    });
    const connected = once(taker, 'connection');
    const done = qmp.waitFor((e) => e.name === 'MIGRATION' && e.data['status'] === 'completed', 'the end', {
      timeoutMs: MIGRATED_WITHIN_MS,
    });
    await qmp.execute('migrate', { uri: `unix:${stream}` });
    const [socket] = (await connected) as [NodeJS.ReadableStream];
    const written = pipeline(socket, createWriteStream(join(folder, 'recorded')));
    await done;
    await written;
    taker.close();
    qmp.close();
    await rename(join(folder, 'recorded'), file);
  } finally {
    qemu.kill('SIGKILL');
    await qemu.ended;
    await rm(folder, { recursive: true, force: true });
  }
}
