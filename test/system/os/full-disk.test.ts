// Records on file systems that are really full: of bytes, with room for less and less of the new record, and of files.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { RecordStore } from '../../../os/record-store.js';
import { runCommand } from '../../../os/run-command.js';

const Note = z.object({ text: z.string() });
const BLOCK = 4096;
/** Five blocks of the file system: a full disk may stop it at each of them. */
const note = (letter: string) => ({ text: letter.repeat(4 * BLOCK) });
const [OLD, NEW] = [note('o'), note('n')];

/** How to make a file system in a folder, with little room or few files. */
const KINDS: readonly [string, (folder: string, at: string) => Promise<void>][] = [
  [
    'tmpfs',
    async (_, at) => {
      await runCommand(['mount', '-t', 'tmpfs', '-o', 'size=256k,nr_inodes=32', 'none', at]);
    },
  ],
  [
    'ext4',
    async (folder, at) => {
      const image = join(folder, 'image');
      await runCommand(['truncate', '-s', '2M', image]);
      await runCommand([
        'mke2fs',
        '-q',
        '-F',
        '-t',
        'ext4',
        '-b',
        String(BLOCK),
        '-m',
        '0',
        '-N',
        '32',
        image,
      ]);
      await runCommand(['mount', '-o', 'loop', image, at]);
    },
  ],
];

describe.each(KINDS)('on a full %s', (_, make) => {
  let folder: string;
  let at: string;
  let store: RecordStore<typeof Note>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vms-full-'));
    at = await mkdtemp(join(folder, 'mnt-'));
    await make(folder, at);
    store = new RecordStore(join(at, 'notes'), Note, 'note');
    await store.put('a', OLD);
  });
  afterEach(async () => {
    await runCommand(['umount', at]);
    await rm(folder, { recursive: true, force: true });
  });

  /** What is there must be one of the two, whole, and nothing else. */
  async function put(): Promise<'written' | 'refused'> {
    const error: unknown = await store.put('a', NEW).then(
      () => null,
      (e: unknown) => e,
    );
    if (error !== null)
      expect(error).toMatchObject({ code: 'RECORD_UNWRITTEN', details: { errno: 'ENOSPC' } });
    const stands = JSON.parse(await readFile(join(at, 'notes', 'a.json'), 'utf8')) as unknown;
    expect(stands).toEqual(error === null ? NEW : OLD);
    expect(await store.get('a')).toEqual(stands);
    expect(await readdir(join(at, 'notes'))).toEqual(['a.json']);
    return error === null ? 'written' : 'refused';
  }

  it('leaves the old record whole and no rubbish, however little of the new one has room', async () => {
    const filler = join(at, 'filler');
    const outcomes: string[] = [];
    for (let room = 0; outcomes.at(-1) !== 'written'; room++) {
      await fill(filler);
      await runCommand(['truncate', '-s', `-${String(room * BLOCK)}`, filler]);
      outcomes.push(await put());
      expect(room).toBeLessThan(20);
    }
    expect(outcomes.length).toBeGreaterThan(3);
  });

  it('leaves the old record whole where no file can be made any more, and writes when there is room again', async () => {
    const made: string[] = [];
    for (let n = 0; n < 100; n++) {
      const path = join(at, `file-${String(n)}`);
      const full = await writeFile(path, '').then(
        () => false,
        (e: unknown) => (e as NodeJS.ErrnoException).code === 'ENOSPC',
      );
      if (full) break;
      made.push(path);
    }
    expect(await put()).toBe('refused');
    for (const path of made.slice(0, 2)) await rm(path);
    expect(await put()).toBe('written');
  });

  it('takes as many changes of a record as room was kept for, the first one too, and no more', async () => {
    const small = new RecordStore(join(at, 'owners'), Note, 'note');
    await small.keepRoom('first', 2);
    await small.put('known', { text: 'owner' });
    await small.keepRoom('known', 1);
    await fill(join(at, 'filler'));
    for (const text of ['owner', 'refused']) {
      await small.put('first', { text });
      expect(await new RecordStore(join(at, 'owners'), Note, 'note').get('first')).toEqual({ text });
    }
    await small.put('known', { text: 'reclaimed' });
    expect(await small.get('known')).toEqual({ text: 'reclaimed' });
    await expect(store.put('a', NEW)).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
    for (const id of ['first', 'known']) await small.dropRoom(id);
    expect((await readdir(join(at, 'owners'))).sort()).toEqual(['first.json', 'known.json']);
  });
});

/** Write zeros to a file until the file system takes no more. */
async function fill(path: string): Promise<void> {
  await rm(path, { force: true });
  await runCommand(['dd', 'if=/dev/zero', `of=${path}`, `bs=${String(BLOCK)}`, 'conv=fsync']).catch(
    () => undefined,
  );
  expect((await stat(path)).size).toBeGreaterThan(0);
}
