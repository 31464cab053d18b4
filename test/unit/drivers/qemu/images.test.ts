import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findImage, type ImageFolders } from '../../../../drivers/qemu/process/images.js';

describe('an image of a host', () => {
  let dir: string;
  let folders: ImageFolders;
  beforeAll(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), 'vms-images-')));
    folders = { imageDir: join(dir, 'images'), images: [join(dir, 'more')] };
    for (const name of ['images', 'images/sub', 'more', 'images-of-others', 'elsewhere'])
      await mkdir(join(dir, name));
    for (const name of ['images/a', 'images/sub/b', 'more/c', 'images-of-others/d', 'elsewhere/secret'])
      await writeFile(join(dir, name), '');
    await symlink(join(dir, 'elsewhere/secret'), join(dir, 'images/trap'));
    await symlink(join(dir, 'elsewhere'), join(dir, 'images/door'));
    await symlink('sub/b', join(dir, 'images/link'));
    await symlink('nowhere', join(dir, 'images/dangling'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it.each([
    ['a', 'images/a'],
    ['sub/b', 'images/sub/b'],
    ['link', 'images/sub/b'],
  ])('is found by the relative name %s', async (name, path) => {
    expect(await findImage(folders, name)).toBe(join(dir, path));
  });

  it('is found by its path in any of the folders', async () => {
    for (const path of ['images/a', 'more/c'].map((name) => join(dir, name)))
      expect(await findImage(folders, path)).toBe(path);
  });

  it.each([
    ['outside', 'elsewhere/secret'],
    ['outside and not there', 'elsewhere/nothing'],
    ['in a folder with a name that begins alike', 'images-of-others/d'],
    ['the folder itself', 'images'],
    ['by a link out of the folder', 'images/trap'],
    ['by a linked folder out of it', 'images/door/secret'],
    ['by .. out of it', 'images/../elsewhere/secret'],
    ['by .. and back', 'images/sub/../a'],
  ])('is refused with one and the same words: %s', async (_, name) => {
    const words = expect.stringMatching(/does not lie in an image folder of this host .*`images`/) as unknown;
    const path = `${dir}/${name}`;
    await expect(findImage(folders, path)).rejects.toMatchObject({ code: 'INPUT_INVALID', message: words });
  });

  it.each(['../elsewhere/secret', 'sub/../../elsewhere/secret', 'a\0b', '', '/etc/passwd'])(
    'is refused: %j',
    async (name) => {
      await expect(findImage(folders, name)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    },
  );

  it('must be there, and a file', async () => {
    await expect(findImage(folders, 'nothing')).rejects.toThrow(/nothing is not there/);
    await expect(findImage(folders, 'dangling')).rejects.toThrow(/dangling is not there/);
    await expect(findImage(folders, 'sub')).rejects.toThrow(/sub is no file/);
  });
});
