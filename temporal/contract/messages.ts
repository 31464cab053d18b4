// What goes in and out of the workflows: inputs, updates, signals, queries. All inputs are checked with these schemas at the edge.
import { z } from 'zod';
import { readsOldNames } from '../../domain/model/old-names.js';
import type { OUTCOMES, PHASES } from '../../domain/migration/phases.js';
import { CAUSES } from '../../domain/migration/phases.js';
import type { MoveProgress } from '../../domain/migration/progress.js';
import { Endpoint } from '../../domain/model/address.js';
import type { Capacity } from '../../domain/model/capacity.js';
import { CloudConfig } from '../../domain/model/cloud.js';
import { Boot, DesktopDefinition, type DesktopState } from '../../domain/model/desktop.js';
import { DesktopId, HostId, HostRef, PoolId, SiteId } from '../../domain/model/ids.js';
import { MigrationPolicy, PlacementPolicy } from '../../domain/model/policy.js';

// --- migrateDesktop

export const MigrateInput = z.object({
  pool: PoolId,
  desktop: DesktopId,
  from: HostRef,
  to: HostRef,
  /** Peer addresses of both hosts (from the cloud's configuration). */
  peers: z.object({ from: Endpoint, to: Endpoint }),
  cause: z.enum(CAUSES),
  /** One sentence for people: why this move. */
  reason: z.string(),
  policy: MigrationPolicy,
  moveMbps: z.number().positive(),
  rttBeforeMs: z.number().nullable().default(null),
  rttAfterMs: z.number().nullable().default(null),
});
export type MigrateInput = z.infer<typeof MigrateInput>;

export interface PhaseTime {
  readonly phase: (typeof PHASES)[number];
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
}

/** Answer of the query `status` of a move, and what its result carries. */
export interface MoveStatus {
  readonly desktop: DesktopId;
  readonly moveId: string;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly cause: (typeof CAUSES)[number];
  readonly reason: string;
  readonly phase: (typeof PHASES)[number];
  readonly outcome: (typeof OUTCOMES)[number];
  readonly phases: readonly PhaseTime[];
  readonly progress: MoveProgress;
  /** Never falls. */
  readonly percent: number;
  readonly etaMs: number | null;
  /** Why it failed or was cancelled, and what to do next. */
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly rttBeforeMs: number | null;
  readonly rttAfterMs: number | null;
  /** As the hypervisor reports it. */
  readonly downtimeMs: number | null;
  /** From the guest's stop at the source to its run at the target, by the hosts' clocks. */
  readonly switchoverMs: number | null;
  /** What has crossed the WAN so far: IP packets in whole; 0 where the hosts cannot tell. */
  readonly wanBytes: { readonly disk: number; readonly memory: number };
  readonly heldPackets: number;
  /** Null until verified (or when the policy does not ask for it). */
  readonly diskHashes: { readonly source: string; readonly target: string; readonly equal: boolean } | null;
  readonly oldExternal: string | null;
  readonly newExternal: string | null;
}

export const SIGNAL = {
  cancelMove: 'cancelMove',
  forceSwitchover: 'forceSwitchover',
  moveEnded: 'moveEnded',
  runCycle: 'runCycle',
  progress: 'progress',
} as const;
export const QUERY = { status: 'status', policy: 'policy', fingerprints: 'fingerprints' } as const;
export const UPDATE = {
  requestMove: 'requestMove',
  setPolicy: 'setPolicy',
  setCloud: 'setCloud',
  makePlan: 'makePlan',
  createDesktop: 'createDesktop',
  desktopPower: 'desktopPower',
  enrollClients: 'enrollClients',
} as const;

// --- shadowLoop

export const RequestMove = z.object({
  desktop: DesktopId,
  site: SiteId,
  host: HostId.optional(),
  /** Move although the hysteresis time has not passed. */
  force: z.boolean().default(false),
});
export type RequestMove = z.input<typeof RequestMove>;

/** What a host checks and makes for a new desktop; the loop fills in the host and the internal address. */
export const CreateDesktop = readsOldNames(
  z.object({
    id: DesktopId,
    site: SiteId,
    host: HostId.optional(),
    /** Path on that host of a raw or qcow2 image to copy; null: an empty disk. */
    image: z.string().min(1).nullable().default(null),
    vcpus: DesktopDefinition.out.shape.vcpus,
    memoryMiB: DesktopDefinition.out.shape.memoryMiB,
    diskMiB: DesktopDefinition.out.shape.diskMiB,
    /** In `append`, `{address}` and `{gateway}` stand for the internal ones that the loop chooses. */
    boot: Boot.default({ kind: 'disk' }),
    remoteDesktopPort: DesktopDefinition.out.shape.remoteDesktopPort,
    /** Ed25519 public keys (base64) of the thin clients' proxies that may follow the desktop. */
    clients: z.array(z.string()).default([]),
    start: z.boolean().default(true),
  }),
);
export type CreateDesktop = z.input<typeof CreateDesktop>;

