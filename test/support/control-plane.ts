// A real Temporal dev server for a test file, with a manager's worker and the workers of fake hosts. Needs `npm run build` (bundle).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { highs } from '../../drivers/solver/highs-solver.js';
import { controlActivities } from '../../activities/control/control-activities.js';
import { hostActivities } from '../../activities/host/host-activities.js';
import type { HostContext } from '../../activities/host/host-context.js';
import {
  startEmbeddedServer,
  type EmbeddedServer,
  type EmbeddedServerOptions,
} from '../../temporal/embedded-server.js';
import type { PoolId } from '../../domain/model/ids.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { bulkQueue, CONTROL_QUEUE, ctlQueue, shadowLoopId } from '../../temporal/contract/names.js';
import { versionedAs } from '../../workers/manager-version.js';
import { WORKFLOW_BUNDLE } from '../../workers/manager.js';
import { workerDefaults } from '../../workers/worker-runtime.js';
import { dataConverter } from '../../temporal/codec.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

export class ControlPlane {
  readonly client: Client;
  readonly address: string;
  /** Of Temporal's web UI. */
  readonly uiAddress: string;
  readonly #server: EmbeddedServer;
  readonly #connection: NativeConnection;
  readonly #dir: string;
  readonly #workers: { worker: Worker; run: Promise<void> }[] = [];

  private constructor(server: EmbeddedServer, client: Client, connection: NativeConnection, dir: string) {
    this.#server = server;
    this.client = client;
    this.address = server.address;
    this.uiAddress = server.uiAddress;
    this.#connection = connection;
    this.#dir = dir;
  }

  static async start(options: Pick<EmbeddedServerOptions, 'dynamicConfig'> = {}): Promise<ControlPlane> {
    const dir = await mkdtemp(join(tmpdir(), 'vmshadow-temporal-'));
    const server = await startEmbeddedServer({
      dbFile: join(dir, 'temporal.db'),
      logFile: join(dir, 'temporal.log'),
      port: await freePort(),
      uiPort: await freePort(),
      ...options,
    });
    const connection = await NativeConnection.connect({ address: server.address });
    const client = new Client({
      connection: await Connection.connect({
        address: server.address,
        // Whole histories are read here, in pages of many megabytes.
        channelArgs: { 'grpc.max_receive_message_length': -1 },
      }),
      dataConverter: dataConverter(),
    });
    return new ControlPlane(server, client, connection, dir);
  }

  /** Wait until no desktop of a pool is in a move: `vmshadow move` ends before its old disk is gone, and until then no other may begin. */
  async movesOver(pool: PoolId): Promise<void> {
    const loop = this.client.workflow.getHandle(shadowLoopId(pool));
    await eventually(
      () => loop.query(LOOP.status),
      ({ moves }) => moves.length === 0,
    );
  }

  /** Start a manager's worker: one without a version, or of `buildId`. */
  async startManager(buildId?: string): Promise<{ stop(): Promise<void> }> {
    const mine = this.#run(
      await Worker.create({
        ...workerDefaults(),
        ...(buildId === undefined ? {} : versionedAs(buildId)),
        workflowBundle: { codePath: WORKFLOW_BUNDLE },
        connection: this.#connection,
        taskQueue: CONTROL_QUEUE,
        activities: controlActivities({ client: this.client, solver: highs, geo: null }),
      }),
    );
    return { stop: () => this.#end(mine) };
  }

  async startHost(context: HostContext): Promise<{ stop(): Promise<void> }> {
    const activities = hostActivities(context);
    const mine = await Promise.all(
      [ctlQueue(context.self), bulkQueue(context.self)].map(async (taskQueue) =>
        this.#run(
          await Worker.create({ ...workerDefaults(), connection: this.#connection, taskQueue, activities }),
        ),
      ),
    );
    return {
      stop: async () => {
        await Promise.all(mine.map((entry) => this.#end(entry)));
      },
    };
  }

  /** End all workers, as for a restart. */
  async stopWorkers(): Promise<void> {
    await Promise.all(this.#workers.splice(0).map((entry) => this.#end(entry)));
  }

  async stop(): Promise<void> {
    await this.stopWorkers();
    await this.client.connection.close();
    await this.#connection.close();
    await this.#server.stop();
    await rm(this.#dir, { recursive: true, force: true });
  }

  #run(worker: Worker) {
    const entry = { worker, run: worker.run() };
    this.#workers.push(entry);
    return entry;
  }

  async #end({ worker, run }: { worker: Worker; run: Promise<void> }): Promise<void> {
    if (worker.getState() === 'RUNNING') worker.shutdown();
    await run;
  }
}
