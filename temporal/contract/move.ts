// The workflow `migrateDesktop`: its input, what it answers, the messages that it takes.
import { z } from 'zod';
import { BLAMES, type Blame } from '../../domain/migration/blame.js';
import {
  CAUSES,
  OUTCOMES,
  PHASES,
  type Cause,
  type Outcome,
  type Phase,
} from '../../domain/migration/phases.js';
import type { MoveProgress } from '../../domain/migration/progress.js';
import { SavedBytes } from '../../domain/migration/saved-bytes.js';
import { Endpoint } from '../../domain/model/address.js';
import { DesktopId, HostRef, PoolId, sameHost } from '../../domain/model/ids.js';
import { MigrationPolicy } from '../../domain/model/policy.js';
import { Nothing, query, signal, type Query } from './message.js';

const MoveOrder = z.object({
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
  /** Cancelled by itself where it has not committed by then; ms since 1970. */
  deadlineAtMs: z.number().optional(),
});

export const MigrateInput = MoveOrder.refine(({ from, to }) => !sameHost(from, to), {
  path: ['to'],
  error: 'expected another host than the one that the desktop leaves',
});
export type MigrateInput = z.infer<typeof MigrateInput>;

/** The workflow's type, for handles and starts that are typed. */
export type MigrateDesktop = (input: MigrateInput) => Promise<MoveStatus>;

export interface PhaseTime {
  readonly phase: Phase;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
}

/** How a move stands, and what its result carries. */
export interface MoveStatus {
  readonly desktop: DesktopId;
  readonly moveId: string;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly cause: Cause;
  readonly reason: string;
  readonly phase: Phase;
  readonly outcome: Outcome;
  readonly phases: readonly PhaseTime[];
  readonly progress: MoveProgress;
  /** Never falls. */
  readonly percent: number;
  readonly etaMs: number | null;
  /** Why it failed or was cancelled, and what to do next; of one that moved: what is wrong with it all the same. */
  readonly error: { readonly code: string; readonly message: string } | null;
  /** With whom the reason of a failure lies; null where it did not fail. */
  readonly blame: Blame | null;
  /** When it is cancelled by itself, where an operator has set a time. */
  readonly deadlineAtMs?: number;
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
  /** Until when the source keeps the old disk; missing before that is known. */
  readonly sourceKeptUntilMs?: number;
  readonly oldExternal: string | null;
  readonly newExternal: string | null;
}

/** What a move says to its loop when it has ended. */
export const MoveEnded = z.object({
  desktop: DesktopId,
  outcome: z.enum(OUTCOMES),
  from: HostRef,
  to: HostRef,
  cause: z.enum(CAUSES),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  /** Missing from a move of a release before. */
  blame: z.enum(BLAMES).nullish(),
  phase: z.enum(PHASES).optional(),
});
export type MoveEnded = z.infer<typeof MoveEnded>;

const amount = z.number().min(0);
const figures = {
  diskDoneBytes: amount,
  diskTotalBytes: amount,
  diskUsedBytes: amount,
  memoryDoneBytes: amount,
  memoryTotalBytes: amount,
  diskWireBytes: amount.nullable(),
  memoryWireBytes: amount.nullable(),
  saved: SavedBytes.optional(),
  bytesPerSecond: amount,
  dirtyBytesPerSecond: amount,
  round: z.number().int().min(0),
} satisfies Record<keyof MoveProgress, z.ZodType>;
const Progress = z.object(figures).partial();

/** Why it is to stop, for people. The UI may send anything, and an operator nothing. */
const CancelMove = z
  .object({ because: z.string().max(500).optional() })
  .optional()
  .catch(undefined);

const status: Query<typeof Nothing, MoveStatus> = query('status', Nothing);

export const MOVE = {
  status,
  /** From the activities of the move: what they have got done. */
  progress: signal('progress', Progress),
  /** Undo the move, whatever phase it is in, until the commit. */
  cancelMove: signal('cancelMove', CancelMove),
  /** Stop waiting for memory to converge. */
  forceSwitchover: signal('forceSwitchover', Nothing),
} as const;
/** Signals that say all by their name. */
export type MoveSignal = (typeof MOVE)['cancelMove' | 'forceSwitchover'];
