// The process that delays the WAN's packets, asked as on a busy machine. Needs root.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askDelayDaemon, startDelayDaemon } from '../../../lab/net/delay-daemon.js';
import { endProcessesIn } from '../../../lab/net/commands.js';
import { runCommand } from '../../../os/run-command.js';

const NAMESPACE = `labtd-${String(process.pid)}`;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'labtd-'));
  await runCommand(['ip', 'netns', 'add', NAMESPACE]);
  const pair = { number: 1, from: 'a', to: 'b', fromDevices: ['none'], toDevices: ['none'] };
  await startDelayDaemon(NAMESPACE, folder, [pair], {
    links: [{ from: 'a', to: 'b', delayMs: 10, rateMbps: null }],
  });
});
afterAll(async () => {
  await endProcessesIn([NAMESPACE]);
  await runCommand(['ip', 'netns', 'delete', NAMESPACE]);
  await rm(folder, { recursive: true });
});

describe('the delay daemon', () => {
  it('does what it is told by one who is long silent after having connected', async () => {
    const slow = connect(join(folder, 'wan-delay.sock'));
    await once(slow, 'connect');
    await sleep(300);
    slow.write('set 1 25000\n');
    const [answer] = (await once(slow, 'data')) as [Buffer];
    expect(answer.toString()).toContain('1 delay_us=25000');
  });

  it('lives on when one goes away without a word', async () => {
    const silent = connect(join(folder, 'wan-delay.sock'));
    await once(silent, 'connect');
    silent.destroy();
    expect(await askDelayDaemon(folder, 'set 1 30000')).toContain('1 delay_us=30000');
  });
});
