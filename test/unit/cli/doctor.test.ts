// `vmshadow doctor` on files that nothing can be looked at by: each is a finding, and keeps nobody from the others.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../cli/run.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-doctor-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

it('says of each file that is missing, unreadable, strange or wrong what is the matter, and ends with 1', async () => {
  const [missing, strange, wrong] = ['dom0.yaml', 'strange.yaml', 'client.yaml'].map((f) => join(dir, f));
  await writeFile(strange!, 'colour: blue\n');
  await writeFile(wrong!, 'identity: 5\n');
  const out: string[] = [];
  const exit = await runCli(['doctor', '--json', '--config', missing!, dir, strange!, wrong!], {
    out: (text) => out.push(text),
    note: (text) => out.push(text),
    interactive: false,
    ask: null,
    env: {},
  });
  expect(exit).toBe(1);
  const problem = (message: RegExp) => [
    {
      level: 'problem',
      about: 'file',
      message: expect.stringMatching(message),
      remedy: [expect.any(String)],
    },
  ];
  expect(JSON.parse(out.join('\n'))).toEqual({
    examined: [
      { role: 'unknown', file: missing, findings: problem(/dom0\.yaml cannot be read: .*ENOENT/) },
      { role: 'unknown', file: dir, findings: problem(/cannot be read: .*EISDIR/) },
      { role: 'unknown', file: strange, findings: problem(/expected the keys of a dom0\.yaml/) },
      { role: 'client', file: wrong, findings: problem(/client\.yaml: /) },
    ],
  });
});
