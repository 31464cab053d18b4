// A pool of thousands of desktops for the page: hosts whose reports are made up (bench/pool/population.ts), at sites with places.
import { NativeConnection, Worker } from '@temporalio/worker';
import { FingerprintKeeper } from '../../activities/host/fingerprint-keeper.js';
import { hostsOf, poolConfig, reportOf } from '../../bench/pool/population.js';
import type { CloudConfig } from '../../domain/model/cloud.js';
import { ctlQueue } from '../../temporal/contract/names.js';
import { workerDefaults } from '../../workers/worker-runtime.js';

export interface Crowd {
  readonly config: CloudConfig;
  stop(): Promise<void>;
}

/** One cycle is enough to look at: each plans for everybody, on a machine that has a browser to draw for, too. */
const SHAPE = { sites: 8, hostsPerSite: 1, rttsEach: 8, cycleMs: 120_000 };

/** Start the hosts of a pool of so many desktops; `problem` is what the first one says is wrong with it. */
export async function startCrowd(address: string, desktops: number, problem: string): Promise<Crowd> {
  const shape = { ...SHAPE, desktops };
  const made = poolConfig(shape);
  const config: CloudConfig = {
    ...made,
    sites: made.sites.map((site, s) => ({
      ...site,
      latitude: 30 + 5 * (s % 4),
      longitude: -120 + 20 * s,
    })),
  };
  const connection = await NativeConnection.connect({ address });
  const workers: Worker[] = [];
  for (const [index, host] of hostsOf(config).entries()) {
    const report = reportOf(shape, host, index, new FingerprintKeeper());
    const [first, ...others] = report.desktops;
    const all = first === undefined || index > 0 ? report.desktops : [{ ...first, problem }, ...others];
    const activities = { reportHost: () => Promise.resolve({ ...report, desktops: all, atMs: Date.now() }) };
    workers.push(
      await Worker.create({ ...workerDefaults(), connection, taskQueue: ctlQueue(host), activities }),
    );
  }
  const running = workers.map((worker) => worker.run());
  return {
    config,
    stop: async () => {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await Promise.all(running);
      await connection.close();
    },
  };
}
