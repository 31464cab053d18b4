// What a plan is made from (the file format of `vmshadow plan --input`) and what it answers (`--json`).
// Shape only: what has to hold between the parts (ids, capacities) is checked in check-input.ts.
import { z } from 'zod';
import { readsOldNames } from '../../model/old-names.js';
import { REFERENCE_RTTS_MS } from '../../fingerprint/model.js';
import { SiteKind } from '../../model/cloud.js';
import { PlacementPolicy } from '../../model/policy.js';

/** Any name without control characters: a planning file may use the names of another system. JSON objects cannot be asked for `__proto__`. */
export const Name = z
  .string()
  .min(1)
  .max(128)
  .regex(/^(?!__proto__$)[^\p{Cc}]*$/u, 'expected a name without control characters, and not __proto__');
// Limits far beyond any cloud, so that no sum or product of figures that are let in overflows or drowns the others.
const gigabytes = z.number().min(0).max(1e9);
const vcpus = z.number().min(0).max(1e9);
/** Milliseconds since 1970; the largest exact integer, which means for ever, is within. */
const timeMs = z.number().min(-1e16).max(1e16);
const RttMs = z
  .number()
  .min(0, 'expected a round-trip time of 0 ms or more')
  .max(1e6, 'expected a round-trip time of at most 1,000,000 ms');

const Names = z.array(Name).max(10_000);
const factor = z.number().min(1, 'expected a factor of 1 or more').max(1_000);
/** How often a resource may be given out; 1 where silent. */
const Overcommit = z.strictObject({
  vcpu: factor.optional(),
  memory: factor.optional(),
  disk: factor.optional(),
});

const GROUPS = 'expected the name of a group, { "group": NAME, "per": "host" or "site" }, or a list of these';
const Group = z.union(
  [Name, z.strictObject({ group: Name, per: z.enum(['host', 'site']).default('host') })],
  GROUPS,
);
/** Groups by name (then: per host), or with what they are kept apart or together by. */
const Groups = z.union([Group, z.array(Group).max(100)], GROUPS);
export type PlanGroups = z.infer<typeof Groups>;

/** A host's room; what is not given does not limit. */
export const PlanHost = readsOldNames(
  z.object({
    id: Name,
    vcpu: vcpus.optional(),
    memoryGB: gigabytes.optional(),
    diskGB: gigabytes.optional(),
    /** Desktops at most on this host, beside the site's own limit. */
    slots: z.number().int().min(0).max(1e7).optional(),
    /** It is to be emptied: nobody comes, whoever may leave leaves. */
    draining: z.boolean().optional(),
    /** Classes that desktops may require: a licence, a kind of GPU. */
    provides: Names.optional(),
    /** Instead of the policy's factors. */
    overcommit: Overcommit.optional(),
  }),
);
export type PlanHost = z.infer<typeof PlanHost>;

export const PlanSite = z.object({
  id: Name,
  kind: SiteKind,
  /** Desktops at most at this site. */
  slots: z.number().int().min(0).max(1e7),
  hosts: z.array(PlanHost).optional(),
  /** It is to be emptied: nobody comes, whoever may leave leaves. */
  draining: z.boolean().optional(),
  /** Classes that each of its hosts provides. */
  provides: Names.optional(),
});
export type PlanSite = z.infer<typeof PlanSite>;

export const PlanDesktop = readsOldNames(
  z.object({
    id: Name,
    /** Location-sensitivity, 0 to 1. */
    rank: z.number().min(0).max(1),
    site: Name,
    /** Host of the site it runs on; inferred from the sizes where the site has hosts and this is silent. */
    host: Name.optional(),
    memoryGB: gigabytes,
    diskGB: gigabytes,
    vcpu: vcpus.default(1),
    /** Measured round-trip times from the user to sites, milliseconds; a site that is missing here is not available. */
    rttMs: z.record(Name, RttMs),
    /**
     * The round trip that its session feels, milliseconds, at real ones of 1, 5, 10, 20, 40, 60, 80, 100, 150, 200 and 300 ms: from the
     * prediction of its traffic. Gains and benefits are of felt round trips; silent: felt as it is.
     */
    feltRttMs: z
      .array(RttMs)
      .length(REFERENCE_RTTS_MS.length)
      .refine(
        (felt) => felt.every((ms, k) => ms >= (felt[k - 1] ?? 0)),
        'expected felt round trips that do not fall with distance',
      )
      .optional(),
    /** Rates at which the guest rewrites its memory and its disk, megabits a second (equation 2's r, split). */
    memoryDirtyMbps: z.number().min(0).default(0),
    diskDirtyMbps: z.number().min(0).default(0),
    /** Not to be moved before this time (milliseconds since 1970): hysteresis T, or an operator's wish. */
    lockedUntilMs: timeMs.optional(),
    /** Since when its rank has been below T_l (milliseconds since 1970): hysteresis T'. Silent: for long enough. */
    lowSinceMs: timeMs.optional(),
    /** True or false: may or may not be evicted whatever its rank says. Silent: the rank decides. */
    reclaimable: z.boolean().optional(),
    /** Never moved, not even from a site that is drained. */
    pinned: z.boolean().optional(),
    /** The only sites it may be at (data residency); silent: all but the forbidden ones. */
    allowedSites: Names.optional(),
    forbiddenSites: Names.optional(),
    /** Groups of which no two share a host (or a site). */
    antiAffinity: Groups.optional(),
    /** Groups that stay on one host (or at one site). */
    affinity: Groups.optional(),
    /** Classes that its host must provide. */
    requires: Names.optional(),
    /** Hosts that cannot take it, e.g. by CPU model or hypervisor version. */
    unfitHosts: z
      .array(z.strictObject({ site: Name, host: Name, reason: z.string().max(500).optional() }))
      .max(10_000)
      .optional(),
  }),
);
export type PlanDesktop = z.infer<typeof PlanDesktop>;

