// What the operator may tune. Every figure has the paper's value or a measured one as its default.
import { z } from 'zod';
import { readsOldNames } from './old-names.js';
import { Port, ServerEntry, isServerName } from './address.js';

/** Every dom0 asks its resolver for each of them every few minutes. */
const MAX_SERVER_NAMES = 64;

const fraction = z.number().min(0).max(1);
/** Far beyond any use, so that no product of it overflows. */
const weight = z.number().min(0).max(1e6);

export const FingerprintPolicy = z.object({
  /** `paper`: the three metrics of MMSys'14 section 4. `predicted-gain`: what the session would lose at the reference distance. */
  mode: z.enum(['paper', 'predicted-gain']).default('predicted-gain'),
  /** Ports flagged as location-sensitive (section 4); remote desktop, streaming, games, conferencing. */
  sensitivePorts: z.array(Port).default([1935, 554, 3074, 3478, 3479, 3480, 3724, 5004, 5005, 8554, 27015]),
  /** Servers whose traffic counts as location-sensitive whatever its port (section 4 names server addresses): ranges, or names that
   * each host resolves for itself. */
  sensitiveServers: z
    .array(ServerEntry)
    .refine(
      (list) => list.filter(isServerName).length <= MAX_SERVER_NAMES,
      `expected at most ${MAX_SERVER_NAMES} host names; use ranges for the others`,
    )
    .default([]),
  /** Ports of the remote desktop protocol: VNC (any of 5900 to 5999 counts), RDP, SPICE, PCoIP, Citrix, NoMachine. */
  remoteDesktopPorts: z.array(Port).default([5900, 5901, 5902, 5903, 3389, 4172, 1494, 2598, 4000]),
  /** Ports of relays that desktops connect out to: TeamViewer, AnyDesk, RustDesk. Their peer is the relay, not the user. */
  relayPorts: z.array(Port).default([5938, 7070, 21_117]),
  weights: z
    .object({ ports: fraction, traffic: fraction, bandwidth: fraction })
    // The paper names no weights. A video from the local disk must rank high by its bandwidth alone (Table 3).
    .default({ ports: 0.15, traffic: 0.15, bandwidth: 0.7 }),
  /** Remote-desktop bandwidth that counts as 1.0, kilobytes a second (Table 3: video about 55 to 75). */
  fullBandwidthKBps: z.number().positive().default(60),
  /** Weight of the new value in the exponential moving average. */
  alpha: fraction.default(0.5),
  /** Round trips between which the predicted-gain rank compares a session, milliseconds: far and near. */
  referenceRttMs: z
    .object({ far: z.number().positive(), near: z.number().positive() })
    .refine((r) => r.far > r.near, 'far must be more than near')
    .default({ far: 100, near: 1 }),
  /** Frames a second lost at the far distance that count as 1.0; a film of 24 loses 14, of 15 only 5. */
  fullRefreshLossFps: z.number().positive().default(10),
  /** Keystrokes and pointer messages a second that count as 1.0; typing is about 5, a moving pointer 30 and more. */
  fullInputRate: z.number().positive().default(30),
  /** The most that input alone, without loss of refresh rate, can rank. */
  inputWeight: fraction.default(0.7),
  /** Frames a second taken for content whose own rate is hidden by distance: within 13 % of 24, 25 and 30. */
  assumedContentFps: z.number().positive().default(27),
  /** A header sample older than this no longer ranks a desktop, milliseconds. */
  sampleLifeMs: z.number().int().min(1_000).default(180_000),
});
export type FingerprintPolicy = z.infer<typeof FingerprintPolicy>;

/** The part of it that the hosts sample by; it comes with every request for a traffic report. */
export const SamplingPolicy = FingerprintPolicy.pick({
  sensitiveServers: true,
  remoteDesktopPorts: true,
  relayPorts: true,
  assumedContentFps: true,
});
export type SamplingPolicy = z.infer<typeof SamplingPolicy>;

export const PlacementPolicy = readsOldNames(
  z.object({
    algorithm: z
      .enum(['exact', 'multi-resource', 'ilp', 'rank-ordered', 'cost-oblivious', 'cost-aware'])
      .default('exact'),
    /** T_h: a desktop ranked above it is a candidate (section 5, step 1). */
    highThreshold: fraction.default(0.6),
    /** T_l: a desktop at a regional site ranked below it may be evicted to a global one. */
    lowThreshold: fraction.default(0.3),
    /** Weights of the absolute and the relative latency decrease (equation 1). */
    w1: weight.default(0.6),
    w2: weight.default(0.4),
    /** How many of the nearest sites are considered; 8 finds the best one in 93 % of real cases. */
    nearestSites: z.number().int().min(1).default(8),
    /** T: after a move a desktop stays put for so long. */
    hysteresisMs: z.number().int().min(0).default(600_000),
    /** T': a rank must stay low for so long before an eviction. */
    evictionHysteresisMs: z.number().int().min(0).default(600_000),
    /** Moves that gain less than this (ms, weighted by rank) are not worth a hiccup. */
    minGainMs: weight.default(10),
    /** Lambda: a gigabyte moved must gain so many ms of (ranked) latency. */
    msPerGB: weight.default(2),
  }),
);
export type PlacementPolicy = z.infer<typeof PlacementPolicy>;

export const MigrationPolicy = z.object({
  /** The pause that pre-copy aims at, milliseconds. */
  pauseBudgetMs: z.number().int().min(50).max(10_000).default(500),
  /** Pre-copy may grow the budget up to this when the guest dirties memory faster than the link. */
  maxPauseMs: z.number().int().min(50).max(30_000).default(2_000),
  /** Rounds after which the convergence rule decides. */
  maxRounds: z.number().int().min(1).default(30),
  /** A move that failed is not tried again by the loop before this; each further failure for the same reason doubles it. */
  retryAfterMs: z.number().int().min(1_000).default(600_000),
  /** The most that it grows to. */
  retryAtMostMs: z.number().int().min(1_000).default(86_400_000),
  /** The source's disk is kept for so long after a move. */
  graceMs: z.number().int().min(0).default(60_000),
  /** Compare the disks of both ends as they were at the switchover (from a snapshot, not in the pause). */
  verifyDisk: z.boolean().default(true),
});
export type MigrationPolicy = z.infer<typeof MigrationPolicy>;

export const Policy = z.object({
  cycleMs: z.number().int().min(100).default(30_000),
  /** False: plan and show, move nothing. */
  act: z.boolean().default(true),
  fingerprint: FingerprintPolicy.prefault({}),
  placement: PlacementPolicy.prefault({}),
  migration: MigrationPolicy.prefault({}),
});
export type Policy = z.infer<typeof Policy>;
