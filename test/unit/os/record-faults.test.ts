// The record store on a disk that fails: every step of every operation, by a crash, a power cut and an error.
import { z } from 'zod';
import { isVmshadowError } from '../../../domain/errors.js';
import { isNotDurable } from '../../../os/record-errors.js';
import { RecordStore } from '../../../os/record-store.js';
import { errno, ModelDisk, type Fault } from './model-disk.js';

const Note = z.object({ text: z.string() });
type Note = z.infer<typeof Note>;
const FOLDER = '/state/notes';
const OLD: Note = { text: 'old' };
const NEW: Note = { text: 'new' };

const storeOn = (disk: ModelDisk) => new RecordStore(FOLDER, Note, 'note', { files: disk.files });
type Store = ReturnType<typeof storeOn>;

interface Operation {
  readonly name: string;
  /** What stands before and after it. */
  readonly before: Note | null;
  readonly after: Note | null;
  /** The disk takes no new file, but room for two changes was kept. */
  readonly full?: boolean;
  readonly run: (store: Store) => Promise<unknown>;
}
const OPERATIONS: readonly Operation[] = [
  { name: 'the first write', before: null, after: NEW, run: (s) => s.put('a', NEW) },
  { name: 'an overwrite', before: OLD, after: NEW, run: (s) => s.put('a', NEW) },
  { name: 'a change', before: OLD, after: NEW, run: (s) => s.change('a', () => NEW) },
  { name: 'a write into kept room', before: OLD, after: NEW, full: true, run: (s) => s.put('a', NEW) },
  { name: 'a first write into kept room', before: null, after: NEW, full: true, run: (s) => s.put('a', NEW) },
  { name: 'a removal', before: OLD, after: null, run: (s) => s.remove('a') },
];

/** The disk on which an operation begins, and the store of a process that has just started or has been at work. */
async function begin(
  { before, full = false }: Pick<Operation, 'before' | 'full'>,
  process: 'new' | 'old' = 'new',
): Promise<{ disk: ModelDisk; store: Store }> {
  const disk = new ModelDisk();
  if (before !== null) await storeOn(disk).put('a', before);
  if (full) await storeOn(disk).keepRoom('a', 2);
  disk.full = full;
  disk.steps.length = 0;
  const store = storeOn(disk);
  if (process === 'old') await store.get('a');
  return { disk, store };
}

const POWER_GONE = new Error('model: the process is gone');

/** Run an operation until step `n`, from which on nothing has any effect; false when it has fewer steps. */
async function cutOffAt(operation: Operation, n: number): Promise<ModelDisk | null> {
  const { disk, store } = await begin(operation);
  disk.fault = (_, index) => (index >= n ? { when: 'before', error: POWER_GONE } : null);
  await operation.run(store).catch(() => undefined);
  const cut = disk.steps.length > n;
  disk.fault = () => null;
  return cut ? disk : null;
}

async function cutOffs(operation: Operation): Promise<ModelDisk[]> {
  const disks: ModelDisk[] = [];
  for (let n = 0; ; n++) {
    const disk = await cutOffAt(operation, n);
    if (disk === null) return disks;
    disks.push(disk);
  }
}

/** What a process finds that starts on this disk; whoever lists first, has to agree. */
async function foundOn(disk: ModelDisk): Promise<Note | null> {
  const store = storeOn(disk);
  const listed = await store.list();
  const record = await store.get('a');
  expect(listed).toEqual(record === null ? [] : [record]);
  expect(await store.list()).toEqual(listed);
  return record;
}

/** What may be found after a power cut, each once. */
async function leftByPowerCut(disk: ModelDisk): Promise<unknown[]> {
  const found = await Promise.all(disk.afterPowerCut().map(foundOn));
  return [...new Map(found.map((note) => [JSON.stringify(note), note])).values()];
}

describe.each(OPERATIONS)('$name', (operation) => {
  const { before, after } = operation;

  it('leaves the old record or the new one whole when the process dies at any step', async () => {
    const disks = await cutOffs(operation);
    expect(disks.length).toBeGreaterThan(2);
    for (const disk of disks) expect([before, after]).toContainEqual(await foundOn(disk.afterCrash()));
  });

  it('leaves the old record or the new one whole when the power goes at any step', async () => {
    for (const disk of await cutOffs(operation))
      for (const found of await leftByPowerCut(disk)) expect([before, after]).toContainEqual(found);
  });

  it('is on the disk when it has returned', async () => {
    const { disk, store } = await begin(operation);
    await operation.run(store);
    expect(await leftByPowerCut(disk)).toEqual([after]);
  });

  it('can be done by the next process after a crash at any step', async () => {
    for (const disk of await cutOffs(operation)) {
      const next = disk.afterCrash();
      await operation.run(storeOn(next));
      expect(await leftByPowerCut(next)).toEqual([after]);
    }
  });

  it('gives the next process after a crash only what no power cut takes back', async () => {
    for (const disk of await cutOffs(operation)) {
      const next = disk.afterCrash();
      const [seen = null] = await storeOn(next).list();
      expect(await leftByPowerCut(next)).toEqual([seen]);
      expect(await storeOn(next).get('a')).toEqual(seen);
    }
  });

  it.each(['new', 'old'] as const)('of a %s process tells the truth when one step fails', async (age) => {
    for (const when of ['before', 'after'] as const)
      for (let n = 0; ; n++) {
        const { disk, store } = await begin(operation, age);
        const first = disk.steps.length;
        const fault: Fault = { when, error: errno('ENOSPC') };
        disk.fault = (_, index) => (index === first + n ? fault : null);
        const thrown = await operation.run(store).then(
          () => null,
          (e: unknown) => e,
        );
        if (disk.steps.length <= first + n) break;
        const told = thrown === null ? after : isNotDurable(thrown) ? thrown.record : before;
        expect(await store.get('a')).toEqual(told);
        expect(await leftByPowerCut(disk)).toEqual([told]);
        expect(thrown === null || isVmshadowError(thrown)).toBe(true);
        if (thrown !== null) expect(thrown).toMatchObject({ code: expect.stringMatching(/^RECORD_/) });
        await operation.run(store);
        expect(await leftByPowerCut(disk)).toEqual([after]);
      }
  });

  it('says what stands as long as the folder cannot be synced, and that it may not last', async () => {
    const { disk, store } = await begin(operation, 'old');
    if (before === null) {
      await store.put('a', OLD);
      await store.remove('a');
    }
    disk.fault = ({ operation: o, path }) =>
      o === 'sync' && path === FOLDER ? { when: 'before', error: errno('EIO', path) } : null;
    const thrown: unknown = await operation.run(store).catch((e: unknown) => e);
    expect(thrown).toMatchObject({ code: 'RECORD_NOT_DURABLE', record: after, details: { errno: 'EIO' } });
    expect(thrown).toMatchObject({ message: expect.stringContaining(`${FOLDER}/a.json`) });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'RECORD_NOT_DURABLE', record: after });
    await expect(store.list()).rejects.toMatchObject({ code: 'RECORD_NOT_DURABLE' });
    expect(await leftByPowerCut(disk)).toEqual(expect.arrayContaining([before, after]));
    disk.fault = () => null;
    expect(await store.get('a')).toEqual(after);
    expect(await leftByPowerCut(disk)).toEqual([after]);
  });
});

