import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { statusWithin } from '../../../../drivers/qemu/qmp/status-within.js';
import { QmpClient } from '../../../../drivers/qemu/qmp/qmp-client.js';

describe('statusWithin', () => {
  const running = { status: 'running', running: true };
  let folder: string;
  let server: Server;
  let qmp: QmpClient;
  let monitor: Socket;
  /** Ids of the questions for the run state that have no answer yet; `total` counts all. */
  let open: string[];
  let total: number;

  beforeEach(async () => {
    open = [];
    total = 0;
    folder = await mkdtemp(join(tmpdir(), 'vmsq-status-'));
    const path = join(folder, 'qmp');
    server = createServer((socket) => {
      monitor = socket;
      socket.write('{"QMP": {}}\n');
      createInterface({ input: socket }).on('line', (line) => {
        const { execute, id } = JSON.parse(line) as { execute: string; id: string };
        if (execute === 'qmp_capabilities') return socket.write(`${JSON.stringify({ return: {}, id })}\n`);
        total++;
        return open.push(id);
      });
    }).listen(path);
    await once(server, 'listening');
    qmp = await QmpClient.connect(path, 'test');
  });
  afterEach(async () => {
    qmp.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const answer = () => {
    for (const id of open.splice(0)) monitor.write(`${JSON.stringify({ return: running, id })}\n`);
  };
  const untilAsked = async (times: number) => {
    while (total < times) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('leaves one question at a monitor that hangs, however often it is asked, and takes its late answer', async () => {
    for (let i = 0; i < 12; i++)
      await expect(statusWithin(qmp, 10)).rejects.toMatchObject({ code: 'QMP_LOST' });
    await untilAsked(1);
    expect(total).toBe(1);
    const late = Promise.all([statusWithin(qmp, 5_000), statusWithin(qmp, 5_000)]);
    answer();
    expect(await late).toEqual([running, running]);
    expect(total).toBe(1);
  });

  it('asks again once it was answered', async () => {
    for (const times of [1, 2]) {
      const asked = statusWithin(qmp, 5_000);
      await untilAsked(times);
      answer();
      expect(await asked).toEqual(running);
    }
  });

  it('tells that the monitor is lost as soon as it is', async () => {
    const asked = statusWithin(qmp, 60_000);
    await untilAsked(1);
    monitor.destroy();
    await expect(asked).rejects.toMatchObject({ code: 'QMP_LOST' });
  });
});
