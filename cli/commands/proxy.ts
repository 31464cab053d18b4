// `vmshadow proxy`: the connection proxy of a thin client.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { ClientConfig } from '../../guest-proxy/protocol/client-config.js';
import { parseArguments } from '../arguments.js';
import { loadConfig } from '../config-file.js';
import { pause, untilStopped } from '../daemon.js';
import { makeLogger } from '../logger.js';

/** Where the proxy keeps what it learns of its desktop: survives a reboot. */
const STATE_DIR = '/var/lib/vmshadow';
/** A day: only a timer that keeps the process alive until it is stopped. */
const KEEP_ALIVE_MS = 86_400_000;

const Options = z.object({ config: z.string().min(1), state: z.string().min(1).optional() });

/** Run the proxy until it is stopped. Its rules stay in the kernel and are taken up again at the next start. */
export async function proxyCommand(raw: unknown): Promise<void> {
  const options = parseArguments(Options, raw, 'proxy');
  const config = await loadConfig(options.config, ClientConfig, "this thin client's configuration");
  await assertPrivate(options.config);
  const { ClientProxy } = await import('../../guest-proxy/client/client-proxy.js');
  const logger = makeLogger();
  const stateFile = options.state ?? join(STATE_DIR, `client-${config.desktop}.json`);
  const proxy = new ClientProxy({ config, stateFile, logger });
  await untilStopped(
    async (signal) => {
      await proxy.start();
      try {
        while (!signal.aborted) await pause(KEEP_ALIVE_MS, signal);
      } finally {
        await proxy.stop();
      }
    },
    (name) => logger.info(`${name}: stopping`),
  );
}

async function assertPrivate(path: string): Promise<void> {
  if (((await stat(path)).mode & 0o077) !== 0)
    throw new VmshadowError(
      'CONFIG_INVALID',
      `${path} holds a secret key and may be read by others: run \`chmod 600 ${path}\``,
    );
}
