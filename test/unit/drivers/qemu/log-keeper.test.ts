import { appendFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogKeeper } from '../../../../drivers/qemu/process/log-keeper.js';

const LIMIT_BYTES = 4 * 2 ** 20;
let folder: string;
let keeper: LogKeeper;
const problems: unknown[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-logs-'));
  keeper = new LogKeeper({ folder, everyMs: 10, onProblem: (error) => problems.push(error) });
});
afterEach(async () => {
  await keeper.stop();
  await rm(folder, { recursive: true });
  expect(problems.splice(0)).toEqual([]);
});

const path = (name: string) => join(folder, name);
const size = async (name: string) => (await stat(path(name))).size;
const grow = (name: string, bytes: number) => appendFile(path(name), Buffer.alloc(bytes));

describe('the keeper of logs', () => {
  it('cuts a log that outgrows its limit while its writer appends, and leaves the others', async () => {
    keeper.start();
    await grow('quiet.log', 100);
    await grow('chatty.log', LIMIT_BYTES + 1);
    for (let i = 0; i < 300 && (await size('chatty.log')) > 0; i++) await sleep(10);
    expect(await size('chatty.log')).toBe(0);
    await grow('chatty.log', 7);
    await sleep(30);
    expect([await size('chatty.log'), await size('quiet.log')]).toEqual([7, 100]);
  });

  it('cuts nothing any more once it is stopped, and begins again when started again', async () => {
    keeper.start();
    await keeper.stop();
    await grow('chatty.log', LIMIT_BYTES + 1);
    await sleep(50);
    expect(await size('chatty.log')).toBe(LIMIT_BYTES + 1);
    keeper.start();
    await keeper.stop();
    expect(await size('chatty.log')).toBe(0);
  });

  it('has nothing to complain of where there are no logs yet', async () => {
    keeper = new LogKeeper({ folder: path('none'), onProblem: (error) => problems.push(error) });
    keeper.start();
    await keeper.stop();
  });
});
