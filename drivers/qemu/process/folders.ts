// The folders of a host. QEMU's user may pass through those that hold files of its own, and owns but the one where it makes sockets; the files
// are given to it one by one.
import { chmod, chown } from 'node:fs/promises';
import { makeFolderDurably } from '../../../os/durable-file.js';
import type { QemuHost } from './qemu-host.js';

/** Make the folders that the driver needs, closed to everybody else. */
export async function prepareFolders(host: QemuHost): Promise<void> {
  const { layout, options } = host;
  for (const folder of [...layout.folders, ...layout.sharedFolders, layout.runDir])
    await makeFolderDurably(folder);
  const user = options.runAs;
  for (const folder of [layout.stateDir, ...layout.sharedFolders]) {
    if (user !== null) await chown(folder, 0, user.gid);
    await chmod(folder, user === null ? 0o700 : 0o710);
  }
  // Monitors' sockets and pid files are made there by QEMU itself.
  if (user !== null) await chown(layout.runDir, user.uid, user.gid);
  await chmod(layout.runDir, 0o700);
  await host.mustBeReachable();
}