it('a change that another step failed for is seen by the next change', async () => {
  const { disk, store } = await begin({ before: OLD }, 'old');
  let failures = 2;
  disk.fault = ({ operation, path }) =>
    operation === 'sync' && path === FOLDER && failures-- > 0
      ? { when: 'before', error: errno('EIO') }
      : null;
  await expect(store.put('a', NEW)).rejects.toMatchObject({ code: 'RECORD_NOT_DURABLE' });
  const seen: unknown[] = [];
  const stands = await store.change('a', (record) => {
    seen.push(record);
    return record ?? OLD;
  });
  expect(seen).toEqual([NEW]);
  expect(stands).toEqual(NEW);
  expect(await leftByPowerCut(disk)).toEqual([NEW]);
});

it('a folder made for the first record is not lost with the power, nor are those above it', async () => {
  const disk = new ModelDisk();
  const store = new RecordStore('/a/b/c', Note, 'note', { files: disk.files });
  await store.put('x', NEW);
  for (const left of disk.afterPowerCut())
    expect(await new RecordStore('/a/b/c', Note, 'note', { files: left.files }).get('x')).toEqual(NEW);
});

it('a failed write leaves no temporary file', async () => {
  for (let n = 0; n < 8; n++) {
    const { disk, store } = await begin({ before: OLD }, 'old');
    const first = disk.steps.length;
    disk.fault = (_, index) => (index === first + n ? { when: 'after', error: errno('ENOSPC') } : null);
    await store.put('a', NEW).catch(() => undefined);
    expect(disk.names(FOLDER)).toEqual(['a.json']);
  }
});

describe('room that is kept for a record', () => {
  const spares = (disk: ModelDisk) => disk.names(FOLDER).filter((name) => name.includes('spare'));

  it('lasts for as many changes as were asked for, and can be made up for when there is room again', async () => {
    const { disk, store } = await begin({ before: null });
    await store.keepRoom('a', 2);
    disk.full = true;
    for (const text of ['1', '2']) await store.put('a', { text });
    await expect(store.put('a', { text: '3' })).rejects.toMatchObject({
      code: 'RECORD_UNWRITTEN',
      details: { errno: 'ENOSPC' },
    });
    expect(await store.get('a')).toEqual({ text: '2' });
    await expect(store.keepRoom('a', 2)).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
    disk.full = false;
    await store.keepRoom('a', 1);
    disk.full = true;
    await store.put('a', { text: '4' });
    expect(await foundOn(disk.afterCrash())).toEqual({ text: '4' });
  });

  it('is not touched while there is room, and is given back whole', async () => {
    const { disk, store } = await begin({ before: OLD });
    await store.keepRoom('a', 2);
    await store.put('a', NEW);
    expect(spares(disk)).toHaveLength(2);
    await store.dropRoom('a');
    expect(disk.names(FOLDER)).toEqual(['a.json']);
    await store.dropRoom('a');
  });

  it('is of one record alone', async () => {
    const { disk, store } = await begin({ before: OLD });
    await store.keepRoom('a', 2);
    disk.full = true;
    await expect(store.put('b', NEW)).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
  });

  it('is kept or refused at each step that fails or is the last one, and changes no record', async () => {
    for (let n = 0; ; n++) {
      const { disk, store } = await begin({ before: OLD }, 'old');
      const first = disk.steps.length;
      disk.fault = (_, index) => (index >= first + n ? { when: 'before', error: errno('ENOSPC') } : null);
      await store
        .keepRoom('a', 2)
        .catch((e: unknown) => expect(e).toMatchObject({ code: 'RECORD_UNWRITTEN' }));
      if (disk.steps.length <= first + n) break;
      disk.fault = () => null;
      expect(await leftByPowerCut(disk)).toEqual([OLD]);
      const next = disk.afterCrash();
      await storeOn(next).keepRoom('a', 2);
      next.full = true;
      for (const text of ['1', '2']) await storeOn(next).put('a', { text });
      expect(await foundOn(next)).toEqual({ text: '2' });
    }
  });
});
