// Ctrl-C at the demo, at whatever moment. Needs root, the lab's images and the temporal command.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkoutFolder } from '../../../lab/images/locate.js';
import { cleanupWorld, namespacesOf } from '../../../lab/net/cleanup.js';
import { REGISTRY_FOLDER } from '../../../lab/net/registry.js';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';

const PREFIX = 'labint';
let out: string;
let demo: StartedCommand | null = null;

beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'vms-demo-interrupt-'));
});

afterEach(async () => {
  demo?.kill('SIGKILL');
  await demo?.ended;
  await cleanupWorld(PREFIX);
});

afterAll(() => rm(out, { recursive: true }));

/** Start the demo and interrupt it as soon as it says `line`; gives its exit code and all that it said. */
async function interruptAt(line: string, ...more: string[]): Promise<{ code: number | null; said: string }> {
  const main = join(checkoutFolder(), 'lab', 'demo', 'main.ts');
  const argv: [string, ...string[]] = [
    process.execPath,
    '--import',
    'tsx',
    main,
    '--prefix',
    PREFIX,
    '--out',
    out,
    ...more,
  ];
  const started = startCommand(argv, { cwd: checkoutFolder(), env: { NODE_OPTIONS: '' } });
  demo = started;
  let said = '';
  let interrupted = false;
  const listen = (data: Buffer) => {
    said += data.toString();
    if (interrupted || !said.includes(line)) return;
    interrupted = true;
    started.kill('SIGINT');
  };
  started.stdout.on('data', listen);
  started.stderr.on('data', listen);
  const { exitCode } = await started.ended;
  return { code: exitCode, said };
}

describe('an interrupted demo', () => {
  it.each([
    ['while it builds the world', 'building three sites', []],
    ['while the cloud starts, though it was to be kept', 'files and logs are in', ['--keep']],
    ['while the desktops boot, though it was to be kept', 'boots in us-west', ['--keep']],
  ])(
    'ends with 130 and leaves nothing, %s',
    async (_, line, options) => {
      const { code, said } = await interruptAt(line, ...options);
      expect({ code, said }).toMatchObject({ code: 130, said: expect.stringContaining(line) as string });
      expect(await namespacesOf(PREFIX)).toEqual([]);
      const [, folder = `/run/${PREFIX}`] = /files and logs are in (\S+)/.exec(said) ?? [];
      expect(existsSync(folder)).toBe(false);
      expect(existsSync(`/run/${PREFIX}`)).toBe(false);
      expect(existsSync(join(REGISTRY_FOLDER, PREFIX))).toBe(false);
      expect(existsSync(join(REGISTRY_FOLDER, `${PREFIX}.json`))).toBe(false);
    },
    120_000,
  );
});
