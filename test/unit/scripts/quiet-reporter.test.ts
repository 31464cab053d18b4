// What a run of the tests shows: jest itself with the reporter of scripts/test, over test files that pass, fail and cannot be loaded.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCommand } from '../../../os/start-command.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
// Nothing of it stands in the source as it is printed: jest shows the source of what fails.
const CHATTY = `console.log('a' + ' word'); process.stderr.write('a log' + ' line\\n');
  require('node:child_process').spawnSync('sh', ['-c', 'echo a "child" >&2'], { stdio: 'inherit' });`;
const FILES = {
  'good.test.js': `it('goes', () => { ${CHATTY} }); it.skip('waits', () => {});`,
  'bad.test.js': `it('goes', () => {}); it('breaks', () => { ${CHATTY} expect(1).toBe(2); });`,
  'broken.test.js': `require('./nowhere.js');`,
};

/** Run jest over the files, one after the other, as scripts/test does; give what came out at the terminal, by file. */
async function show(names: (keyof typeof FILES)[]): Promise<{ lines: string[]; text: string }> {
  const dir = mkdtempSync(join(tmpdir(), 'vmshadow-reporter-'));
  const terminal = join(dir, 'terminal');
  try {
    writeFileSync(join(dir, 'package.json'), '{}');
    for (const name of names) writeFileSync(join(dir, name), FILES[name]);
    const jest = join(root, 'node_modules', '.bin', 'jest');
    const reporter = join(root, 'scripts', 'quiet-reporter.js');
    const argv = [jest, '--rootDir', dir, '--maxWorkers', '1', '--reporters', reporter];
    const logFile = join(dir, 'log');
    await startCommand(['sh', '-c', 'exec "$@" 3>>"$0"', terminal, ...argv], {
      cwd: dir,
      env: { NODE_OPTIONS: '', TEST_LOG: logFile },
      logFile,
    }).ended;
    const text = readFileSync(terminal, 'utf8');
    return { text, lines: text.split('\n').filter((line) => /^(PASS|FAIL) /.test(line)) };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('a run of the tests', () => {
  it('shows one line of a file that passes, whatever it and its children write', async () => {
    expect((await show(['good.test.js'])).text).toMatch(
      /^PASS good\.test\.js {2}1 passed, 1 skipped {2}\d+\.\d s\n$/,
    );
  }, 30_000);

  it('shows what a file wrote, and why it failed, when it failed, and nothing of the others', async () => {
    const { lines, text } = await show(['good.test.js', 'bad.test.js']);
    expect(lines.map((line) => line.slice(0, 15)).sort()).toEqual(['FAIL bad.test.j', 'PASS good.test.']);
    expect(text).toMatch(/FAIL bad\.test\.js {2}1 passed, 1 failed {2}/);
    expect(text).toContain('● breaks');
    for (const words of ['a word', 'a log line', 'a child']) expect(text.split(words).length - 1).toBe(1);
  }, 30_000);

  it('says of a file that could not be loaded that it could not be run', async () => {
    expect((await show(['broken.test.js'])).text).toMatch(
      /^FAIL broken\.test\.js {2}0 passed, could not be run/,
    );
  }, 30_000);
});
