import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../cli/run.js';
import { readPayloadKeys } from '../../../temporal/payload-keys.js';

interface Said {
  readonly write: string;
  readonly keys: readonly string[];
}

describe('vmshadow keys payload', () => {
  let dir: string;
  let file: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vms-payload-'));
    file = join(dir, 'keys.json');
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  async function payload(...argv: string[]): Promise<{ exit: number; said: Said; out: string }> {
    const out: string[] = [];
    const exit = await runCli(['keys', 'payload', file, ...argv, '--json'], {
      out: (text) => out.push(text),
      note: () => undefined,
      interactive: false,
      ask: null,
      env: {},
    });
    return { exit, said: JSON.parse(out.join('\n')) as Said, out: out.join('\n') };
  }

  it('makes a file that its owner alone can read, and prints no key of it', async () => {
    expect((await payload('--use', 'x')).exit).toBe(69);
    const { exit, said, out } = await payload();
    expect(exit).toBe(0);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const made = readPayloadKeys(file);
    expect(said).toMatchObject({ write: made.write, keys: [made.write] });
    expect(out).not.toContain(made.keys[made.write]);
    expect((await payload()).said).toEqual(said);
    expect(readPayloadKeys(file)).toEqual(made);
  });

  it('replaces a key in three steps, and never forgets the one that is written with', async () => {
    const { write: old } = readPayloadKeys(file);
    const added = await payload('--add');
    expect(added.said.write).toBe(old);
    const [, fresh = ''] = added.said.keys;
    expect((await payload('--remove', old)).exit).toBe(65);
    expect((await payload('--use', 'nobody')).exit).toBe(65);
    expect((await payload('--add', '--use', fresh)).exit).toBe(64);
    expect((await payload('--use', fresh)).said).toMatchObject({ write: fresh, keys: [old, fresh] });
    expect((await payload('--remove', old)).said).toMatchObject({ write: fresh, keys: [fresh] });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});
