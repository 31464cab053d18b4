import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashFile } from '../../../../drivers/qemu/process/disk-hash.js';

const SIZE_BYTES = 3 * 2 ** 20;
const never = new AbortController().signal;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-hash-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A disk of SIZE_BYTES whose content begins with `text`; the rest is a hole. */
async function disk(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  await truncate(path, SIZE_BYTES);
  return path;
}

describe('the hash of a disk', () => {
  it('takes holes for zeros, and tells one other byte apart', async () => {
    const sparse = await disk('sparse', 'guest');
    const full = await disk('full', `guest${'\0'.repeat(SIZE_BYTES - 5)}`);
    const hash = await hashFile(sparse, SIZE_BYTES, never);
    expect(await hashFile(full, SIZE_BYTES, never)).toBe(hash);
    const file = await open(sparse, 'r+');
    await file.write(Buffer.from([1]), 0, 1, 2 ** 20 + 4097);
    await file.close();
    expect(await hashFile(sparse, SIZE_BYTES, never)).not.toBe(hash);
  });

  it('is refused for a disk that is shorter than it should be, and when its caller gives up', async () => {
    const path = await disk('short', 'guest');
    await expect(hashFile(path, SIZE_BYTES + 1, never)).rejects.toMatchObject({ code: 'DISK_COPY' });
    await expect(hashFile(path, SIZE_BYTES, AbortSignal.abort())).rejects.toThrow();
  });
});
