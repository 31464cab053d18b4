import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { howItEnded, startCommand, type StartedCommand } from '../../../os/start-command.js';

const module = fileURLToPath(new URL('../../../os/start-command.ts', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function said(command: StartedCommand): Promise<string> {
  let text = '';
  command.stdout.on('data', (d: Buffer) => (text += d.toString()));
  await command.ended;
  return text;
}

/** Another process that starts `sh -c SCRIPT` with these options, and ends as soon as that says `up` (to the file `up`). */
async function startedByOneThatEnds(script: string, options: object): Promise<void> {
  const code = `import { startCommand } from ${JSON.stringify(module)};
    import { existsSync } from 'node:fs';
    startCommand(['sh', '-c', ${JSON.stringify(script)}], ${JSON.stringify(options)}).unref();
    while (!existsSync(${JSON.stringify(join(folder, 'up'))})) await new Promise((r) => setTimeout(r, 5));
    process.exit(0);`;
  const { exitCode } = await startCommand(
    [process.execPath, '--import', 'tsx', '--input-type=module', '-e', code],
    { env: { NODE_OPTIONS: '' }, stdout: 'inherit', stderr: 'inherit' },
  ).ended;
  expect(exitCode).toBe(0);
}

describe('a command that runs on beside us', () => {
  it('is not waited for by whoever passes it on, and tells its end when it comes', async () => {
    const passedOn = await (async () => startCommand(['cat'], { stdin: 'pipe' }))();
    expect(passedOn.end).toBeNull();
    passedOn.stdin.end('hello');
    expect(await said(passedOn)).toBe('hello');
    expect(passedOn.end).toEqual({ exitCode: 0, signal: null, startError: null });
  });

  it.each([
    [['sh', '-c', 'exit 3'], 'ended with exit code 3'],
    [['sh', '-c', 'kill -9 $$'], 'ended with SIGKILL'],
    [['no-such-program-anywhere'], 'could not be started: spawn no-such-program-anywhere ENOENT'],
  ] as const)('tells how %j ended', async (argv, how) => {
    expect(howItEnded(await startCommand([...argv]).ended)).toBe(how);
  });

  it('reads a file, or what another command says', async () => {
    const file = join(folder, 'in');
    await writeFile(file, 'from a file');
    expect(await said(startCommand(['cat'], { stdin: { file } }))).toBe('from a file');
    const first = startCommand(['sh', '-c', 'echo from another']);
    const second = startCommand(['cat'], { stdin: first.stdout });
    first.stdout.destroy();
    expect(await said(second)).toBe('from another\n');
  });

  it('ends though nobody reads what it says', async () => {
    const { exitCode } = await startCommand(['sh', '-c', 'head -c 1000000 /dev/zero']).ended;
    expect(exitCode).toBe(0);
  });

  it('says which of its streams is no pipe', () => {
    const command = startCommand(['true'], { stdout: 'ignore' });
    expect(() => command.stdout).toThrow(/standard output of this command is no pipe/);
  });

  it('writes on to its log when the process that started it has ended, if it is detached', async () => {
    const logFile = join(folder, 'log');
    const up = join(folder, 'up');
    await startedByOneThatEnds(`touch ${up}; sleep 0.3; echo late`, { detached: true, logFile });
    while ((await readFile(logFile, 'utf8')) !== 'late\n') await sleep(20);
  }, 10_000);

  it('ends with the process that started it otherwise', async () => {
    const script = `trap 'echo told >&2; exit' TERM; touch ${join(folder, 'up')}; while :; do sleep 0.05; done`;
    const logFile = join(folder, 'log');
    await startedByOneThatEnds(script, { logFile });
    while ((await readFile(logFile, 'utf8')) !== 'told\n') await sleep(20);
  }, 10_000);
});
