// Nothing of a world stays, however its owner ends. Needs root.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cleanupDeadWorlds, cleanupWorld, namespacesOf } from '../../../lab/net/cleanup.js';
import { processStart } from '../../../lab/net/commands.js';
import { REGISTRY_FOLDER, readEntry } from '../../../lab/net/registry.js';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';
import { World } from '../../../lab/net/world.js';
import { checkoutFolder } from '../../../lab/images/locate.js';

const PREFIX = 'labtc';
interface Made {
  readonly inside: number;
  readonly outside: number;
  readonly folder: string;
}

let owner: StartedCommand | null = null;
async function startOwner(): Promise<Made> {
  const root = checkoutFolder();
  owner = startCommand(
    [process.execPath, '--import', 'tsx', join(root, 'test', 'system', 'lab', 'world-owner.ts'), PREFIX],
    { cwd: root, env: { NODE_OPTIONS: '' } },
  );
  let stderr = '';
  owner.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const line = await Promise.race([
    once(owner.stdout, 'data').then(([data]) => String(data)),
    owner.ended.then(() => Promise.reject(new Error(`the owner ended: ${stderr}`))),
  ]);
  return JSON.parse(line) as Made;
}

async function expectNothingLeft(made: Made): Promise<void> {
  expect(await namespacesOf(PREFIX)).toEqual([]);
  expect([made.inside, made.outside].filter((pid) => processStart(pid) !== null)).toEqual([]);
  expect(existsSync(made.folder)).toBe(false);
  expect(existsSync(join(REGISTRY_FOLDER, PREFIX))).toBe(false);
  expect(readEntry(PREFIX)).toBeNull();
}

afterEach(async () => {
  owner?.kill('SIGKILL');
  await cleanupWorld(PREFIX);
});

describe('a lab world', () => {
  it('is gone after its owner was interrupted', async () => {
    const made = await startOwner();
    expect(await namespacesOf(PREFIX)).toHaveLength(5);
    owner!.kill('SIGINT');
    await owner!.ended;
    await expectNothingLeft(made);
  });

  it('is left alone by the clean-up while its owner lives, and removed when it was killed', async () => {
    const made = await startOwner();
    expect(await cleanupDeadWorlds()).not.toContain(PREFIX);
    expect(await namespacesOf(PREFIX)).toHaveLength(5);
    owner!.kill('SIGKILL');
    await owner!.ended;
    await sleep(50);
    expect(processStart(made.inside)).not.toBeNull();
    expect(await cleanupDeadWorlds()).toContain(PREFIX);
    await expectNothingLeft(made);
  });

  it('takes the place of one whose owner was killed', async () => {
    const made = await startOwner();
    owner!.kill('SIGKILL');
    await owner!.ended;
    const world = await World.create({ prefix: PREFIX, sites: [{ id: 'b' }] });
    expect(processStart(made.inside)).toBeNull();
    expect((await namespacesOf(PREFIX)).sort()).toEqual([
      `${PREFIX}-b-h1`,
      `${PREFIX}-control`,
      `${PREFIX}-core`,
    ]);
    await world.destroy();
    expect(await world.destroy()).toEqual({ processes: 0, namespaces: 0 });
    await expectNothingLeft(made);
  });
});