/** Room held at `site` for a move under way; a desktop of the list is then not planned again. */
export const PlanReservation = readsOldNames(
  z.object({
    desktop: Name,
    site: Name,
    host: Name.optional(),
    vcpu: vcpus.default(1),
    memoryGB: gigabytes.default(0),
    diskGB: gigabytes.default(0),
  }),
);
export type PlanReservation = z.infer<typeof PlanReservation>;

const HostName = z.strictObject({ site: Name, host: Name });
/** A host that nobody, or nobody of one other host, is sent to for now. */
const UnfitRoute = z.strictObject({
  from: HostName.optional(),
  to: HostName,
  reason: z.string().max(500).optional(),
});

/** The cloud's policy, but plain gain decides where a file is silent: no price on bytes, no least gain. */
export const PlanPolicy = readsOldNames(
  PlacementPolicy.out.extend({
    msPerGB: PlacementPolicy.out.shape.msPerGB.unwrap().default(0),
    minGainMs: PlacementPolicy.out.shape.minGainMs.unwrap().default(0),
    /** Bandwidth of one move, megabits a second: what dirty rates are relative to (equation 2). */
    linkMbps: z.number().positive().default(60),
    /** At most so many gigabytes over the WAN in this plan. */
    budgetGB: z.number().min(0).max(1e12).optional(),
    /** At most so many moves in this plan. */
    maxMoves: z.number().int().min(0).optional(),
    /** How often hosts' resources may be given out. */
    overcommit: Overcommit.optional(),
  }),
);
export type PlanPolicy = z.infer<typeof PlanPolicy>;

export const PlanInput = z.object({
  sites: z.array(PlanSite),
  desktops: z.array(PlanDesktop),
  policy: PlanPolicy.prefault({}),
  reservations: z.array(PlanReservation).default([]),
  /** Moves that would not work, whoever it is. */
  unfitRoutes: z.array(UnfitRoute).max(10_000).default([]),
  /** The time that `lockedUntilMs` and `lowSinceMs` are compared with (milliseconds since 1970); silent: the caller's clock. */
  nowMs: timeMs.optional(),
});
export type PlanInput = z.infer<typeof PlanInput>;
/** What a caller may leave out is left out here. */
export type PlanRequest = z.input<typeof PlanInput>;

export const Algorithm = PlanPolicy.out.shape.algorithm.unwrap();
export type Algorithm = z.infer<typeof Algorithm>;

export const PlanMove = z.object({
  desktop: z.string(),
  from: z.string(),
  to: z.string(),
  fromHost: z.string().optional(),
  toHost: z.string().optional(),
  /** 1 for the first; the moves of a wave may run together, the next wave starts when all are done. */
  wave: z.number().int(),
  /** True for a stop on the way, made to turn an exchange between full sites. */
  parking: z.boolean().optional(),
  rttBeforeMs: z.number(),
  rttAfterMs: z.number(),
  /** Equation 1, of the round trips that its session feels. */
  benefit: z.number(),
  /** rank x (felt RTT before - felt RTT after), ms: what the move adds to the objective. */
  gainMs: z.number(),
  /** Equation 2, gigabytes over the WAN. */
  cost: z.number(),
  /** What one slot more at `to` would be worth, ms. */
  slotPrice: z.number(),
  reason: z.string(),
});
export type PlanMove = z.infer<typeof PlanMove>;

const Worst = z.object({ desktop: z.string(), rttMs: z.number() });

export const PlanFigures = z.object({
  /** Users whose round trip to their desktop is known. */
  users: z.number().int(),
  /** How many of them have more than this, ms, before the plan and after it. */
  above: z.array(z.object({ rttMs: z.number(), before: z.number().int(), after: z.number().int() })),
  /** The farthest user; missing where there is none. */
  worst: z.object({ before: Worst, after: Worst }).optional(),
  /** Hours: one move after another at `linkMbps`. */
  links: z.array(
    z.object({
      from: z.string(),
      to: z.string(),
      moves: z.number().int(),
      gigabytes: z.number(),
      hours: z.number(),
    }),
  ),
  /** What plans of slots would gain more, ms, without a kind of constraint. */
  constraints: z.array(z.object({ constraint: z.string(), costsMs: z.number() })),
});
export type PlanFigures = z.infer<typeof PlanFigures>;

export const PlanResult = z.object({
  algorithm: Algorithm,
  /** Sum over desktops of rank x (RTT now - RTT then), ms; felt RTTs where a desktop has them. */
  objective: z.number(),
  /**
   * Upper bound on the objective of plans that keep to the policy: within its budget; where moves have a price (msPerGB, minGainMs), of
   * those that move no more gigabytes (moves) than this one.
   */
  bound: z.number(),
  /** (bound - objective) / bound; 0 is optimal. */
  gap: z.number(),
  /** Expected on the WAN, parking moves included; a gigabyte is 10^9 bytes. */
  bytesMoved: z.number(),
  /** Time of the algorithm itself, without bound, waves and texts. */
  solveMs: z.number(),
  moves: z.array(PlanMove),
  notMoved: z.array(z.object({ desktop: z.string(), reason: z.string() })),
  slotPrices: z.record(z.string(), z.number()),
  /** Missing in an answer of a manager of a release before. */
  figures: PlanFigures.optional(),
  /** What the reader should know of the input or the plan. */
  warnings: z.array(z.string()),
});
export type PlanResult = z.infer<typeof PlanResult>;
