// A world of sites, homes and a WAN in network namespaces: made from plain data (plan.ts), alive until `destroy`, cleaned up by
// cleanup.ts after a crash. No namespace has a way out of the machine: the only devices are veth pairs between them.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmshadowError } from '../../domain/errors.js';
import type { RunOptions } from '../../os/run-command.js';
import { startCommand, type StartedCommand, type StartOptions } from '../../os/start-command.js';
import { buildWorld } from './build.js';
import { cleanupWorld, namespacesOf, type CleanupReport } from './cleanup.js';
import { execIn, inNamespace, ipBatch, tcBatch } from './commands.js';
import { askDelayDaemon } from './delay-daemon.js';
import {
  planWorld,
  type HostPlan,
  type LinkSpec,
  type UserPlan,
  type WorldPlan,
  type WorldSpec,
  type WorldSpecInput,
} from './plan.js';
import { identify, isAlive, readEntry, REGISTRY_FOLDER, writeEntry, type RegistryEntry } from './registry.js';
import { classCommands, counterName, linkOf, pairsOf, type Pair } from './wan.js';

/** Without a log file, the program's standard streams are pipes. */
export type SpawnOptions = Pick<StartOptions, 'logFile' | 'env' | 'cwd' | 'detached'>;

export interface Counters {
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxPackets: number;
  readonly txPackets: number;
}

export class World {
  readonly plan: WorldPlan;
  /** How packets are delayed on this machine. */
  readonly delayedBy: 'netem' | 'nfqueue';
  /** Private folder of this world under /run, removed with it: sockets and logs of the lab itself. */
  readonly folder: string;
  readonly #pairs: readonly Pair[];
  readonly #links: LinkSpec[];
  readonly #entry: RegistryEntry;

  private constructor(spec: WorldSpec, plan: WorldPlan, netem: boolean, entry: RegistryEntry) {
    this.plan = plan;
    this.delayedBy = netem ? 'netem' : 'nfqueue';
    this.folder = worldFolder(plan.prefix);
    this.#pairs = pairsOf(plan);
    this.#links = [...spec.links];
    this.#entry = entry;
  }

  /** Make the world; leftovers of a crashed run with the same prefix go first. Throws ALREADY_EXISTS when its owner is alive. Needs root. */
  static async create(input: WorldSpecInput): Promise<World> {
    const { spec, plan } = planWorld(input);
    const { prefix } = spec;
    if (process.getuid?.() !== 0)
      throw new VmshadowError(
        'PREREQUISITE',
        `The lab world ${prefix} needs network namespaces: run as root.`,
      );
    const old = readEntry(prefix);
    if (old !== null && isAlive(old.owner))
      throw new VmshadowError(
        'ALREADY_EXISTS',
        `A lab world ${prefix} belongs to process ${String(old.owner.pid)}, which still runs: end that one, or use another prefix.`,
      );
    if (old !== null || (await namespacesOf(prefix)).length > 0) await cleanupWorld(prefix);
    const folder = worldFolder(prefix);
    const entry: RegistryEntry = { prefix, owner: identify(process.pid), processes: [], paths: [folder] };
    writeEntry(entry);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    try {
      const { netem } = await buildWorld(spec, plan, folder);
      return new World(spec, plan, netem, entry);
    } catch (error) {
      await cleanupWorld(prefix);
      throw error;
    }
  }

  /** The plan of a host, named `us-west/h1`, or `us-west` for its first one. */
  host(name: string): HostPlan {
    const found = this.plan.hosts.find((host) => host.name === name || host.site === name);
    if (found === undefined) throw unknown(name, 'host', this.plan.hosts);
    return found;
  }

  /** The plan of a user's home. */
  user(id: string): UserPlan {
    const found = this.plan.users.find((user) => user.name === id);
    if (found === undefined) throw unknown(id, 'user', this.plan.users);
    return found;
  }

  /** Run a command in a namespace to its end; standard output. */
  async exec(namespace: string, argv: readonly string[], options?: RunOptions): Promise<string> {
    return await execIn(namespace, argv, options);
  }

  /** Start a program in a namespace. It is ended with the world, also when its own children left its process group. */
  spawn(namespace: string, argv: readonly string[], options: SpawnOptions = {}): StartedCommand {
    if (options.logFile !== undefined) mkdirSync(dirname(options.logFile), { recursive: true });
    return startCommand(inNamespace(namespace, argv), {
      ...options,
      stdin: options.logFile === undefined ? 'pipe' : 'ignore',
    });
  }

