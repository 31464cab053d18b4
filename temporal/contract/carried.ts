// What one run of the shadow loop hands to the next (continue-as-new). It may have been written by another release: a version says its
// shape, and it is parsed on arrival. A shape that is known from before is brought to the present one; any other is not guessed at.
import { z } from 'zod';
import { DrainPlace } from '../../domain/drain/place.js';
import { MaintenanceWindow } from '../../domain/maintenance/window.js';
import { BLAMES } from '../../domain/migration/blame.js';
import type { Hold } from '../../domain/migration/held-moves.js';
import { CAUSES } from '../../domain/migration/phases.js';
import { VERDICTS, type MoveGain, type Unhelped } from '../../domain/migration/realised-gain.js';
import { DesktopConstraints } from '../../domain/model/constraints.js';
import { DesktopId, HostRef } from '../../domain/model/ids.js';
import { withNewNames } from '../../domain/model/old-names.js';
import { parseInput } from '../../domain/model/parse.js';
import { Policy } from '../../domain/model/policy.js';
import { HostState } from './host-report.js';

/** Raised with each change that the schema of the version before would not read, or would lose a field of. */
export const CARRIED_VERSION = 6;

const timeMs = z.number();

const Felt = z.object({ rttMs: z.number(), responseMs: z.number().nullable() });
export const MoveUnderWay = z.object({
  workflowId: z.string(),
  desktop: DesktopId,
  from: HostRef,
  to: HostRef,
  cause: z.string(),
  startedAtMs: timeMs,
  parking: z.boolean(),
  vcpus: z.number(),
  memoryMiB: z.number(),
  diskMiB: z.number(),
  /** What its user feels before, and is to feel after it; missing where nobody knows. */
  felt: z.object({ before: Felt, predicted: Felt }).optional(),
  /** The loop has told it to stop. */
  cancelAsked: z.boolean().optional(),
});
export type MoveUnderWay = z.infer<typeof MoveUnderWay>;

const EndedMove = z.object({
  desktop: DesktopId,
  outcome: z.string(),
  from: HostRef,
  to: HostRef,
  endedAtMs: timeMs,
  cause: z.string(),
  error: z.string().nullable(),
});

const HeldMoves = z.object({
  blame: z.enum(BLAMES),
  desktop: DesktopId,
  from: HostRef,
  to: HostRef,
  code: z.string(),
  reason: z.string(),
  failures: z.number().int().min(1),
  failedAtMs: timeMs,
  untilMs: timeMs,
  situation: z.string().nullable(),
}) satisfies z.ZodType<Hold>;

const Gain = z.object({
  desktop: DesktopId,
  from: HostRef,
  to: HostRef,
  endedAtMs: timeMs,
  before: Felt,
  predicted: Felt,
  realised: Felt.nullable(),
  verdict: z.enum(VERDICTS),
}) satisfies z.ZodType<MoveGain>;

const UnhelpedDesktop = z.object({
  misses: z.number().int(),
  user: z.string(),
  host: HostRef,
  words: z.string(),
}) satisfies z.ZodType<Unhelped>;

/** A desktop that is being made: its address and room are taken before any host reports them. */
const Creating = z.object({
  workflowId: z.string(),
  desktop: DesktopId,
  host: HostRef,
  startedAtMs: timeMs,
  address: z.string(),
  vcpus: z.number(),
  memoryMiB: z.number(),
  diskMiB: z.number(),
});
export type Creating = z.infer<typeof Creating>;

export const UserRtts = z.object({
  /** When each site's RTT was measured, ms. */
  measuredAtMs: z.record(z.string(), timeMs),
  rtts: z.record(z.string(), z.number()),
  /** The thin client's proxy measured and says so each cycle, or the sites' hosts pinged the user's address (perhaps in vain). */
  by: z.enum(['client', 'hosts']),
  /** When the report came or the pings went out, ms. */
  askedAtMs: timeMs,
  /** Since when the thin client has said its round trips without a pause, ms. */
  sinceMs: timeMs.optional(),
  seenAs: z.string(),
});
export type UserRtts = z.infer<typeof UserRtts>;

/** What a host that does not answer said last, without what its desktops did (that is no longer so), and why it does not. */
const LastWords = z.object({ report: HostState, problem: z.string() });

/** A place that an operator has asked to be emptied, or that is for a window. */
const Drained = DrainPlace.extend({
  sinceMs: timeMs,
  /** A maintenance window empties it, and ends that. */
  forWindow: z.boolean().optional(),
});
export type Drained = z.infer<typeof Drained>;

export const Carried = z.object({
  version: z.literal(CARRIED_VERSION),
  cycle: z.number().int().min(0),
  policy: Policy,
  lockedUntilMs: z.record(z.string(), timeMs),
  lowSinceMs: z.record(z.string(), timeMs),
  moves: z.record(z.string(), MoveUnderWay),
  recent: z.array(EndedMove),
  creating: z.record(z.string(), Creating).default({}),
  /** What moves gave, the newest first. */
  gains: z.array(Gain).default([]),
  /** Desktops whose moves did not help. */
  unhelped: z.record(z.string(), UnhelpedDesktop).default({}),
  /** Moves that are not tried for now, and why. */
  holds: z.record(z.string(), HeldMoves),
  /** Sites and hosts that operators have asked to be emptied. */
  draining: z.array(Drained).default([]),
  /** When sites and hosts are worked on. */
  windows: z.array(MaintenanceWindow).default([]),
  /** Until when a desktop whose move out of such a place was cancelled is left alone. */
  spared: z.record(z.string(), timeMs).default({}),
  /** Since when the loop starts no moves of its own. */
  pausedSinceMs: timeMs.nullable().default(null),
  /** What operators have said of where desktops may be. */
  constraints: z.record(z.string(), DesktopConstraints).default({}),
  /** Of those only whom the hosts pinged: it would take many cycles to ask them all again. */
  users: z.record(z.string(), UserRtts),
  /** A cycle that was asked for and has not begun yet. */
  asked: z.object({ act: z.boolean(), cause: z.enum(CAUSES) }).nullable(),
  /** They came from a dom0 of any release: what cannot be read of them is let go. */
  lastWords: z.array(LastWords.nullable().catch(null)).transform((all) => all.filter((w) => w !== null)),
  /** Why the loop began afresh, and when. */
  beganAfresh: z.object({ atMs: timeMs, why: z.string() }).nullable(),
});
export type Carried = z.infer<typeof Carried>;

/** Read what the run before has handed over; throws INPUT_INVALID with every problem where its shape is not known. */
export function readCarried(raw: unknown): Carried {
  return parseInput(Carried, migrated(raw), 'state of the run before');
}

/**
 * Version 1 had no number, older names of sizes, and in its beginning neither asked cycles nor last words; version 2 held no moves back;
 * version 3 knew no draining, no pause; version 4 no constraints; version 5 no maintenance windows.
 */
function migrated(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null) return raw;
  if ('version' in raw && (raw.version === 3 || raw.version === 4 || raw.version === 5))
    return { ...raw, version: CARRIED_VERSION };
  if ('version' in raw && raw.version !== 2) return raw;
  const before =
    'version' in raw ? raw : { asked: null, lastWords: [], ...withNewNames(raw), beganAfresh: null };
  return { ...before, version: CARRIED_VERSION, holds: {} };
}
