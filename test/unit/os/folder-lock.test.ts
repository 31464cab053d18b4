import { jest } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCommand } from '../../../os/start-command.js';
import { lockFolder } from '../../../os/folder-lock.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmshadow-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starting a program of ours takes seconds on a busy machine. */
jest.setTimeout(60_000);

const holder = fileURLToPath(new URL('./folder-lock-holder.ts', import.meta.url));

describe('lockFolder', () => {
  it('keeps a second holder out until the first lets go', () => {
    const release = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(
      expect.objectContaining({
        code: 'PREREQUISITE',
        message: expect.stringContaining(String(process.pid)),
      }),
    );
    release();
    lockFolder(folder)();
  });

  it('is free again after a kill, although a program that the holder had started lives on', async () => {
    const child = startCommand([process.execPath, '--import', 'tsx', holder, folder], { stderr: 'inherit' });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const survivor = Number(said.toString());
    try {
      expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'PREREQUISITE' }));
      child.kill('SIGKILL');
      await child.ended;
      expect(() => process.kill(survivor, 0)).not.toThrow();
      lockFolder(folder)();
    } finally {
      process.kill(survivor, 'SIGKILL');
    }
  });
});