  /** Change delay or rate of one direction while packets flow; those under way keep their delay, and order is kept. */
  async setLink(
    from: string,
    to: string,
    change: Partial<Pick<LinkSpec, 'delayMs' | 'rateMbps'>>,
  ): Promise<void> {
    const pair = this.#pair(from, to);
    const link = { ...linkOf({ links: this.#links }, from, to), ...change };
    const netem = this.delayedBy === 'netem';
    const lines = pair.toDevices.flatMap((device) =>
      classCommands(device, pair, link, { netem, change: true }),
    );
    await tcBatch(lines, this.plan.coreNamespace);
    if (!netem)
      await askDelayDaemon(
        this.folder,
        `set ${String(pair.number)} ${String(Math.round(link.delayMs * 1000))}`,
      );
    this.#links.push(link);
  }

  /** Change the delay of both directions, milliseconds each way. */
  async setDelay(a: string, b: string, oneWayMs: number): Promise<void> {
    await this.setLink(a, b, { delayMs: oneWayMs });
    await this.setLink(b, a, { delayMs: oneWayMs });
  }

  /** The link of one direction as it now is. */
  link(from: string, to: string): LinkSpec {
    this.#pair(from, to);
    return linkOf({ links: this.#links }, from, to);
  }

  /** Drop everything between two legs (a site, one host of it, a user), both ways or only from `a` to `b`. Packets under way arrive. */
  async cut(a: string, b: string, direction: 'both' | 'forward' = 'both'): Promise<void> {
    await this.#changeCut('add', a, b, direction);
  }

  /** Undo `cut`; restoring what is not cut changes nothing. */
  async restore(a: string, b: string, direction: 'both' | 'forward' = 'both'): Promise<void> {
    // An element that is not there cannot be deleted: it is added first (which is never an error).
    await this.#changeCut('add', a, b, direction);
    await this.#changeCut('delete', a, b, direction);
  }

  /** Take a host off the management bridge (no Temporal), or put it back. */
  async setManagement(host: string, up: boolean): Promise<void> {
    await ipBatch([`link set mgmt0 ${up ? 'up' : 'down'}`], this.host(host).namespace);
  }

  /** Byte and packet counters of a leg's uplink, as its own namespace sees them: tx is what it sent into the WAN. */
  async counters(leg: string): Promise<Counters> {
    const { namespace, device } = this.#leg(leg);
    const out = await execIn(namespace, ['ip', '-j', '-s', 'link', 'show', 'dev', device]);
    const [link] = JSON.parse(out) as {
      stats64: { rx: { bytes: number; packets: number }; tx: { bytes: number; packets: number } };
    }[];
    if (link === undefined) throw new VmshadowError('INTERNAL', `No counters of ${device} in ${namespace}.`);
    const { rx, tx } = link.stats64;
    return { rxBytes: rx.bytes, rxPackets: rx.packets, txBytes: tx.bytes, txPackets: tx.packets };
  }

  /** Bytes (IP level) that the WAN was given in one direction between two ends, since the world was made. */
  async carriedBytes(from: string, to: string): Promise<number> {
    const name = counterName(this.#pair(from, to));
    const out = await execIn(this.plan.coreNamespace, ['nft', '-j', 'list', 'counter', 'inet', 'wan', name]);
    const { nftables } = JSON.parse(out) as { nftables: { counter?: { bytes: number } }[] };
    return nftables.find((item) => item.counter !== undefined)?.counter?.bytes ?? 0;
  }

  /** Have this file or folder removed with the world, also after a crash. */
  alsoRemove(path: string): void {
    this.#entry.paths.push(path);
    writeEntry(this.#entry);
  }

  /** Have this process, which is outside the namespaces, ended with the world, also after a crash. */
  alsoEnd(pid: number): void {
    this.#entry.processes.push(identify(pid));
    writeEntry(this.#entry);
  }

  /** End every process in the world and remove it. Doing it twice is harmless: what was made since the first time goes, too. */
  async destroy(): Promise<CleanupReport> {
    writeEntry(this.#entry);
    return await cleanupWorld(this.plan.prefix);
  }

  #leg(name: string): HostPlan | UserPlan {
    return this.plan.users.find((user) => user.name === name) ?? this.host(name);
  }

  #pair(from: string, to: string): Pair {
    const pair = this.#pairs.find((p) => p.from === from && p.to === to);
    if (pair === undefined)
      throw new VmshadowError(
        'INPUT_INVALID',
        `The lab world has no link from ${from} to ${to}: expected two different sites or users.`,
      );
    return pair;
  }

  async #changeCut(
    verb: 'add' | 'delete',
    a: string,
    b: string,
    direction: 'both' | 'forward',
  ): Promise<void> {
    const devices = (name: string) => {
      const legs = [...this.plan.hosts, ...this.plan.users].filter(
        (leg) => leg.name === name || leg.end === name,
      );
      if (legs.length === 0) throw unknown(name, 'site, host or user', this.plan.hosts);
      return legs.map((leg) => leg.coreDevice);
    };
    const pairs = devices(a).flatMap((x) =>
      devices(b).flatMap((y) => [`"${x}" . "${y}"`, ...(direction === 'both' ? [`"${y}" . "${x}"`] : [])]),
    );
    await execIn(this.plan.coreNamespace, ['nft', '-f', '-'], {
      input: `${verb} element inet wan cut { ${pairs.join(', ')} }\n`,
    });
  }
}

const worldFolder = (prefix: string) => join(REGISTRY_FOLDER, prefix);

function unknown(name: string, what: string, known: readonly { readonly name: string }[]): VmshadowError {
  return new VmshadowError(
    'INPUT_INVALID',
    `The lab world has no ${what} ${name}: it has ${known.map((item) => item.name).join(', ')}.`,
  );
}
