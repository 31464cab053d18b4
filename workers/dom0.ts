// One host's dom0: wires drivers and stores to the activities, opens the peers' TLS port, samples traffic, and works on the host's two
// queues. Desktops are processes of their own: they go on when this one ends, and are found again when it starts.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { FingerprintKeeper } from '../activities/host/fingerprint-keeper.js';
import { TrafficSampler } from '../drivers/traffic/sampler.js';
import { ServerNames } from '../drivers/traffic/server-names.js';
import { TargetSide } from '../activities/switchover/target-side.js';
import { hostActivities } from '../activities/host/host-activities.js';
import { DesktopLocks } from '../activities/host/desktop-locks.js';
import { CapacityGate } from '../activities/host/capacity-gate.js';
import type { HostContext } from '../activities/host/host-context.js';
import { OwnershipStore } from '../activities/stores/ownership-store.js';
import { CreationStore } from '../activities/stores/creation-store.js';
import { ReservationStore } from '../activities/stores/reservation-store.js';
import { RestartStore } from '../activities/stores/restart-store.js';
import { PowerKeeper } from '../activities/host/power-keeper.js';
import { PowerMemory } from '../activities/host/power-memory.js';
import { messageOf } from '../domain/errors.js';
import type { Dom0Config } from '../domain/model/dom0.js';
import { hostKey } from '../domain/model/ids.js';
import { HostProxy } from '../guest-proxy/host/host-proxy.js';
import { tapName } from '../guest-proxy/host/tap.js';
import { LinkWatchdog } from '../drivers/qemu/source/link-watchdog.js';
import { QemuHypervisor } from '../drivers/qemu/qemu-hypervisor.js';
import { lockFolder } from '../os/folder-lock.js';
import { runCommand } from '../os/run-command.js';
import { bulkQueue, ctlQueue } from '../temporal/contract/names.js';
import { DesktopTraffic } from '../drivers/traffic/desktop-traffic.js';
import { foreignQdisc } from '../drivers/uplink/foreign-qdisc.js';
import { UplinkCap } from '../drivers/uplink/uplink-cap.js';
import { ping } from '../os/ping.js';
import { resolveName } from '../os/resolve-name.js';
import { HostCertificate } from '../drivers/peers/host-certificate.js';
import { PeerServer } from '../drivers/peers/peer-server.js';
import { TlsPeers } from '../drivers/peers/peer-client.js';
import { qemuUser } from './qemu-user.js';
import { relayCommand } from './relay-command.js';
import { connectWhenThere, installRuntime, runWorkers, workerDefaults } from './worker-runtime.js';

export interface Dom0Options {
  readonly config: Dom0Config;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** `ADDRESS:PORT` at which Prometheus finds metrics. */
  readonly metrics?: string | undefined;
}

/** Copies, hashes: each is mostly waiting, and a host is given few moves at a time. */
const BULK_SLOTS = 16;
const CTL_SLOTS = 32;
/** A server counts long polls (1,200 a namespace unless told otherwise): few a host let one namespace have hundreds of hosts. */
const CTL_POLLS = 2;
/** The peer is asked this often, and given up after so many silences: a WAN's short outages (some 6 s) pass. */
const LINK_PROBE_MS = 1_500;
const LINK_LOST_AFTER = 4;

/** Run a host's dom0 until `signal` is aborted. Desktops and rules stay as they are. */
export async function runDom0({ config, logger, signal, metrics }: Dom0Options): Promise<void> {
  installRuntime(logger, metrics);
  const defaults = workerDefaults();
  await mkdir(config.stateDir, { recursive: true });
  const unlock = lockFolder(config.stateDir);
  try {
    await runHost(await openHost(config, logger), defaults, logger, signal);
  } finally {
    unlock();
  }
}

async function runHost(
  host: OpenHost,
  defaults: ReturnType<typeof workerDefaults>,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { connection, namespace, address } = await connectWhenThere(logger, signal);
    try {
      const activities = hostActivities(host.context);
      const { self } = host.context;
      const workers = await Promise.all([
        Worker.create({
          ...defaults,
          connection,
          namespace,
          taskQueue: ctlQueue(self),
          activities,
          maxConcurrentActivityTaskExecutions: CTL_SLOTS,
          maxConcurrentActivityTaskPolls: CTL_POLLS,
        }),
        Worker.create({
          ...defaults,
          connection,
          namespace,
          taskQueue: bulkQueue(self),
          activities,
          maxConcurrentActivityTaskExecutions: BULK_SLOTS,
          maxConcurrentActivityTaskPolls: 1,
        }),
      ]);
      logger.info({ host: hostKey(self), temporal: address }, 'dom0 ready');
      await runWorkers(workers, signal);
    } finally {
      await connection.close();
    }
  } finally {
    await host.close();
  }
}

