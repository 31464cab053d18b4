// The world that the cells are tried in: two sites, each host's state on a file system of its own, one small guest, its user. It is used for
// many cells as long as each leaves it as it must be.
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SiteId } from '../../domain/model/ids.js';
import { copiesOf, leftoversAt } from '../../lab/demo/leftovers.js';
import { ID, startSmallCloud, verifyAt, type SmallCloud } from '../../lab/cloud/small-cloud.js';
import type { GuestStatus } from '../../lab/stream/guest-control.js';
import { runCommand } from '../../os/run-command.js';
import { LOOP } from '../../temporal/contract/loop.js';
import { migrateId, reconcileId, WORKFLOW, CONTROL_QUEUE } from '../../temporal/contract/names.js';
import type { Reconcile } from '../../temporal/contract/reconcile.js';
import { recordAt } from './copy-watch.js';

const HOSTS = ['us-west/h1', 'us-east/h1'] as const;
export type HostName = (typeof HOSTS)[number];
/** Between the sites: near for most of a move; far while it is to be hit between two messages. */
export const NEAR_MS = 20;
export const FAR_MS = 300;
const USER_MS = 10;
const WAN_MBPS = 80;
/** A replica of 96 MiB, the old disk beside it, records and logs, and room to spare. */
const STATE_MIB = 480;
/** On a machine that does other things, too. */
const READY_WITHIN_MS = 400_000;
const ANSWERS_WITHIN_MS = 240_000;

export const otherThan = (host: string): HostName => HOSTS.find((h) => h !== host)!;
export const siteOf = (host: string): SiteId => SiteId.parse(host.split('/')[0]);

export class Ground {
  readonly small: SmallCloud;
  #reconciled = 0;
  /** What the guest last said of itself; what a cell ends with is what the next one begins with. */
  lastSeen: GuestStatus | null = null;

  private constructor(small: SmallCloud) {
    this.small = small;
  }

  static async make(): Promise<Ground> {
    const small = await startSmallCloud({
      prefix: 'vmsflt',
      wanMbps: WAN_MBPS,
      rttMs: { sites: NEAR_MS, west: USER_MS, east: USER_MS },
      policy: { cycleMs: 600_000, act: false, migration: { graceMs: 0 } },
      stateMiB: STATE_MIB,
      readyWithinMs: READY_WITHIN_MS,
    });
    return new Ground(small);
  }

  get cloud() {
    return this.small.cloud;
  }

  get world() {
    return this.small.world;
  }

  /** The workflow of the desktop's move. */
  move() {
    return this.cloud.client.workflow.getHandle(migrateId(ID));
  }

  owner(): HostName | null {
    return HOSTS.find((host) => recordAt(this.cloud, host, ID)?.state === 'owner') ?? null;
  }

  async copies(): Promise<string[]> {
    return (await copiesOf(this.cloud, ID)).map((c) => c.host);
  }

  /** What is left of the desktop where it does not belong, in words. */
  async leftovers(addresses: readonly (string | null)[]): Promise<string[]> {
    const elsewhere = HOSTS.filter((host) => host !== this.owner());
    const found = await Promise.all(
      elsewhere.flatMap((host) =>
        [null, ...addresses].map(async (address) =>
          (await leftoversAt(this.cloud, host, ID, address)).map((what) => `${what} at ${host}`),
        ),
      ),
    );
    return [...new Set(found.flat())];
  }

  /** What reconciliation would still find. */
  async findings(): Promise<string[]> {
    const { pool } = this.cloud.config;
    const { items } = await this.cloud.client.workflow.execute<Reconcile>(WORKFLOW.reconcile, {
      workflowId: `${reconcileId(pool)}/faults-${String(++this.#reconciled)}`,
      taskQueue: CONTROL_QUEUE,
      args: [{ pool, dryRun: true }],
    });
    return items.map((item) => item.words);
  }

  /** Have the schedule's run come now instead of in some minutes. */
  async reconcileNow(): Promise<void> {
    await this.cloud.client.schedule.getHandle(reconcileId(this.cloud.config.pool)).trigger();
  }

  /** What the guest says of itself, at the address that it has now; waits for one that boots. Null: it never answers. */
  async verify(withinMs = ANSWERS_WITHIN_MS): Promise<GuestStatus | null> {
    const endMs = Date.now() + withinMs;
    while (Date.now() < endMs) {
      const external = await this.external().catch(() => null);
      const status = external === null ? null : await verifyAt(this.world, external).catch(() => null);
      if (status !== null) return (this.lastSeen = status);
      await sleep(500);
    }
    return (this.lastSeen = null);
  }

  /** The address at which users reach the desktop. */
  async external(): Promise<string | null> {
    await this.cloud.update(LOOP.makePlan, {});
    const { desktops } = await this.cloud.status();
    return desktops.find((d) => d.desktop === ID && d.state === 'running')?.external ?? null;
  }

  /** PIDs in a host's namespace of a program whose command line begins with a name. */
  async pidsAt(host: string, program: string): Promise<number[]> {
    const { namespace } = this.world.host(host);
    const pids = (await this.world.exec(namespace, ['ip', 'netns', 'pids', namespace])).split('\n');
    const found = await Promise.all(
      pids
        .filter((pid) => pid !== '')
        .map(async (pid) => ({
          pid: Number(pid),
          line: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        })),
    );
    return found.filter(({ line }) => line.split('\0')[0]?.endsWith(program)).map(({ pid }) => pid);
  }

  /** Keep what the processes wrote, for whoever looks into a cell that failed: a folder in `folder`. */
  async keepLogs(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    const kept = await mkdtemp(join(folder, 'faults-'));
    for (const part of ['logs', 'stream-feed.jsonl', 'stream-answers.jsonl'])
      await runCommand(['cp', '-r', join(this.small.dir, part), kept]).catch(() => '');
  }

  async remove(): Promise<void> {
    await this.cloud.stop().catch(() => undefined);
    await this.small.unmount();
    await this.world.destroy();
  }
}
