// What the shadow loop remembers: moving averages, hysteresis clocks, moves under way, the policy in force. `carry` is what survives
// continue-as-new; host reports are fetched again. Bounded by the number of desktops.
import type { HostReport } from '../../activities/host/desktops.js';
import type { Fingerprint, FingerprintState } from '../../domain/fingerprint/model.js';
import type { CloudConfig } from '../../domain/model/cloud.js';
import type { Place } from '../../domain/placement/geography.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { Policy } from '../../domain/model/policy.js';
import type { LoopStatus, MoveStatus, PlanSummary } from '../../temporal/messages.js';

export interface MoveUnderWay {
  readonly workflowId: string;
  readonly desktop: DesktopId;
  readonly from: HostRef;
  readonly to: HostRef;
  readonly cause: string;
  readonly startedAtMs: number;
  readonly parking: boolean;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly diskMb: number;
}

export interface UserRtts {
  /** When each site's RTT was measured, ms. */
  readonly measuredAtMs: Readonly<Record<string, number>>;
  readonly rtts: Readonly<Record<string, number>>;
  readonly atMs: number;
  readonly seenAs: string;
}

export interface Creating {
  readonly address: string;
  readonly host: HostRef;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly diskMb: number;
}

export interface CarriedState {
  cycle: number;
  policy: Policy;
  fingerprints: Record<string, FingerprintState>;
  lockedUntilMs: Record<string, number>;
  /** Since when a desktop's rank has been below T_l. */
  lowSinceMs: Record<string, number>;
  moves: Record<string, MoveUnderWay>;
  recent: LoopStatus['recent'][number][];
  users: Record<string, UserRtts>;
}

/** Ended moves kept for `status`; older ones are found by search attributes. */
const RECENT_MOVES = 20;

export class LoopState {
  cloud: CloudConfig;
  carried: CarriedState;
  reports = new Map<string, HostReport>();
  problems = new Map<string, string>();
  /** Users' places by address; null where the database knows none. */
  places = new Map<string, Place | null>();
  current = new Map<string, Fingerprint>();
  /** Desktops that are being made: their addresses and room are taken before any host reports them. */
  creating = new Map<string, Creating>();
  plan: PlanSummary | null = null;
  lastCycleMs: number | null = null;

  constructor(cloud: CloudConfig, carried: CarriedState | undefined) {
    this.cloud = cloud;
    this.carried = carried ?? {
      cycle: 0,
      policy: cloud.policy,
      fingerprints: {},
      lockedUntilMs: {},
      lowSinceMs: {},
      moves: {},
      recent: [],
      users: {},
    };
  }

  get policy(): Policy {
    return this.carried.policy;
  }

  /** Take up a changed vmshadow.yaml. The policy set by `vmshadow policy` stays unless the file's own policy has changed. */
  setCloud(cloud: CloudConfig): void {
    if (JSON.stringify(cloud.policy) !== JSON.stringify(this.cloud.policy))
      this.carried.policy = cloud.policy;
    this.cloud = cloud;
    const known = new Set(this.hosts().map(hostKey));
    for (const key of [...this.reports.keys()]) if (!known.has(key)) this.reports.delete(key);
    for (const key of [...this.problems.keys()]) if (!known.has(key)) this.problems.delete(key);
  }

  hosts(): HostRef[] {
    return this.cloud.sites.flatMap((site) => site.hosts.map((host) => ({ site: site.id, host: host.id })));
  }

  peerOf(ref: HostRef) {
    return this.cloud.sites.find((s) => s.id === ref.site)?.hosts.find((h) => h.id === ref.host)?.peer;
  }

  /** The host that owns a desktop by the last reports, dead hosts' last words included. */
  find(desktop: DesktopId) {
    for (const report of this.reports.values()) {
      const found = report.desktops.find((d) => d.definition.id === desktop);
      if (found !== undefined) return { host: report.host, report: found };
    }
    return null;
  }

  isAlive(ref: HostRef): boolean {
    return this.reports.has(hostKey(ref)) && !this.problems.has(hostKey(ref));
  }

  startMove(move: MoveUnderWay): void {
    this.carried.moves[move.desktop] = move;
  }

  /** Take a move off the list; a desktop that has moved stays put for the hysteresis time T. */
  endMove(
    status: Pick<MoveStatus, 'desktop' | 'outcome' | 'from' | 'to' | 'cause' | 'error'>,
    nowMs: number,
  ): void {
    const parked = this.carried.moves[status.desktop]?.parking === true;
    this.carried.moves = without(this.carried.moves, status.desktop);
    if (!parked) this.carried.lockedUntilMs[status.desktop] = nowMs + this.policy.placement.hysteresisMs;
    const { desktop, outcome, from, to, cause, error } = status;
    this.carried.recent = [
      { desktop, outcome, from, to, cause, endedAtMs: nowMs, error: error?.message ?? null },
      ...this.carried.recent,
    ].slice(0, RECENT_MOVES);
  }

  /** Forget desktops that no host has any more, when every host could be asked. */
  forgetGone(): void {
    if (this.problems.size > 0 || this.reports.size < this.hosts().length) return;
    const there = new Set(
      [...this.reports.values()].flatMap((r) => r.desktops.map((d) => String(d.definition.id))),
    );
    const keep = <T>(record: Record<string, T>) =>
      Object.fromEntries(Object.entries(record).filter(([id]) => there.has(id) || id in this.carried.moves));
    const c = this.carried;
    this.carried = {
      ...c,
      fingerprints: keep(c.fingerprints),
      lockedUntilMs: keep(c.lockedUntilMs),
      lowSinceMs: keep(c.lowSinceMs),
      users: keep(c.users),
    };
  }
}

/** A copy of a record without one key. */
export function without<T>(record: Record<string, T>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([k]) => k !== key));
}
