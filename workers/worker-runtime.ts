// What every worker process of ours has in common: the SDK's runtime and log, shutdown times, running several workers as one.
import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, Runtime, type Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { hasCode, messageOf, VmshadowError } from '../domain/errors.js';
import { dataConverter } from '../temporal/codec.js';
import { connectWorker } from '../temporal/connection.js';

/** Activities get this long to reach a checkpoint when the process is asked to end. */
const SHUTDOWN_GRACE = '15s';
const SHUTDOWN_FORCE = '20s';
/** How soon a cancelled or dead activity is noticed: heartbeats go out at least this often. */
const HEARTBEAT_THROTTLE = '1s';
const RECONNECT_MS = 2_000;
/**
 * One step of a workflow may take so long before it counts as stuck. Ending it takes the whole process down (Node: "async hook stack has become
 * corrupted"): the SDK's 5 s are soon over for a loop of thousands of desktops on a machine that has much else to do.
 */
const STUCK_AFTER = '60s';

/** What all workers are made with. Throws CONFIG_INVALID where the payload keys cannot be read. */
export const workerDefaults = () => ({
  dataConverter: dataConverter(),
  shutdownGraceTime: SHUTDOWN_GRACE,
  shutdownForceTime: SHUTDOWN_FORCE,
  maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
  defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
  isolateExecutionTimeout: STUCK_AFTER,
});

/**
 * Install the SDK's runtime once: its log goes through ours, signals are handled by us, metrics are served to Prometheus at
 * `ADDRESS:PORT` where one is given. Throws PREREQUISITE where nobody can listen there.
 */
export function installRuntime(logger: Logger, metrics?: string): void {
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'debug', WARN: 'warn', ERROR: 'error' } as const;
  const install = () =>
    Runtime.install({
      shutdownSignals: [],
      logger: new DefaultLogger('WARN', ({ level, message, meta }) =>
        logger[levels[level]](meta ?? {}, message),
      ),
      // What its native part says comes the same way; else it would write to the terminal by itself.
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
        ...(metrics === undefined ? {} : { metrics: { prometheus: { bindAddress: metrics } } }),
      },
    });
  try {
    install();
  } catch (error) {
    if (metrics === undefined) throw error;
    throw new VmshadowError(
      'PREREQUISITE',
      `cannot serve metrics at ${metrics}: ${messageOf(error)}. Give another address or port with --metrics, or end what listens there.`,
      { cause: error },
    );
  }
}

/** Connect, waiting for the server as long as it takes: a dom0 may start before it. Ends when `signal` does. */
export async function connectWhenThere(
  logger: Logger,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof connectWorker>>> {
  for (let said = false; ; said = true) {
    try {
      return await connectWorker();
    } catch (error) {
      if (!hasCode(error, 'CONTROL_PLANE') || signal.aborted) throw error;
      if (!said) logger.warn({ error: messageOf(error) }, 'waiting for the Temporal server');
      await sleep(RECONNECT_MS, undefined, { signal });
    }
  }
}

/** Run workers until `signal` is aborted or one of them fails; the others are then shut down as well. */
export async function runWorkers(workers: readonly Worker[], signal: AbortSignal): Promise<void> {
  const stop = () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  signal.addEventListener('abort', stop, { once: true });
  const runs = workers.map((worker) => worker.run().finally(stop));
  if (signal.aborted) stop();
  const ends = await Promise.allSettled(runs);
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
