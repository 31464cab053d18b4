// The replies of QEMU that the driver reads, checked. Fields that it does not read are not named.
import { z } from 'zod';
import { hasCode } from '../../domain/errors.js';
import type { CommandOptions, QmpClient } from './qmp-client.js';

const RunState = z.object({ status: z.string(), running: z.boolean() });
const BlockJobs = z.array(
  z.object({
    device: z.string(),
    len: z.number(),
    offset: z.number(),
    ready: z.boolean(),
    'actively-synced': z.boolean().optional(),
    error: z.string().optional(),
  }),
);
const Jobs = z.array(z.object({ id: z.string(), status: z.string(), error: z.string().optional() }));
const DirtyRate = z.object({
  status: z.enum(['unstarted', 'measuring', 'measured']),
  'dirty-rate': z.number().min(0).optional(),
});
const BlockStats = z.array(
  z.object({ qdev: z.string().optional(), stats: z.object({ wr_bytes: z.number() }) }),
);
const Nodes = z.array(z.object({ 'node-name': z.string().optional() }));
const Migration = z.object({
  status: z.string().optional(),
  'error-desc': z.string().optional(),
  'total-time': z.number().optional(),
  downtime: z.number().optional(),
  ram: z
    .object({
      transferred: z.number(),
      remaining: z.number(),
      total: z.number(),
      mbps: z.number(),
      'dirty-pages-rate': z.number(),
      'dirty-sync-count': z.number(),
      'page-size': z.number(),
    })
    .optional(),
});
const Parameters = z.object({
  /** Names the move whose migration it is (memory-copy.ts). */
  'tls-creds': z.string(),
  /** The limit in force, bytes a second: the cap or a trickle. */
  'max-bandwidth': z.number(),
  /** The move's cap, bytes a second. */
  'avail-switchover-bandwidth': z.number(),
});
export type MigrationParameters = z.infer<typeof Parameters>;
export type MigrationInfo = z.infer<typeof Migration>;
export type BlockJob = z.infer<typeof BlockJobs>[number];
export type Job = z.infer<typeof Jobs>[number];

/** QEMU's run state: `running`, `paused`, `inmigrate`, `postmigrate`, `shutdown`... */
export async function queryStatus(
  qmp: QmpClient,
  options?: CommandOptions,
): Promise<z.infer<typeof RunState>> {
  return RunState.parse(await qmp.execute('query-status', undefined, options));
}

/** The migration of this process, outgoing or incoming. */
export async function queryMigrate(qmp: QmpClient): Promise<MigrationInfo> {
  return Migration.parse(await qmp.execute('query-migrate'));
}

/** The last measurement of how fast the guest rewrites its memory; null while there is none. */
export async function queryDirtyRate(
  qmp: QmpClient,
  options?: CommandOptions,
): Promise<{ status: z.infer<typeof DirtyRate>['status']; mebibytesPerSecond: number | null }> {
  const reply = DirtyRate.parse(await qmp.execute('query-dirty-rate', undefined, options));
  return { status: reply.status, mebibytesPerSecond: reply['dirty-rate'] ?? null };
}

/** Bytes that the guest has written to its devices since its process began; what jobs write is not in it. */
export async function queryWrittenBytes(qmp: QmpClient, options?: CommandOptions): Promise<number> {
  const devices = BlockStats.parse(await qmp.execute('query-blockstats', undefined, options));
  return devices.reduce((sum, d) => sum + (d.qdev === undefined ? 0 : d.stats.wr_bytes), 0);
}

/** The block job of this id while it works (a concluded one is only in `queryJob`). */
export async function queryBlockJob(qmp: QmpClient, id: string): Promise<BlockJob | undefined> {
  return BlockJobs.parse(await qmp.execute('query-block-jobs')).find((job) => job.device === id);
}

/** All jobs, also concluded ones. */
export async function queryJobs(qmp: QmpClient): Promise<Job[]> {
  return Jobs.parse(await qmp.execute('query-jobs'));
}

/** The job of this id, also when concluded. */
export async function queryJob(qmp: QmpClient, id: string): Promise<Job | undefined> {
  return (await queryJobs(qmp)).find((job) => job.id === id);
}

/** Tell whether the process has a block node of this name. */
export async function hasNode(qmp: QmpClient, name: string): Promise<boolean> {
  const nodes = Nodes.parse(await qmp.execute('query-named-block-nodes', { flat: true }));
  return nodes.some((node) => node['node-name'] === name);
}

/** The parameters of the migration that the driver reads back; they live as long as the process. */
export async function migrationParameters(qmp: QmpClient): Promise<MigrationParameters> {
  return Parameters.parse(await qmp.execute('query-migrate-parameters'));
}

/** Wait for a command that QEMU may refuse because what it is to end or forget has gone in the meantime: that is what was wanted. */
export async function unlessRefused(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!hasCode(error, 'QMP')) throw error;
  }
}
