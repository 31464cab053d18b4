// What a host says of itself each cycle, and how the loop reads it: dom0 may be of another release, or not what it should be.
import { z } from 'zod';
import { VmshadowError } from '../../domain/errors.js';
import { Fingerprint } from '../../domain/fingerprint/model.js';
import { UNKNOWN_RATES } from '../../domain/migration/dirty-rates.js';
import { Endpoint, GuestAddress, MOST_GUEST_ADDRESSES } from '../../domain/model/address.js';
import { Capacity } from '../../domain/model/capacity.js';
import { HostCpu } from '../../domain/model/cpu.js';
import { DesktopDefinition, type DesktopState } from '../../domain/model/desktop.js';
import { DesktopId, HostRef, SiteId, hostKey, sameHost } from '../../domain/model/ids.js';
import { withNewNames } from '../../domain/model/old-names.js';
import { parseInput } from '../../domain/model/parse.js';

/** Of a host that something is very wrong with, the first will do. */
export const MAX_NOTES = 20;

const timeMs = z.number().min(0);
const rate = z.number().min(0).nullable();

const DESKTOP_STATES = [
  'running',
  'paused',
  'out-of-space',
  'incoming',
  'postmigrate',
  'stopped',
  'crashed',
] as const satisfies readonly DesktopState[];

const RelayedReport = z.object({
  /** The address by which their peers know the desktop. */
  oldExternal: z.string(),
  connections: z.number().int().min(1),
  /** What they pay: the round trip between the two hosts. */
  rttMs: timeMs.nullable(),
});

export const DesktopReport = z.object({
  definition: DesktopDefinition,
  state: z.enum(DESKTOP_STATES),
  epoch: z.number().int().min(0),
  external: z.string().nullable(),
  diskUsedBytes: z.number().min(0),
  /** Averages of what was measured each time that traffic was asked for, megabits a second. */
  dirty: z.object({ memoryMbps: rate, diskMbps: rate }).default(UNKNOWN_RATES),
  /** What is wrong with it, and what dom0 or the operator does about it. */
  problem: z.string().nullable().default(null),
  /** What the guest's agent says that its addresses are; missing where there is none, or none that answers. */
  addresses: z.array(GuestAddress).max(MOST_GUEST_ADDRESSES).optional().catch(undefined),
  /** Its connections that still go over a site which it has left; missing where none does, and from a host of a release before. */
  relayed: z.array(RelayedReport).optional().catch(undefined),
});
export type DesktopReport = z.infer<typeof DesktopReport>;

const UserReport = z.object({
  desktop: DesktopId,
  client: z.string(),
  seenAs: Endpoint,
  rtts: z.array(z.object({ site: SiteId, rttMs: timeMs, ageMs: z.number() })).readonly(),
});

/** What a host that fell silent said last is kept of this much. */
export const HostState = z.object({
  host: HostRef,
  atMs: timeMs,
  /** When its dom0 was started; one of a release before does not say. */
  startedAtMs: timeMs.optional(),
  capacity: Capacity,
  used: Capacity,
  /** What was put back on it, or is in its desktops' way, each with what to do; one of a release before does not say. */
  notes: z.array(z.string()).max(MAX_NOTES).optional(),
  /** The driver of its hypervisor, as preflight compares it; one of a release before does not say. */
  hypervisor: z.string().min(1).max(64).optional().catch(undefined),
  /** What it can give of its processor; one of a release before does not say. */
  cpu: HostCpu.optional().catch(undefined),
  /** Whole days until the first of its certificates ends. */
  certificateDaysLeft: z.number().optional(),
  /** Only those that it owns. */
  desktops: z.array(DesktopReport),
});

export type HostReport = z.infer<typeof HostState> & {
  /** One for each desktop that was sampled since the last report; none where traffic was not asked for. */
  readonly fingerprints: readonly Fingerprint[];
  readonly users: readonly z.infer<typeof UserReport>[];
};

/** As it arrives: what is not of the first order may be unreadable one by one. */
const Arriving = HostState.extend({
  fingerprints: z.array(Fingerprint.nullable().catch(null)).optional(),
  users: z.array(UserReport.nullable().catch(null)).default([]),
});

const isReadable = <T>(item: T | null): item is T => item !== null;

/**
 * Read what `host` has answered; names of a release before count as today's. Throws INPUT_INVALID with every problem where its capacity or
 * desktops cannot be read, or where it speaks for another host. `doubts` say what of the rest was let go.
 */
export function readHostReport(
  answer: unknown,
  host: HostRef,
): { report: HostReport; doubts: readonly string[] } {
  const { fingerprints, users, ...state } = parseInput(
    Arriving,
    withNewNames(answer),
    `report of ${hostKey(host)} (do manager and dom0 have the same release?)`,
  );
  if (!sameHost(state.host, host))
    throw new VmshadowError('INPUT_INVALID', `${hostKey(host)} answers as ${hostKey(state.host)}`);
  const ranks = (fingerprints ?? []).filter(isReadable);
  const endpoints = users.filter(isReadable);
  const lost = (fingerprints ?? []).length - ranks.length;
  const unknown = users.length - endpoints.length;
  const doubts = [
    ...(fingerprints === undefined
      ? ['its report names no ranks: do manager and dom0 have the same release?']
      : []),
    ...(lost > 0 ? [`${lost} of its ranks cannot be read: do manager and dom0 have the same release?`] : []),
    ...(unknown > 0 ? [`${unknown} of its users cannot be read`] : []),
  ];
  return { report: { ...state, fingerprints: ranks, users: endpoints }, doubts };
}