interface OpenHost {
  readonly context: HostContext;
  close(): Promise<void>;
}

async function openHost(config: Dom0Config, logger: Logger): Promise<OpenHost> {
  const { site, host, stateDir, runDir, pkiDir } = config;
  await mkdir(runDir, { recursive: true });
  const ownership = new OwnershipStore(join(stateDir, 'ownership'));
  const reservations = new ReservationStore(join(stateDir, 'reservations'));
  const creations = new CreationStore(join(stateDir, 'creations'));
  const hypervisor = new QemuHypervisor({
    stateDir,
    runDir,
    imageDir: config.imageDir,
    images: config.images,
    accel: config.accel,
    runAs: await qemuUser(config, logger),
    pki: { dir: pkiDir },
    incoming: { address: config.peer.address, ports: config.migrationPorts },
    relay: {
      command: relayCommand(),
      wanted: config.transfer === 'relay',
      cacheMiB: config.cacheMiB,
    },
    logger,
  });
  hypervisor.open();
  const network = new HostProxy({
    stateDir: join(stateDir, 'network'),
    uplink: config.uplink,
    externalPool: config.externalPool,
    controlPort: config.controlPort,
    probe: config.probe,
    relayPort: config.relayPort,
    relayLimitMs: config.relayLimitMinutes * 60_000,
    identityFile: config.identityFile,
    pkiDir,
    lookFurther: () => foreignQdisc(config),
    logger,
  });
  await network.start();
  const traffic = new DesktopTraffic({
    sampler: new TrafficSampler({
      run: runCommand,
      serverNames: new ServerNames({
        resolve: resolveName,
        onProblem: (problem) => logger.warn({ problem }, 'traffic sampling'),
      }),
      onProblem: (problem) => logger.warn({ problem }, 'traffic sampling'),
    }),
    hypervisor,
    owns: async (desktop) => (await ownership.get(desktop))?.state === 'owner',
    tapOf: tapName,
    onProblem: (error) => logger.warn({ error: messageOf(error) }, 'traffic sampling'),
  });
  await traffic.start();
  const certificate = await HostCertificate.open(pkiDir, logger);
  const peers = new TlsPeers(certificate);
  const context: HostContext = {
    self: { site, host },
    capacityGate: new CapacityGate({
      self: { site, host },
      capacity: config.capacity,
      growth: config.growth,
      hypervisor,
      ownership,
      reservations,
      creations,
    }),
    hypervisor,
    network,
    traffic,
    fingerprints: new FingerprintKeeper(),
    locks: new DesktopLocks(),
    ownership,
    reservations,
    creations,
    power: new PowerMemory(new RestartStore(join(stateDir, 'restarts')), logger),
    peers,
    linkCap: new UplinkCap(config),
    watchLink: (move, peer) => {
      const watchdog = new LinkWatchdog({
        probe: (s) => peer.ping(s),
        intervalMs: LINK_PROBE_MS,
        lossThreshold: LINK_LOST_AFTER,
        cutLink: () => hypervisor.cutLink(move),
        onLost: () =>
          logger.warn({ ...move }, 'the link to the other host is lost: its connections were cut'),
        onError: (error) => logger.error({ ...move, error: messageOf(error) }, 'cutting a dead link failed'),
      });
      watchdog.start();
      return () => void watchdog.stop();
    },
    certificateDaysLeft: () => certificate.daysLeft(),
    ping,
    now: Date.now,
    wait: (ms) => sleep(ms),
    logger,
  };
  const server = new PeerServer(new TargetSide(context), logger);
  await server.start(config.peer, certificate);
  const keeper = new PowerKeeper(context);
  keeper.start();
  const close = async () => {
    await keeper.stop();
    await server.stop();
    peers.close();
    certificate.close();
    await traffic.stop();
    await network.stop();
    await hypervisor.close();
  };
  return { context, close };
}
