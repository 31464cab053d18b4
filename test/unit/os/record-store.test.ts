// The record store on a real file system, and what it says of files that are not as they should be.
import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { RecordFile } from '../../../os/record-file.js';
import { RecordStore } from '../../../os/record-store.js';
import { runCommand } from '../../../os/run-command.js';
import { errno, ModelDisk } from './model-disk.js';

const Note = z.object({ text: z.string(), count: z.number().default(0) });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-records-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const storeIn = (path: string) => new RecordStore(path, Note, 'note');

it('gives back what was written, lists it by id, and forgets what was removed', async () => {
  const store = storeIn(join(folder, 'below', 'notes'));
  expect(await store.get('b')).toBeNull();
  expect(await store.list()).toEqual([]);
  await store.put('b.1', { text: 'one', count: 1 });
  await store.put('a.1', { text: 'two', count: 2 });
  expect((await store.list()).map((note) => note.text)).toEqual(['two', 'one']);
  expect((await store.list('b.')).map((note) => note.text)).toEqual(['one']);
  await store.remove('b.1');
  await store.remove('b.1');
  expect(await store.get('b.1')).toBeNull();
});

it('makes files that only their owner may read, in folders that only their owner may enter', async () => {
  await storeIn(join(folder, 'notes')).put('a', { text: 'x', count: 0 });
  expect((await stat(join(folder, 'notes', 'a.json'))).mode & 0o777).toBe(0o600);
  expect((await stat(join(folder, 'notes'))).mode & 0o777).toBe(0o700);
});

it('reads records that releases before wrote: compact, with fields still to come, beside a torn temporary file', async () => {
  await writeFile(join(folder, 'a.json'), '{"text":"of before"}\n');
  await writeFile(join(folder, 'a.json.new'), '{"text":"of be');
  const store = storeIn(folder);
  expect(await store.get('a')).toEqual({ text: 'of before', count: 0 });
  expect(await store.list()).toHaveLength(1);
});

const gone = { code: 'RECORD_UNREADABLE' };
const all = (store: ReturnType<typeof storeIn>) =>
  [
    () => store.get('a'),
    () => store.get('b'),
    () => store.list(),
    () => store.put('b', { text: 'y', count: 0 }),
    () => store.change('a', () => ({ text: 'y', count: 0 })),
    () => store.remove('a'),
    () => store.keepRoom('a', 1),
  ] as const;

it.each<[string, (path: string) => Promise<unknown>]>([
  ['is gone', (path) => rename(path, `${path}.away`)],
  ['is another', (path) => rename(path, `${path}.away`).then(() => mkdir(path))],
  [
    'is a link that leads nowhere',
    (path) => rename(path, `${path}.away`).then(() => symlink('nowhere', path)),
  ],
])('takes no folder that it has seen for empty when it %s, and makes none in its place', async (_, spoil) => {
  const path = join(folder, 'notes');
  const store = storeIn(path);
  await store.put('a', { text: 'x', count: 0 });
  await spoil(path);
  const before = await readdir(folder);
  for (const attempt of all(store))
    await expect(attempt()).rejects.toMatchObject({
      code: expect.stringMatching(/RECORD_UNREADABLE|RECORD_UNWRITTEN/) as string,
    });
  expect(await readdir(folder)).toEqual(before);
  // Back again, it is as it was.
  await rm(path, { recursive: true, force: true });
  await rename(`${path}.away`, path);
  expect(await store.list()).toEqual([{ text: 'x', count: 0 }]);
});

it('takes no link that leads nowhere for "none"', async () => {
  await symlink(join(folder, 'unmounted', 'a.json'), join(folder, 'a.json'));
  const store = storeIn(folder);
  await expect(store.get('a')).rejects.toMatchObject(gone);
  await expect(store.list()).rejects.toMatchObject(gone);
  const linked = join(folder, 'linked');
  await symlink(join(folder, 'unmounted'), linked);
  await expect(storeIn(linked).list()).rejects.toMatchObject(gone);
  await expect(storeIn(linked).get('a')).rejects.toMatchObject(gone);
});

it('takes no record for another that says whose it is', async () => {
  const store = new RecordStore(folder, Note, 'note', { idOf: (note) => (note as { text: string }).text });
  await store.put('beta', { text: 'beta', count: 0 });
  await rename(join(folder, 'beta.json'), join(folder, 'alpha.json'));
  await expect(store.get('alpha')).rejects.toMatchObject({
    ...gone,
    message: expect.stringContaining('is of "beta"') as string,
  });
  await expect(store.list()).rejects.toMatchObject(gone);
});

it('keeps room for a long record as it is, and as it may grow', async () => {
  const store = storeIn(folder);
  await store.put('a', { text: 'x'.repeat(9_000), count: 0 });
  await store.keepRoom('a', 1);
  expect((await stat(join(folder, '.a.json.spare0'))).size).toBeGreaterThan(18_000);
});

