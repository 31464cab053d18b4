import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeAll } from '../../../cli/out-files.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-out-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const files = () => [
  { path: join(dir, 'etc', 'dom0.yaml'), text: 'a' },
  { path: join(dir, 'units', 'dom0.service'), text: 'b' },
];
const names = async () =>
  (await readdir(dir, { recursive: true, withFileTypes: true }))
    .filter((e) => !e.isDirectory())
    .map((e) => e.name);

describe('files that belong together', () => {
  it('are all written, and never over what is there', async () => {
    await writeAll(files(), false);
    expect((await names()).toSorted()).toEqual(['dom0.service', 'dom0.yaml']);
    await expect(writeAll(files(), false)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    await writeAll([{ ...files()[0]!, text: 'c' }], true);
    expect(await readFile(files()[0]!.path, 'utf8')).toBe('c');
    expect(await names()).toHaveLength(2);
  });

  it('are not written at all where the last one has no place', async () => {
    await writeFile(join(dir, 'units'), 'a file where a folder is wanted');
    await expect(writeAll(files(), false)).rejects.toThrow(/units/);
    expect(await names()).toEqual(['units']);
  });

  it('are taken away again where one cannot be put in its place', async () => {
    await mkdir(join(dir, 'units'));
    // Nobody finds a file there, and yet the name is taken.
    await symlink('/nonexistent/elsewhere', join(dir, 'units', 'dom0.service'));
    await expect(writeAll(files(), false)).rejects.toMatchObject({
      code: 'PREREQUISITE',
      message: expect.stringContaining('nothing was written') as string,
    });
    expect(await names()).toEqual(['dom0.service']);
  });
});
