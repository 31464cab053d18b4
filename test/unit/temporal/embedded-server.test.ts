import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedServer } from '../../../temporal/embedded-server.js';

/** Listen on a port until the test is done. */
async function takenPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

it('names the ports of the embedded server that are in use, and what sets them', async () => {
  const [server, ui] = [await takenPort(), await takenPort()];
  try {
    const start = startEmbeddedServer({
      dbFile: join(tmpdir(), 'vmshadow-never-made.db'),
      logFile: join(tmpdir(), 'vmshadow-never-made.log'),
      port: server.port,
      uiPort: ui.port,
    });
    await expect(start).rejects.toMatchObject({ code: 'PREREQUISITE' });
    const { message } = (await start.catch((error: unknown) => error)) as Error;
    expect(message).toMatch(
      new RegExp(`port ${server.port} of 127\\.0\\.0\\.1 is in use.*--port takes another`),
    );
    expect(message).toMatch(
      new RegExp(`port ${ui.port} of 127\\.0\\.0\\.1 is in use.*--ui-port takes another`),
    );
    expect(message).toContain('TEMPORAL_ADDRESS');
  } finally {
    server.close();
    ui.close();
  }
});
