// A whole cloud in a lab world, from the product's own commands: Temporal and the manager in the control namespace, one dom0 a host in
// its site's namespace, one proxy a user. Everything that it makes lies in one folder or in the world, and goes with them.
import pMap from 'p-map';
import { addressAt } from '../../domain/model/address.js';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { stringify } from 'yaml';
import type { z } from 'zod';
import { errorCodeOf, messageOf, VmshadowError } from '../../domain/errors.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import type { Capacity } from '../../domain/model/capacity.js';
import type { StartedCommand } from '../../os/start-command.js';
import { Dom0Config } from '../../domain/model/dom0.js';
import { makeClientConfig, type ClientConfig } from '../../guest-proxy/protocol/client-config.js';
import { createIdentity } from '../../guest-proxy/protocol/identity.js';
import { createAuthority, issueHost } from '../../drivers/peers/pki.js';
import { failureInfo } from '../../temporal/contract/failures.js';
import { startEmbeddedServer, untilHealthy, type EmbeddedServer } from '../../temporal/embedded-server.js';
import { LOOP } from '../../temporal/contract/loop.js';
import type { Update } from '../../temporal/contract/message.js';
import type { CreateDesktopRequest, DesktopCreated } from '../../temporal/contract/requests.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { shadowLoopId } from '../../temporal/contract/names.js';
import { checkoutFolder, imagesFolder } from '../images/locate.js';
import { COMMANDS_AT_A_TIME } from '../net/commands.js';
import { Gate } from '../net/gate.js';
import type { World } from '../net/world.js';
import { dataConverter } from '../../temporal/codec.js';

export interface LabSite {
  readonly id: string;
  readonly kind: 'global' | 'regional';
  readonly capacity: Capacity;
}

export interface LabCloudOptions {
  readonly world: World;
  /** Holds keys, configurations, disks and logs; removed with the world. */
  readonly dir: string;
  /** Short: sockets lie below it. */
  readonly runDir: string;
  readonly sites: readonly LabSite[];
  readonly policy: unknown;
  readonly moveMbps: number;
  /** Ends the waiting for what starts. */
  readonly signal?: AbortSignal;
  /** How long to wait for all hosts; a minute and a half unless it is said otherwise. */
  readonly readyWithinMs?: number;
}

/** As whom a lab's QEMU runs: nobody's number, no account is needed. */
const QEMU_USER = { uid: 2_000_000_001, gid: 2_000_000_001 };
const PEER_PORT = 7443;
const CONTROL_PORT = 7946;
const TEMPORAL_PORT = 7233;
const UI_PORT = 8233;
/** External addresses given to each host out of its /27. */
const POOL_SIZE = 8;
const READY_WITHIN_MS = 90_000;

export class LabCloud {
  readonly world: World;
  readonly dir: string;
  readonly cloudFile: string;
  readonly config: CloudConfig;
  readonly client: Client;
  readonly uiAddress: string;
  readonly temporalAddress: string;
  #server: EmbeddedServer;
  readonly #gates: readonly Gate[];
  readonly #hostKeys: readonly string[];
  readonly #processes = new Map<string, StartedCommand>();
  readonly #starts = new Map<string, () => void>();

  private constructor(parts: {
    options: LabCloudOptions;
    config: CloudConfig;
    client: Client;
    server: EmbeddedServer;
    gates: readonly Gate[];
    hostKeys: readonly string[];
  }) {
    this.world = parts.options.world;
    this.dir = parts.options.dir;
    this.cloudFile = join(this.dir, 'vmshadow.yaml');
    this.config = parts.config;
    this.client = parts.client;
    this.#server = parts.server;
    this.#gates = parts.gates;
    this.#hostKeys = parts.hostKeys;
    const [grpc, ui] = parts.gates;
    this.temporalAddress = `127.0.0.1:${String(grpc?.port ?? 0)}`;
    this.uiAddress = `http://127.0.0.1:${String(ui?.port ?? 0)}`;
  }

