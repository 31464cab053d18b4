import { mkdtemp, readdir, rm, truncate, writeFile, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SiteCache, cacheUse } from '../../../transfer/cache/site-cache.js';
import { KnownPages, hashOf } from '../../../transfer/stream/pages.js';
import { pageOf } from './streams.js';

describe('the site cache', () => {
  let folder: string;
  let problems: string[];
  const openCache = (limitBytes = 2 ** 30) =>
    new SiteCache({ folder, limitBytes, onProblem: (problem) => problems.push(problem) });
  const fill = (from: number, count: number) => {
    const cache = openCache();
    for (let i = from; i < from + count; i++) cache.put(hashOf(pageOf(i)), pageOf(i));
    cache.close();
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmscache-'));
    problems = [];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('gives back what was put in, also to the next process, and tells what it has', () => {
    fill(0, 300);
    const cache = openCache();
    cache.put(hashOf(pageOf(900)), pageOf(900));
    expect([0, 255, 256, 299, 900].every((i) => cache.get(hashOf(pageOf(i)))?.page.equals(pageOf(i)))).toBe(
      true,
    );
    expect(cache.get(hashOf(pageOf(301)))).toBeNull();
    const known = new KnownPages();
    known.addPrefixes(cache.prefixes());
    expect(known.size).toBe(301);
    expect(known.has(hashOf(pageOf(299))) && !known.has(hashOf(pageOf(301)))).toBe(true);
    cache.close();
    expect(cacheUse(folder)).toEqual({ parts: 2, pages: 301, bytes: 301 * 4_096 });
  });

  it('gives no wrong page where its files were torn, changed, or are somebody else’s', async () => {
    fill(0, 300);
    const pages = join(
      folder,
      (await readdir(folder)).find((name) => name.endsWith('.pages'))!,
    );
    await truncate(pages, 200 * 4_096 + 17);
    const file = await open(pages, 'r+');
    await file.write(Buffer.from('x'), 0, 1, 7 * 4_096 + 5);
    await file.close();
    await writeFile(join(folder, 'zzz.pages'), 'nonsense');
    await writeFile(join(folder, 'zzz.names'), Buffer.alloc(33, 1));
    const cache = openCache();
    const found = Array.from({ length: 300 }, (_, i) => i).filter(
      (i) => cache.get(hashOf(pageOf(i))) !== null,
    );
    expect(found).toEqual(Array.from({ length: 200 }, (_, i) => i).filter((i) => i !== 7));
    expect(cache.unreadPages).toBe(101);
    // What was lost can come again.
    cache.put(hashOf(pageOf(7)), pageOf(7));
    expect(cache.get(hashOf(pageOf(7)))?.page).toEqual(pageOf(7));
    cache.close();
  });

  it('never takes more than its limit, giving up the oldest', async () => {
    for (const name of ['a', 'b']) {
      await writeFile(join(folder, `00000000${name}-x.pages`), Buffer.alloc(2 ** 20, name));
      await writeFile(join(folder, `00000000${name}-x.names`), Buffer.alloc(256 * 16, name));
    }
    const cache = openCache(65 * 2 ** 20);
    cache.put(hashOf(pageOf(1)), pageOf(1));
    cache.close();
    expect((await readdir(folder)).filter((name) => name.startsWith('00000000'))).toEqual([
      '00000000b-x.names',
      '00000000b-x.pages',
    ]);
  });

  it('is empty, and says so once, where its folder is not there', async () => {
    await rm(folder, { recursive: true });
    const cache = openCache();
    for (let i = 0; i < 300; i++) cache.put(hashOf(pageOf(i)), pageOf(i));
    expect(cache.get(hashOf(pageOf(1)))).toBeNull();
    cache.close();
    expect(problems).toHaveLength(1);
  });
});
