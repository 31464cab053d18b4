// The long-running commands: `manager`, `dom0`, `proxy`. Configuration is read and checked before anything is started.
import { CloudConfig } from '../../domain/model/cloud.js';
import { Dom0Config } from '../../domain/model/dom0.js';
import { loadConfig } from '../config-file.js';
import { untilStopped } from '../daemon.js';
import { makeLogger } from '../logger.js';

/** Run the manager until it is stopped. */
export async function managerCommand(configFile: string): Promise<void> {
  const cloud = await loadConfig(configFile, CloudConfig, "the cloud's configuration");
  const { runManager } = await import('../../workers/manager.js');
  const logger = makeLogger();
  await untilStopped(
    (signal) => runManager({ cloud, logger, signal }),
    (name) => logger.info(`${name}: stopping`),
  );
}

/** Run a host's agent until it is stopped. */
export async function dom0Command(configFile: string): Promise<void> {
  const config = await loadConfig(configFile, Dom0Config, "this host's configuration");
  const { runDom0 } = await import('../../workers/dom0.js');
  const logger = makeLogger();
  await untilStopped(
    (signal) => runDom0({ config, logger, signal }),
    (name) => logger.info(`${name}: stopping`),
  );
}