  /** Write keys and configurations, start Temporal, every dom0 and the manager, and wait until all hosts report. */
  static async start(options: LabCloudOptions): Promise<LabCloud> {
    const { world, dir } = options;
    const { plan } = world;
    const config = CloudConfig.parse({
      sites: options.sites.map(({ id, kind }) => ({
        id,
        kind,
        hosts: plan.hosts
          .filter((h) => h.site === id)
          .map((h) => ({
            id: h.host,
            peer: { address: h.address, port: PEER_PORT },
            probe: { address: h.address, port: CONTROL_PORT },
          })),
      })),
      policy: options.policy,
      limits: { moveMbps: options.moveMbps },
    });
    await mkdir(dir, { recursive: true });
    // QEMU's user passes through it to his files.
    await chmod(dir, 0o711);
    await writeFile(join(dir, 'vmshadow.yaml'), stringify(config));
    const keys = join(dir, 'keys');
    await createAuthority(keys);
    const hostKeys = await pMap(plan.hosts, (h) => configureHost(options, h.name, keys), COMMANDS_AT_A_TIME);
    const server = await startTemporal(options);
    const gates = [
      await Gate.open(world, {
        namespace: plan.controlNamespace,
        address: plan.controlAddress,
        port: TEMPORAL_PORT,
      }),
      await Gate.open(world, {
        namespace: plan.controlNamespace,
        address: plan.controlAddress,
        port: UI_PORT,
      }),
    ];
    const address = `127.0.0.1:${String(gates[0]?.port ?? 0)}`;
    await untilHealthy(address);
    const client = new Client({
      connection: await Connection.connect({ address }),
      dataConverter: dataConverter(),
    });
    const cloud = new LabCloud({ options, config, client, server, gates, hostKeys });
    for (const host of plan.hosts) cloud.startDom0(host.name);
    cloud.startManager();
    await cloud.until(
      (s) => s.hosts.every((h) => h.alive),
      'all hosts report',
      options.readyWithinMs ?? READY_WITHIN_MS,
      options.signal,
    );
    return cloud;
  }

  /** Start (again) the dom0 of a host, named `us-west/h1`. */
  startDom0(host: string): void {
    const { namespace } = this.world.host(host);
    this.#start(`dom0 ${host}`, namespace, ['dom0', '--config', join(this.dir, 'hosts', host, 'dom0.yaml')], {
      TEMPORAL_ADDRESS: this.#inside(),
    });
  }

  startManager(): void {
    this.#start('manager', this.world.plan.controlNamespace, ['manager', '--config', this.cloudFile], {
      TEMPORAL_ADDRESS: this.#inside(),
    });
  }

  /** Kill a process of ours (`manager`, `dom0 us-west/h1`, `proxy alice`) and wait until it is gone. */
  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#processes.get(name);
    if (child === undefined) throw new VmshadowError('INPUT_INVALID', `the lab cloud has no process ${name}`);
    child.kill(signal);
    await child.ended;
  }

  /** Start a process of ours that has ended once more, as its supervisor does. */
  restart(name: string): void {
    const again = this.#starts.get(name);
    if (again === undefined) throw new VmshadowError('INPUT_INVALID', `the lab cloud has no process ${name}`);
    again();
  }

  /** Have the Temporal server stand still (SIGSTOP) for so long. */
  async freezeTemporal(forMs: number): Promise<void> {
    process.kill(this.#server.pid, 'SIGSTOP');
    await sleep(forMs);
    process.kill(this.#server.pid, 'SIGCONT');
  }

  /** Kill the Temporal server as a crash would, leave it away for `awayMs`, start it again on the same file, and wait until it answers. */
  async crashTemporal(awayMs: number): Promise<void> {
    process.kill(this.#server.pid, 'SIGKILL');
    await this.#server.stop();
    await sleep(awayMs);
    this.#server = await startTemporal(this);
    await untilHealthy(this.temporalAddress);
  }

  /** Make a desktop for a user: a client's keys, the desktop, and the proxy in the user's home. */
  async createDesktop(request: Omit<CreateDesktopRequest, 'clients'>, user: string): Promise<DesktopCreated> {
    const config = makeClientConfig({
      desktop: request.id,
      external: '0.0.0.0',
      controlPort: CONTROL_PORT,
      hosts: this.#hostKeys,
      probes: this.world.plan.hosts.map((h) => ({
        site: h.site,
        endpoint: { address: h.address, port: CONTROL_PORT },
      })),
    });
    const created = await this.update(LOOP.createDesktop, {
      ...request,
      clients: [config.identity.publicKey],
    });
    await this.startProxy(user, { ...config, external: created.external });
    return created;
  }

  async startProxy(user: string, config: ClientConfig): Promise<void> {
    const file = join(this.dir, `proxy-${user}.yaml`);
    await writeFile(file, stringify(config), { mode: 0o600 });
    this.#start(`proxy ${user}`, this.world.user(user).clientNamespace, [
      'proxy',
      '--config',
      file,
      '--state',
      join(this.dir, `proxy-${user}.json`),
    ]);
  }

  status(): Promise<LoopStatus> {
    return this.client.workflow.getHandle(shadowLoopId(this.config.pool)).query(LOOP.status);
  }

  async update<S extends z.ZodType, R>(update: Update<S, R>, input: z.input<S>): Promise<R> {
    const loop = this.client.workflow.getHandle(shadowLoopId(this.config.pool));
    try {
      return await loop.executeUpdate(update, { args: [input] });
    } catch (error) {
      const { code, message } = failureInfo(error);
      throw new VmshadowError(errorCodeOf(code), message, { cause: error });
    }
  }

  /** Wait until the loop's status is as wanted; throws with what is wrong, where to look. */
  async until(
    good: (status: LoopStatus) => boolean,
    what: string,
    withinMs = READY_WITHIN_MS,
    signal?: AbortSignal,
  ): Promise<LoopStatus> {
    const deadlineMs = Date.now() + withinMs;
    let last: unknown;
    for (;;) {
      try {
        const status = await this.status();
        if (good(status)) return status;
        last = new Error(
          JSON.stringify({ problems: status.problems, plan: status.plan, desktops: status.desktops }),
        );
      } catch (error) {
        last = error;
      }
      const ended = [...this.#processes].find(([, child]) => (child.end?.exitCode ?? 0) !== 0);
      if (ended !== undefined) throw await this.#endedBadly(...ended);
      if (Date.now() > deadlineMs)
        throw new VmshadowError(
          'INTERNAL',
          `waited ${String(withinMs / 1000)} s until ${what}; last seen: ${messageOf(last).slice(0, 4_000)}`,
          { cause: last },
        );
      await sleep(250, undefined, signal === undefined ? {} : { signal });
    }
  }

  logFile(name: string): string {
    return join(this.dir, 'logs', `${name.replaceAll(/[ /]/g, '-')}.log`);
  }

  /** Close what belongs to this process; the world's `destroy` ends the rest. */
  async stop(): Promise<void> {
    await this.client.connection.close();
    await Promise.all(this.#gates.map((gate) => gate.close()));
    await this.#server.stop();
  }

  async #endedBadly(name: string, child: StartedCommand): Promise<VmshadowError> {
    const log = await readFile(this.logFile(name), 'utf8').catch(() => '');
    return new VmshadowError(
      'INTERNAL',
      `${name} ended with code ${String(child.end?.exitCode)}; its log ends with:\n${log.trim().slice(-1_500)}`,
    );
  }

  #inside(): string {
    return `${this.world.plan.controlAddress}:${String(TEMPORAL_PORT)}`;
  }

  #start(name: string, namespace: string, args: readonly string[], env: Record<string, string> = {}): void {
    const bin = join(checkoutFolder(), 'bin', 'vmshadow.js');
    const start = () => {
      const child = this.world.spawn(namespace, [process.execPath, bin, ...args], {
        logFile: this.logFile(name),
        env: { VMSHADOW_LOG: 'json', NODE_OPTIONS: '', ...env },
      });
      this.#processes.set(name, child);
    };
    this.#starts.set(name, start);
    start();
  }
}

