import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProcess, killByPidFile, startTicksOf } from '../../../os/host-process.js';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';

let folder: string;
let pidFile: string;
const started: StartedCommand[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmshadow-process-'));
  pidFile = join(folder, 'guest.pid');
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill();
    await child.ended;
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** A process that was given these arguments, and sleeps. */
async function sleeper(...argv: string[]): Promise<number> {
  const child = startCommand([
    process.execPath,
    '-e',
    'console.log(1); setInterval(() => 0, 1000)',
    '--',
    ...argv,
  ]);
  started.push(child);
  await new Promise((up) => child.stdout.once('data', up));
  return child.pid!;
}

describe('findProcess', () => {
  it('finds the process whose number stands in its file', async () => {
    const pid = await sleeper('-pidfile', pidFile);
    await writeFile(pidFile, `${String(pid)}\n`);
    expect(await findProcess(pidFile)).toMatchObject({ pid });
  });

  it('finds one that was given its file the way of swtpm', async () => {
    const pid = await sleeper('--pid', `file=${pidFile}`);
    await rm(pidFile, { force: true });
    expect(await findProcess(pidFile)).toMatchObject({ pid });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['is gone', () => rm(pidFile, { force: true })],
    ['is empty', () => writeFile(pidFile, '')],
    ['names another process', () => writeFile(pidFile, `${String(process.pid)}\n`)],
    ['names none', () => writeFile(pidFile, '999999999\n')],
  ])('finds it where the file %s', async (_, spoil) => {
    const pid = await sleeper('--pidfile', pidFile);
    await spoil();
    expect(await findProcess(pidFile)).toMatchObject({ pid });
    const many = await Promise.all(Array.from({ length: 20 }, () => findProcess(pidFile)));
    expect(many.every((found) => found?.pid === pid)).toBe(true);
  });

  it('takes no other for it: one of another file, or one that only speaks of it', async () => {
    await rm(pidFile, { force: true });
    await sleeper('-pidfile', `${pidFile}2`);
    await sleeper('tail', pidFile);
    expect(await findProcess(pidFile)).toBeNull();
  });

  it('finds none that has ended', async () => {
    const pid = await sleeper('-pidfile', pidFile);
    await writeFile(pidFile, `${String(pid)}\n`);
    started[0]!.kill();
    await started[0]!.ended;
    expect(await findProcess(pidFile)).toBeNull();
  });
});

describe('killByPidFile', () => {
  it('ends all that were given the file', async () => {
    await sleeper('-pidfile', pidFile);
    await sleeper('-pidfile', pidFile);
    await killByPidFile(pidFile);
    expect(await findProcess(pidFile)).toBeNull();
    await Promise.all(started.map((child) => child.ended));
  });
});

it('tells when a process has started whatever its name is', async () => {
  const [name, before] = [await readFile('/proc/self/comm', 'utf8'), await startTicksOf(process.pid)];
  expect(Number(before)).toBeGreaterThan(0);
  await writeFile('/proc/self/comm', 'a) S (b');
  try {
    expect(await startTicksOf(process.pid)).toBe(before);
  } finally {
    await writeFile('/proc/self/comm', name.trim());
  }
});
