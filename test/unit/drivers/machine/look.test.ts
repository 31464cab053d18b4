import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lookAtHost } from '../../../../drivers/machine/look.js';

it('counts what the disks of desktops take on a machine that has some, and nothing on a new one', async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'vmshadow-look-'));
  try {
    const taken = async () =>
      (await lookAtHost({ stateDir, runDir: '/run/vmshadow', qemuUser: 'root' })).desktopDisksMiB;
    expect(await taken()).toBe(0);
    await mkdir(join(stateDir, 'disks'));
    for (const name of ['d1.home.raw', 'd1.home-1.raw'])
      await writeFile(join(stateDir, 'disks', name), Buffer.alloc(2 ** 20, 1));
    expect(await taken()).toBeCloseTo(2, 0);
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
});
