// The replies of QEMU that the driver reads, checked. Fields that it does not read are not named.
import { z } from 'zod';
import { hasCode } from '../../../domain/errors.js';
import type { CommandOptions, QmpClient } from './qmp-client.js';

const RunStates = z.object({ status: z.string(), running: z.boolean() });
const BlockJobs = z.array(
  z.object({
    device: z.string(),
    len: z.number(),
    offset: z.number(),
    ready: z.boolean(),
    'actively-synced': z.boolean().optional(),
    /** Bytes a second; 0: no limit. */
    speed: z.number().default(0),
    error: z.string().optional(),
  }),
);
const Jobs = z.array(z.object({ id: z.string(), status: z.string(), error: z.string().optional() }));
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
  'tls-authz': z.string().default(''),
  /** The limit in force, bytes a second: the cap or a trickle. */
  'max-bandwidth': z.number(),
  /** The move's cap, bytes a second. */
  'avail-switchover-bandwidth': z.number(),
});
const DirtyRate = z.object({
  /** `unstarted` also while the thread of a new sample starts. */
  status: z.enum(['unstarted', 'measuring', 'measured']),
  /** Whole MiB a second, rounded down; only when measured. */
  'dirty-rate': z.number().min(0).optional(),
});
const BlockStats = z.array(
  z.object({ qdev: z.string().optional(), stats: z.object({ wr_bytes: z.number() }) }),
);
export type MigrationParameters = z.infer<typeof Parameters>;
export type MigrationInfo = z.infer<typeof Migration>;
export type BlockJob = z.infer<typeof BlockJobs>[number];
export type Job = z.infer<typeof Jobs>[number];

export type RunState = z.infer<typeof RunStates>;

/** QEMU's run state: `running`, `paused`, `inmigrate`, `postmigrate`, `shutdown`... */
export async function queryStatus(qmp: QmpClient, options?: CommandOptions): Promise<RunState> {
  return RunStates.parse(await qmp.execute('query-status', undefined, options));
}

/** The migration of this process, outgoing or incoming. */
export async function queryMigrate(qmp: QmpClient): Promise<MigrationInfo> {
  return Migration.parse(await qmp.execute('query-migrate'));
}

/** The block jobs that work (a concluded one is only in `queryJobs`). */
export async function queryBlockJobs(qmp: QmpClient): Promise<BlockJob[]> {
  return BlockJobs.parse(await qmp.execute('query-block-jobs'));
}

/** All jobs, also concluded ones. */
export async function queryJobs(qmp: QmpClient, options?: CommandOptions): Promise<Job[]> {
  return Jobs.parse(await qmp.execute('query-jobs', undefined, options));
}

/** The job of this id, also when concluded. */
export async function queryJob(qmp: QmpClient, id: string): Promise<Job | undefined> {
  return (await queryJobs(qmp)).find((job) => job.id === id);
}

/** The names of the block nodes that the process has. */
export async function nodeNames(qmp: QmpClient): Promise<string[]> {
  const nodes = Nodes.parse(await qmp.execute('query-named-block-nodes', { flat: true }));
  return nodes.map((node) => node['node-name']).filter((name) => name !== undefined);
}

/** The parameters of the migration that the driver reads back; they live as long as the process. */
export async function migrationParameters(
  qmp: QmpClient,
  options?: CommandOptions,
): Promise<MigrationParameters> {
  return Parameters.parse(await qmp.execute('query-migrate-parameters', undefined, options));
}

export interface DirtyRateReply {
  readonly status: 'unstarted' | 'measuring' | 'measured';
  /** Result of the last sample, if it has one. */
  readonly mibPerSecond: number | null;
}

/** What the last calc-dirty-rate found. */
export async function queryDirtyRate(qmp: QmpClient, options?: CommandOptions): Promise<DirtyRateReply> {
  return parseDirtyRate(await qmp.execute('query-dirty-rate', undefined, options));
}

/** Read the reply to query-dirty-rate. */
export function parseDirtyRate(reply: unknown): DirtyRateReply {
  const { status, 'dirty-rate': rate } = DirtyRate.parse(reply);
  return { status, mibPerSecond: (status === 'measured' ? rate : undefined) ?? null };
}

/** Bytes that the guest has written through these devices since its QEMU started; null when it has none of them. */
export async function queryWrittenBytes(
  qmp: QmpClient,
  devices: readonly string[],
  options?: CommandOptions,
): Promise<number | null> {
  return parseWrittenBytes(await qmp.execute('query-blockstats', undefined, options), devices);
}

/** Read the reply to query-blockstats. A device is told by its path in the machine: its node is a filter's while a job has one. */
export function parseWrittenBytes(reply: unknown, devices: readonly string[]): number | null {
  const found = BlockStats.parse(reply).filter(({ qdev }) =>
    qdev?.split('/').some((part) => devices.includes(part)),
  );
  return found.length === 0 ? null : found.reduce((sum, { stats }) => sum + stats.wr_bytes, 0);
}

/** Wait for a command that QEMU may refuse because what it is to end or forget has gone in the meantime: that is what was wanted. */
export async function unlessRefused(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!hasCode(error, 'QMP')) throw error;
  }
}
