import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCommand, type StartedCommand } from '../../../os/start-command.js';
import { QmpClient } from '../../../drivers/qemu/qmp/qmp-client.js';
import { queryStatus } from '../../../drivers/qemu/qmp/qmp-replies.js';

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.end(() => resolve(true)));
  });
}

describe('a QMP connection to a real QEMU', () => {
  let folder: string;
  let path: string;
  let qemu: StartedCommand;
  const clients: QmpClient[] = [];
  const open = async (timeoutMs = 5_000): Promise<QmpClient> => {
    const client = await QmpClient.connect(path, 'test', { timeoutMs });
    clients.push(client);
    return client;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vmsq-qmp-'));
    path = join(folder, 'qmp');
    const argv = [
      '-machine',
      'none',
      '-nodefaults',
      '-display',
      'none',
      '-qmp',
      `unix:${path},server=on,wait=off`,
    ];
    qemu = startCommand(['qemu-system-x86_64', ...argv], { stdout: 'ignore', stderr: 'ignore' });
    // The socket's file is there a moment before anybody listens.
    while (!(await listens(path))) await sleep(20);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    qemu.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  it('tells QEMU’s class and description of an error', async () => {
    const client = await open();
    await expect(client.execute('no-such-command')).rejects.toMatchObject({
      code: 'QMP',
      details: { class: 'CommandNotFound', command: 'no-such-command' },
    });
  });

  it('answers commands by their own ids, out of band ones among them', async () => {
    const client = await open();
    const [status, yanks, version] = await Promise.all([
      queryStatus(client),
      client.executeOob('query-yank'),
      client.execute('query-version'),
    ]);
    expect(status.status).toBe('running');
    expect(yanks).toMatchObject([{ type: 'chardev' }]);
    expect(version).toHaveProperty('qemu.major');
  });

  it('finds an event that came before one waited for it, and waits for one that has not come', async () => {
    const client = await open();
    const since = client.lastSeq;
    await client.execute('stop');
    const stop = await client.waitFor((e) => e.name === 'STOP', 'STOP', { since, timeoutMs: 1_000 });
    expect(Math.abs(stop.atMs - Date.now())).toBeLessThan(60_000);
    const resumed = client.waitFor((e) => e.name === 'RESUME', 'RESUME', { timeoutMs: 5_000 });
    await client.execute('cont');
    expect((await resumed).seq).toBeGreaterThan(stop.seq);
    await expect(
      client.waitFor((e) => e.name === 'NEVER', 'an event', { since, timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'QMP_LOST' });
    expect(client.isLost).toBe(false);
  });

  it('gives up waiting when its caller does', async () => {
    const client = await open();
    const controller = new AbortController();
    const waiting = client.waitFor(() => false, 'nothing', { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect((await queryStatus(client)).running).toBe(true);
  });

  it('is told apart from a monitor that another client holds, and takes it when that one hangs up', async () => {
    const first = await open();
    await expect(open(300)).rejects.toThrow(/does another process hold the monitor/);
    first.close();
    expect((await queryStatus(await open())).running).toBe(true);
  });

  it('rejects everything under way when QEMU dies', async () => {
    const client = await open();
    const waiting = client.waitFor(() => false, 'nothing');
    qemu.kill('SIGKILL');
    await expect(waiting).rejects.toMatchObject({ code: 'QMP_LOST', retryable: true });
    await expect(client.execute('query-status')).rejects.toMatchObject({ code: 'QMP_LOST' });
    expect(client.isLost).toBe(true);
  });
});