it.each(['', '.', '..', '../a', 'a/b', '/etc/passwd', 'a\\b', 'a\0'])('refuses the id %j', async (id) => {
  const store = storeIn(folder);
  for (const attempt of [
    () => store.get(id),
    () => store.put(id, { text: '', count: 0 }),
    () => store.change(id, () => ({ text: '', count: 0 })),
    () => store.remove(id),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

it.each([
  ['cut short', '{"text": "x'],
  ['empty', ''],
  ['of another shape', '{"txt": "x"}'],
])('takes a file that is %s for an error that names it, never for no record', async (_, text) => {
  const path = join(folder, 'a.json');
  await writeFile(path, text);
  const store = storeIn(folder);
  const expected = { code: 'RECORD_UNREADABLE', message: expect.stringContaining(path) };
  await expect(store.get('a')).rejects.toMatchObject(expected);
  await expect(store.list()).rejects.toMatchObject(expected);
  await expect(store.change('a', () => ({ text: 'y', count: 0 }))).rejects.toMatchObject(expected);
});

it('takes a folder in the place of a record for an error that says so', async () => {
  const path = join(folder, 'a.json');
  await mkdir(path);
  const store = storeIn(folder);
  const expected = {
    code: 'RECORD_UNREADABLE',
    message: expect.stringMatching(/a\.json.*move away the folder/),
  };
  await expect(store.get('a')).rejects.toMatchObject(expected);
  await expect(store.list()).rejects.toMatchObject(expected);
  await expect(store.put('a', { text: 'y', count: 0 })).rejects.toMatchObject(expected);
  await expect(store.remove('a')).rejects.toMatchObject(expected);
  expect(await readdir(folder)).toEqual(['a.json']);
});

it('waits for no pipe in the place of a record, and tells text that is damaged', async () => {
  await runCommand(['mkfifo', join(folder, 'a.json')]);
  await writeFile(join(folder, 'b.json'), Buffer.from('{"text":"\xff\xfe"}', 'latin1'));
  const store = storeIn(folder);
  await expect(store.get('a')).rejects.toMatchObject({
    code: 'RECORD_UNREADABLE',
    message: expect.stringMatching(/a\.json.*move away what stands/),
  });
  await expect(store.get('b')).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
});

it.each(['.json', '..json', 'a\\b.json'])('names %s, which can be of no record', async (name) => {
  await writeFile(join(folder, name), '{"text":"x"}');
  await expect(storeIn(folder).list()).rejects.toMatchObject({
    code: 'RECORD_UNREADABLE',
    details: { path: join(folder, name) },
  });
});

it('takes a file in the place of its folder for an error', async () => {
  await writeFile(join(folder, 'notes'), '');
  const store = storeIn(join(folder, 'notes'));
  await expect(store.list()).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
  await expect(store.get('a')).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
  await expect(store.put('a', { text: '', count: 0 })).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
});

it.each(['EACCES', 'EIO', 'EMFILE', 'ENOTDIR'])(
  'takes %s of its folder for an error, never for no records',
  async (code) => {
    const disk = new ModelDisk();
    const store = new RecordStore('/notes', Note, 'note', { files: disk.files });
    await store.put('a', { text: 'x', count: 0 });
    disk.fault = ({ operation }) =>
      operation === 'readNames' ? { when: 'before', error: errno(code) } : null;
    await expect(store.list()).rejects.toMatchObject({
      code: 'RECORD_UNREADABLE',
      message: expect.stringMatching(/ at \/notes .*: (run as|look at|raise|move)/),
      details: { errno: code },
    });
    disk.fault = ({ operation }) =>
      operation === 'readText' ? { when: 'before', error: errno(code) } : null;
    await expect(store.get('a')).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
    await expect(store.list()).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
  },
);

it('does not write what it could not read back', async () => {
  const store = storeIn(folder);
  await store.put('a', { text: 'x', count: 0 });
  await expect(store.put('a', { text: 'y', count: NaN })).rejects.toMatchObject({ code: 'INTERNAL' });
  expect(await store.get('a')).toEqual({ text: 'x', count: 0 });
});

it('does not write where a transition gives the record itself, or throws', async () => {
  const disk = new ModelDisk();
  const store = new RecordStore('/notes', Note, 'note', { files: disk.files });
  await store.put('a', { text: 'x', count: 0 });
  disk.steps.length = 0;
  await store.change('a', (record) => record ?? { text: '', count: 0 });
  await expect(
    store.change('a', () => {
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(new Set(disk.steps.map((step) => step.operation))).toEqual(new Set(['readText']));
});

it('loses no change of one record, however many come at once', async () => {
  const store = storeIn(folder);
  const add = () => store.change('a', (r) => ({ text: 'n', count: (r?.count ?? 0) + 1 }));
  await Promise.all(Array.from({ length: 30 }, add));
  expect(await store.get('a')).toEqual({ text: 'n', count: 30 });
});

it('writes beside another process that writes the same record: one of the two stands', async () => {
  const [one, other] = [storeIn(folder), storeIn(folder)];
  for (let count = 0; count < 10; count++)
    await Promise.all([one.put('a', { text: 'one', count }), other.put('a', { text: 'other', count })]);
  expect((await one.get('a'))?.text).toMatch(/^(one|other)$/);
  expect(await readdir(folder)).toEqual(['a.json']);
});

it('changes one record while the disk holds up the change of another', async () => {
  const disk = new ModelDisk();
  const store = new RecordStore('/notes', Note, 'note', { files: disk.files });
  await store.put('b', { text: 'x', count: 0 });
  let letGo = () => {};
  disk.pause = ({ operation, path }) =>
    operation === 'writeNew' && path.includes('.a.')
      ? new Promise((resolve) => (letGo = resolve))
      : Promise.resolve();
  const slow = store.put('a', { text: 'slow', count: 0 });
  await store.put('b', { text: 'quick', count: 0 });
  expect((await store.get('b'))?.text).toBe('quick');
  letGo();
  await slow;
  expect((await store.get('a'))?.text).toBe('slow');
});

it('does not rename while its folder is being listed, which could hide the record', async () => {
  const disk = new ModelDisk();
  const store = new RecordStore('/notes', Note, 'note', { files: disk.files });
  await store.put('a', { text: 'x', count: 0 });
  let letGo = () => {};
  let renames = 0;
  disk.pause = ({ operation }) => {
    if (operation === 'rename') renames++;
    return operation === 'readNames' ? new Promise((resolve) => (letGo = resolve)) : Promise.resolve();
  };
  const listing = store.list();
  const writing = store.put('a', { text: 'y', count: 0 });
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve));
  expect(renames).toBe(0);
  letGo();
  await writing;
  expect(renames).toBe(1);
  expect(await listing).toEqual([{ text: 'y', count: 0 }]);
});

it('sweeps away what a crash has left, but not what another process may be writing', async () => {
  const old = ['.a.json.0123456789abcdef.tmp', 'b.json.new'].map((name) => join(folder, name));
  const fresh = join(folder, '.a.json.fedcba9876543210.tmp');
  for (const path of [...old, fresh]) await writeFile(path, '{"te');
  for (const path of old) await utimes(path, 1, 1);
  const store = storeIn(folder);
  expect(await store.list()).toEqual([]);
  await store.put('a', { text: 'x', count: 0 });
  expect((await readdir(folder)).sort()).toEqual(['.a.json.fedcba9876543210.tmp', 'a.json']);
});

it('shows a reader of another process whole records only', async () => {
  const store = storeIn(folder);
  const large = (count: number) => ({ text: String(count % 10).repeat(200_000), count });
  await store.put('a', large(0));
  const reader = { ended: false };
  const reads = runCommand([process.execPath, '-e', READER, join(folder, 'a.json')]).finally(
    () => (reader.ended = true),
  );
  // Looked at below: until then it must not be an unhandled rejection.
  reads.catch(() => undefined);
  for (let count = 1; !reader.ended; count++) await store.put('a', large(count));
  expect(Number(await reads)).toBeGreaterThan(10);
});

/** Reads for half a second as often as it can; ends with an error at the first record that is not whole. */
const READER = `
  const { readFileSync } = require('node:fs');
  let reads = 0;
  for (const end = Date.now() + 500; Date.now() < end; reads++) {
    const { text, count } = JSON.parse(readFileSync(process.argv[1], 'utf8'));
    if (text !== String(count % 10).repeat(200000)) throw new Error('torn');
  }
  console.log(reads);
`;

describe('a record at a path of its own', () => {
  it('is kept under exactly that name, beside files that are none of its business', async () => {
    await writeFile(join(folder, 'other'), 'not JSON');
    const file = new RecordFile(join(folder, 'state'), Note, 'note');
    expect(await file.get()).toBeNull();
    await file.put({ text: 'x', count: 1 });
    expect((await readdir(folder)).sort()).toEqual(['other', 'state']);
    expect(await file.get()).toEqual({ text: 'x', count: 1 });
    await file.remove();
    expect(await readdir(folder)).toEqual(['other']);
  });

  it('is not taken for none where its folder is gone', async () => {
    const file = new RecordFile(join(folder, 'mine', 'state'), Note, 'note');
    await file.put({ text: 'x', count: 1 });
    await rm(join(folder, 'mine'), { recursive: true });
    await expect(file.get()).rejects.toMatchObject(gone);
    await expect(file.put({ text: 'y', count: 1 })).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
  });
});
