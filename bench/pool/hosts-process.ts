// The hosts of a pool, in a process of their own as they would be on machines of their own: `hosts-process ADDRESS SHAPE`. Each answers
// `reportHost` on its queue with what it made at the start, with the time of the moment.
import { NativeConnection, Worker } from '@temporalio/worker';
import { FingerprintKeeper } from '../../activities/host/fingerprint-keeper.js';
import { ctlQueue } from '../../temporal/contract/names.js';
import { workerDefaults } from '../../workers/worker-runtime.js';
import { hostsOf, poolConfig, reportOf, type PoolShape } from './population.js';

const [address = '', text = '{}'] = process.argv.slice(2);
const shape = JSON.parse(text) as PoolShape;
const connection = await NativeConnection.connect({ address });
const workers: Worker[] = [];
for (const [index, host] of hostsOf(poolConfig(shape)).entries()) {
  const report = reportOf(shape, host, index, new FingerprintKeeper());
  const activities = { reportHost: () => Promise.resolve({ ...report, atMs: Date.now() }) };
  workers.push(
    await Worker.create({
      ...workerDefaults(),
      connection,
      taskQueue: ctlQueue(host),
      activities,
      maxConcurrentActivityTaskPolls: 1,
    }),
  );
}
process.on('SIGTERM', () => {
  for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
});
const running = workers.map((worker) => worker.run());
console.log('ready');
await Promise.all(running);
await connection.close();