export const DesktopPower = z.object({ desktop: DesktopId, action: z.enum(['start', 'stop']) });
export type DesktopPower = z.infer<typeof DesktopPower>;

/** Ed25519 public keys (base64) of thin clients' proxies that may follow a desktop from now on, beside those enrolled before. */
export const EnrollClients = z.object({ desktop: DesktopId, clients: z.array(z.string().min(1)).min(1) });
export type EnrollClients = z.infer<typeof EnrollClients>;

export interface DesktopCreated {
  readonly desktop: DesktopId;
  readonly host: HostRef;
  readonly internal: string;
  readonly external: string;
  readonly remoteDesktopPort: number;
}

/** What a plan that is only asked for may differ in from the policy. */
export const PlanAsk = readsOldNames(
  z.object({
    algorithm: PlacementPolicy.out.shape.algorithm.unwrap().optional(),
    budgetGB: z.number().min(0).optional(),
    maxMoves: z.number().int().min(0).optional(),
  }),
);
export type PlanAsk = z.infer<typeof PlanAsk>;

export const RunCycle = z.object({
  act: z.boolean().default(true),
  cause: z.enum(CAUSES).default('operator'),
});
export type RunCycle = z.input<typeof RunCycle>;

/** `carried` is the loop's own state from the run before; an operator leaves it out. */
export const ShadowLoopInput = z.object({ cloud: CloudConfig, carried: z.unknown().optional() });
export type ShadowLoopInput = z.infer<typeof ShadowLoopInput>;

/** Desktops of one answer: far more than a screen shows, and far below Temporal's limit for a payload (docs/limits.md). */
export const DESKTOPS_A_PAGE = 500;

/** Which desktops an answer to `status` or `fingerprints` names: one, or a page of all. Nothing given: the first page. */
export const DesktopsAsk = z.object({
  desktop: DesktopId.optional(),
  from: z.number().int().min(0).default(0),
  limit: z.number().int().min(0).max(DESKTOPS_A_PAGE).default(DESKTOPS_A_PAGE),
});
export type DesktopsAsk = z.input<typeof DesktopsAsk>;

export interface DesktopStatus {
  readonly desktop: DesktopId;
  readonly host: HostRef;
  readonly state: DesktopState;
  readonly external: string | null;
  readonly internal: string;
  readonly remoteDesktopPort: number;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskMiB: number;
  readonly rank: number | null;
  readonly rankPaper: number | null;
  /** The user's RTT to the present site, ms, as measured by the client's proxy. */
  readonly rttMs: number | null;
  readonly rtts: Readonly<Record<string, number>>;
  readonly user: string | null;
  readonly lockedUntilMs: number | null;
  /** Plain reasons of the rank, strongest first. */
  readonly reasons: readonly string[];
  readonly predicted: readonly {
    readonly rttMs: number;
    readonly framesPerSecond: number | null;
    readonly responseMs: number | null;
  }[];
  readonly move: string | null;
}

export interface HostStatus {
  readonly host: HostRef;
  readonly alive: boolean;
  /** What was wrong when it did not answer. */
  readonly problem: string | null;
  readonly capacity: Capacity | null;
  readonly used: Capacity | null;
  readonly lastSeenMs: number | null;
}

/** Answer of the loop's query `status`. */
export interface LoopStatus {
  readonly pool: PoolId;
  readonly cycle: number;
  /** True for the seconds until this run of the loop has its first reports: nothing is known of hosts and desktops yet. */
  readonly beginning: boolean;
  readonly lastCycleMs: number | null;
  readonly nextCycleMs: number | null;
  readonly acting: boolean;
  readonly hosts: readonly HostStatus[];
  readonly sites: readonly {
    readonly site: SiteId;
    readonly kind: string;
    readonly slots: number;
    readonly usedSlots: number;
  }[];
  /** Of the whole pool; `desktops` has those that were asked for. */
  readonly desktopCount: number;
  readonly desktops: readonly DesktopStatus[];
  readonly moves: readonly {
    readonly workflowId: string;
    readonly desktop: DesktopId;
    readonly to: HostRef;
    readonly cause: string;
    readonly startedAtMs: number;
  }[];
  readonly recent: readonly {
    readonly desktop: DesktopId;
    readonly outcome: string;
    readonly from: HostRef;
    readonly to: HostRef;
    readonly endedAtMs: number;
    readonly cause: string;
    readonly error: string | null;
  }[];
  /** The last plan's own words: moves and, for each candidate left where it is, why. Null but in the first page. */
  readonly plan: PlanSummary | null;
  readonly problems: readonly string[];
}

export interface PlanSummary {
  readonly algorithm: string;
  readonly objective: number;
  readonly moves: readonly {
    readonly desktop: string;
    readonly from: string;
    readonly to: string;
    readonly wave: number;
    readonly rttBeforeMs: number;
    readonly rttAfterMs: number;
    readonly benefit: number;
    readonly cost: number;
    readonly reason: string;
  }[];
  readonly notMoved: readonly { readonly desktop: string; readonly reason: string }[];
}
