import { createServer } from 'node:net';

/**
 * Below the ports that the kernel gives to whoever asks for any (32,768 on, the inner ones of a Temporal dev server among them): one that is free
 * here is still free when it is used. Each worker of jest has a range of its own, and a test file gets none twice.
 */
const FIRST = 20_000;
const RANGE = 1_000;
const WORKERS = 12;
const first = FIRST + (Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS) * RANGE;
let next = process.pid;

/** A TCP port on loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < RANGE; tries++) {
    const port = first + (next++ % RANGE);
    if (await isFree(port)) return port;
  }
  throw new Error(`no port is free from ${String(first)} on`);
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