/** Start the embedded server in the control namespace. */
function startTemporal({ world, dir }: Pick<LabCloudOptions, 'world' | 'dir'>): Promise<EmbeddedServer> {
  return startEmbeddedServer({
    dbFile: join(dir, 'temporal.db'),
    logFile: join(dir, 'logs', 'temporal.log'),
    ip: world.plan.controlAddress,
    port: TEMPORAL_PORT,
    uiPort: UI_PORT,
    prefix: ['ip', 'netns', 'exec', world.plan.controlNamespace],
  });
}

/** Write a host's certificate, identity and dom0.yaml; gives its public key. */
async function configureHost(options: LabCloudOptions, name: string, keys: string): Promise<string> {
  const { world, dir } = options;
  const host = world.host(name);
  const folder = join(dir, 'hosts', name);
  const pki = join(folder, 'pki');
  await mkdir(folder, { recursive: true });
  await issueHost(keys, { site: host.site, host: host.host, addresses: [host.address] }, pki);
  const identityFile = join(folder, 'identity.json');
  const publicKey = await createIdentity(identityFile);
  const site = options.sites.find((s) => s.id === host.site);
  const config: Dom0Config = Dom0Config.parse({
    site: host.site,
    host: host.host,
    stateDir: join(folder, 'state'),
    runDir: join(options.runDir, `${host.site}-${host.host}`),
    imageDir: imagesFolder(),
    // Disks that a lab has prepared.
    images: [dir],
    uplink: host.device,
    externalPool: Array.from({ length: POOL_SIZE }, (_, i) => addressAt(host.externalPool, i + 1)),
    peer: { address: host.address, port: PEER_PORT },
    probe: { address: host.address, port: CONTROL_PORT },
    controlPort: CONTROL_PORT,
    capacity: site?.capacity,
    pkiDir: pki,
    identityFile,
    qemuUser: `${String(QEMU_USER.uid)}:${String(QEMU_USER.gid)}`,
    accel: 'tcg',
  });
  await writeFile(join(folder, 'dom0.yaml'), stringify(config));
  return publicKey;
}
