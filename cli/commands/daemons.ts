// The long-running commands: `manager`, `dom0`, `proxy`. Configuration is read and checked before anything is started.
import { isIP } from 'node:net';
import { z } from 'zod';
import { Port } from '../../domain/model/address.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { Dom0Config } from '../../domain/model/dom0.js';
import { parseArguments } from '../arguments.js';
import { loadConfig } from '../config-file.js';
import type { CliContext } from '../context.js';
import { untilStopped } from '../daemon.js';
import { EXAMPLE_DOM0, MAKE_EXAMPLE_CLOUD, MAKE_EXAMPLE_DOM0 } from '../example-config.js';
import { makeLogger } from '../logger.js';

const unbracketed = (address: string) => address.replace(/^\[(.*)\]$/, '$1');

/** `ADDRESS:PORT`, or a port of this machine alone. */
const Metrics = z
  .string()
  .refine((text) => {
    const [, address, port] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
    return (
      Port.safeParse(Number(port)).success && (address === undefined || isIP(unbracketed(address)) !== 0)
    );
  }, 'expected PORT (1 to 65535) or ADDRESS:PORT, the address as an IP')
  .transform((text) => (text.includes(':') ? text : `127.0.0.1:${text}`))
  .optional();

const ManagerOptions = z.object({
  config: z.string().min(1),
  metrics: Metrics,
  versioned: z.boolean().default(false),
});

/** Run the manager until it is stopped. */
export async function managerCommand(raw: unknown): Promise<void> {
  const { config: configFile, metrics, versioned } = parseArguments(ManagerOptions, raw, 'manager');
  const cloud = await loadConfig(configFile, CloudConfig, "the cloud's configuration", MAKE_EXAMPLE_CLOUD);
  const { runManager } = await import('../../workers/manager.js');
  const logger = makeLogger();
  await untilStopped(
    (signal) => runManager({ cloud, logger, signal, metrics, versioned }),
    (name) => logger.info(`${name}: stopping`),
  );
}

const Dom0Options = z.object({
  config: z.string({ error: `expected a dom0.yaml; one to begin with: ${MAKE_EXAMPLE_DOM0}` }).min(1),
  metrics: Metrics,
});
const WantsExample = z.object({ example: z.literal(true) });

/** Run a host's agent until it is stopped, or print an example configuration. */
export async function dom0Command(context: CliContext, raw: unknown): Promise<void> {
  if (WantsExample.safeParse(raw).success) {
    context.out(EXAMPLE_DOM0.trimEnd());
    return;
  }
  const { config: file, metrics } = parseArguments(Dom0Options, raw, 'dom0');
  const config = await loadConfig(file, Dom0Config, "this host's configuration", MAKE_EXAMPLE_DOM0);
  const { runDom0 } = await import('../../workers/dom0.js');
  const logger = makeLogger();
  await untilStopped(
    (signal) => runDom0({ config, logger, signal, metrics }),
    (name) => logger.info(`${name}: stopping`),
  );
}
