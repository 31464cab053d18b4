import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SessionHints, type Hint } from '../../../../guest-proxy/host/session-hints.js';

let folder: string;
let problems: unknown[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vmshadow-hints-'));
  problems = [];
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => new SessionHints(join(folder, 'hints.json'), (error) => problems.push(error));
const hint = (n: number): Hint => ({
  localAddress: '198.18.1.1',
  session: n.toString(16).padStart(16, '0'),
  seenAs: { address: '203.0.113.2', port: 40_000 + n },
});

it('still knows after a second restart the sessions of before the first', async () => {
  const first = open();
  for (const n of [1, 2, 3]) await first.note(hint(n));
  const second = open();
  expect(await second.load()).toHaveLength(3);
  await second.note(hint(4));
  expect(await open().load()).toEqual([1, 2, 3, 4].map(hint));
  expect(problems).toEqual([]);
});

it('says what keeps it from its file, and goes on', async () => {
  await writeFile(join(folder, 'hints.json'), '[{');
  const hints = open();
  expect(await hints.load()).toEqual([]);
  expect(problems).toEqual([expect.objectContaining({ code: 'RECORD_UNREADABLE' })]);
  await hints.note(hint(1));
  expect(await open().load()).toEqual([hint(1)]);
});
