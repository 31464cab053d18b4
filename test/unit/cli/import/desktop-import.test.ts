// `vmshadow desktop import` as it is typed, without images: names that clash, files that are there, words that would steer a terminal.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../../cli/run.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-import-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function importing(definition: string, ...more: string[]) {
  const file = join(dir, '101.conf');
  await writeFile(file, definition);
  const [out, notes]: [string[], string[]] = [[], []];
  const exit = await runCli(['desktop', 'import', '--proxmox', file, ...more], {
    out: (text) => out.push(text),
    note: (text) => notes.push(text),
    interactive: false,
    ask: null,
    env: {},
  });
  return { exit, out: out.join('\n'), notes: notes.join('\n') };
}

const TWO = 'name: office\nvirtio0: fast:101/disk.qcow2,size=8G\nvirtio1: slow:101/disk.qcow2,size=4G\n';

describe('vmshadow desktop import', () => {
  it('gives no two disks one image, whatever theirs are called', async () => {
    const { out, notes } = await importing(TWO);
    expect(out.match(/image: .*/g)).toEqual(['image: disk.qcow2', 'image: disk-2.qcow2']);
    expect(notes).toContain('bring slow:101/disk.qcow2 to an image folder of the host as disk-2.qcow2');
  });

  it('keeps a file that is there, and says so before it copies disks', async () => {
    const output = join(dir, 'office.yaml');
    await writeFile(output, 'mine');
    const { exit, notes } = await importing(TWO, '--output', output, '--disks', join(dir, 'images'));
    expect(exit).not.toBe(0);
    expect(notes).toContain(`${output} is there already`);
    expect(await readFile(output, 'utf8')).toBe('mine');
  });

  it('says what it leaves out to programs, too, where the document goes to a file', async () => {
    const output = join(dir, 'office.json');
    const { exit, out } = await importing(`${TWO}hostpci0: 01:00\n`, '--json', '--output', output);
    expect(exit).toBe(0);
    const { document, leftOut } = JSON.parse(out) as { document: unknown; leftOut: string[] };
    expect(leftOut).toEqual(['hostpci0: 01:00']);
    expect(JSON.parse(await readFile(output, 'utf8'))).toEqual(document);
  });

  it('says in words where it cannot write', async () => {
    const { exit, notes } = await importing(TWO, '--output', join(dir, 'no-such', 'office.yaml'));
    expect(exit).toBe(69);
    expect(notes).toContain('cannot be written');
  });

  it('prints nothing of a definition that steers the terminal', async () => {
    const { exit, notes } = await importing('cores: \u001b]0;mine\u0007\u009b2J\n');
    expect(exit).not.toBe(0);
    expect(notes).toContain('cores: expected a number');
    expect(notes).toContain('\n');
    expect(notes).not.toMatch(/[^\P{Cc}\n]/u);
  });
});
