// Where `plan --out` may write: it destroys nothing that is no saved plan.
import { chmod, lstat, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../cli/run.js';

const CLOUD = {
  sites: [
    { id: 'west', kind: 'regional', slots: 2 },
    { id: 'east', kind: 'regional', slots: 2 },
  ],
  desktops: [{ id: 'd1', site: 'west', rank: 0.9, memoryGB: 1, diskGB: 1, rttMs: { west: 100, east: 10 } }],
};
let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmshadow-plan-out-'));
  await writeFile(at('cloud.json'), JSON.stringify(CLOUD));
});
afterEach(() => rm(folder, { recursive: true }));

async function planTo(out: string) {
  const notes: string[] = [];
  const exit = await runCli(['plan', '--input', at('cloud.json'), '--out', out], {
    out: () => undefined,
    note: (text) => notes.push(text),
    interactive: false,
    ask: null,
    env: {},
  });
  return { exit, notes: notes.join('\n') };
}

it('saves a plan, and another one over it, of the same mode and through a link', async () => {
  expect((await planTo(at('plan.json'))).exit).toBe(0);
  await chmod(at('plan.json'), 0o600);
  await symlink('plan.json', at('link'));
  await writeFile(at('before'), await readFile(at('plan.json')));
  expect((await planTo(at('link'))).exit).toBe(0);
  expect((await lstat(at('link'))).isSymbolicLink()).toBe(true);
  expect((await stat(at('plan.json'))).mode & 0o777).toBe(0o600);
});

it.each([
  ['its own input', () => at('cloud.json'), /is no saved plan/],
  ['a device', () => '/dev/null', /not a regular file/],
  ['a folder', () => folder, /not a regular file/],
  ['a folder that is not there', () => at('none/plan.json'), /no file can be made in/],
])('refuses %s, and changes nothing', async (_, out, why) => {
  const { exit, notes } = await planTo(out());
  expect([exit, notes]).toEqual([64, expect.stringMatching(why)]);
  expect(JSON.parse(await readFile(at('cloud.json'), 'utf8'))).toEqual(CLOUD);
  expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);
});
