// Production: the loop and a move against a Temporal server on PostgreSQL with mutual TLS, as deploy/temporal describes one. Opt-in
// (`npm run test:self-hosted`): the server is built from source. What it prints is the log in docs/operations.md.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker, type NativeConnection } from '@temporalio/worker';
import { stringify } from 'yaml';
import { hostActivities } from '../../activities/host/host-activities.js';
import { HostRef } from '../../domain/model/ids.js';
import { FakeCloud, fakeDesktop, type FakeHost } from '../../lab/fakes/fake-host.js';
import { connectWorker } from '../../temporal/connection.js';
import { ATTRIBUTE, bulkQueue, ctlQueue } from '../../temporal/contract/names.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { workerDefaults } from '../../workers/worker-runtime.js';
import { eventually } from '../support/eventually.js';
import { oneHostSites } from '../support/one-host-sites.js';
import { SelfHostedServer } from '../support/self-hosted-server.js';
import { Vmshadow, vmshadow, type Ran } from '../support/vmshadow.js';

const NAMESPACE = 'vmshadow';
const SITES = ['us-west', 'us-east'];
const capacity = { slots: 2, vcpus: 8, memoryMiB: 4096, diskMiB: 10_000 };
const START_MS = 60_000;

let server: SelfHostedServer;
let environment: Record<string, string>;
let dir: string;
let cloud: FakeCloud;
let hosts: FakeHost[];
let connection: NativeConnection;
const running: { worker: Worker; run: Promise<void> }[] = [];

/** Run a command as an operator, and show what both say. */
async function operator(...argv: string[]): Promise<Ran> {
  const ran = await vmshadow(argv, { env: environment });
  process.stdout.write(`$ vmshadow ${argv.join(' ')}\n${ran.out}${ran.err}`);
  return ran;
}
const startManager = () =>
  new Vmshadow(['manager', '--config', join(dir, 'vmshadow.yaml')], { env: environment });
const status = async () => {
  const { out, err } = await vmshadow(['status', '--json'], { env: environment });
  if (out === '') throw new Error(err);
  return JSON.parse(out) as LoopStatus;
};

/** Of the move; null while nobody can say. */
async function phase(): Promise<string | null> {
  const { out } = await vmshadow(['history', 'video', '--json'], { env: environment });
  if (out === '') return null;
  const { moves } = JSON.parse(out) as { moves?: { status: { phase: string } | null }[] };
  return moves?.[0]?.status?.phase ?? null;
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vmshadow-operator-'));
  const policy = { cycleMs: 1_000, act: false, migration: { graceMs: 0 } };
  await writeFile(join(dir, 'vmshadow.yaml'), stringify({ sites: oneHostSites(SITES), policy }));
  server = await SelfHostedServer.start();
  environment = server.environment(NAMESPACE);
  cloud = new FakeCloud();
  hosts = [];
  for (const [i, site] of SITES.entries())
    hosts.push(await cloud.add(HostRef.parse({ site, host: 'h1' }), capacity, `198.18.${String(i)}.1`));
  await hosts[0]?.give(fakeDesktop('video'));
}, 300_000);

afterAll(async () => {
  for (const { worker } of running) worker.shutdown();
  await Promise.all(running.map(({ run }) => run));
  await connection.close();
  await server.stop();
  await cloud.remove();
  await rm(dir, { recursive: true, force: true });
}, 120_000);

/** Hosts connect as dom0 does, by the same variables. */
async function startHosts(): Promise<void> {
  Object.assign(process.env, environment);
  const connected = await connectWorker();
  connection = connected.connection;
  for (const { context } of hosts)
    for (const taskQueue of [ctlQueue(context.self), bulkQueue(context.self)]) {
      const { namespace } = connected;
      const activities = hostActivities(context);
      const worker = await Worker.create({
        ...workerDefaults(),
        connection,
        namespace,
        taskQueue,
        activities,
      });
      running.push({ worker, run: worker.run() });
    }
}

describe('a Temporal server of ones own', () => {
  it('is used from an empty namespace on, and may be killed in the middle of a move', async () => {
    process.stdout.write(
      `$ temporal operator namespace create ${NAMESPACE} --retention 30d\n${await server.temporal('operator', 'namespace', 'create', NAMESPACE, '--retention', '30d')}\n`,
    );
    const manager = startManager();
    try {
      await manager.untilPrinted('manager ready', START_MS);
      const attributes = await server.temporal(
        'operator',
        'search-attribute',
        'list',
        '--namespace',
        NAMESPACE,
      );
      for (const { name } of Object.values(ATTRIBUTE)) expect(attributes).toContain(name);
      await startHosts();
      await eventually(status, (s) => s.desktops.length === 1);
      expect((await operator('status')).exit).toBe(0);

      hosts[0]?.faults.add('disk never ends');
      expect((await operator('move', 'video', 'us-east', '--no-follow')).exit).toBe(0);
      await eventually(phase, (now) => now === 'async-disk');
      process.stdout.write('# the server is killed\n');
      await server.stopServer('SIGKILL');
      expect((await operator('status')).exit).not.toBe(0);
      process.stdout.write('# and started again\n');
      await server.startServer();
      await eventually(phase, (now) => now === 'async-disk');
      expect((await operator('status')).exit).toBe(0);
      hosts[0]?.faults.clear();
      await eventually(
        async () => cloud.runningAt('video'),
        ([host]) => host === 'us-east/h1',
      );
      await eventually(status, (s) => s.moves.length === 0);
      expect((await operator('history', 'video')).out).toContain(
        'us-west/h1 -> us-east/h1  moved (operator)',
      );
      const found = () =>
        server.temporal(
          ...['workflow', 'list', '--namespace', NAMESPACE],
          ...['--query', `VmsDesktop = 'video' AND VmsOutcome = 'moved'`],
        );
      await eventually(found, (list) => list.includes('migrate/video'));
      process.stdout.write(
        `$ temporal workflow list --query "VmsDesktop = 'video' AND VmsOutcome = 'moved'"\n${await found()}\n`,
      );
    } finally {
      const { err } = await manager.interrupt();
      process.stdout.write(`--- vmshadow manager said:\n${err}`);
    }
    expect(await hosts[0]?.leftovers()).toEqual([]);
    expect(await hosts[1]?.leftovers()).toEqual([]);
  }, 400_000);
});
