// What the shadow loop remembers: hysteresis clocks, moves under way, users, the policy in force. Bounded by the number of desktops; in maps,
// since a pool may have 20,000 of them.
import type { DesktopReport, HostReport } from '../../temporal/contract/host-report.js';
import type { Fingerprint } from '../../domain/fingerprint/model.js';
import type { DesktopConstraints } from '../../domain/model/constraints.js';
import type { CloudConfig } from '../../domain/model/cloud.js';
import type { Place } from '../../domain/users/geography.js';
import type { Hold } from '../../domain/migration/held-moves.js';
import type { MoveGain, Unhelped } from '../../domain/migration/realised-gain.js';
import { placeKey } from '../../domain/drain/place.js';
import type { Standing } from '../../domain/drain/standing.js';
import { windowKey, type MaintenanceWindow } from '../../domain/maintenance/window.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type { Policy } from '../../domain/model/policy.js';
import type { Carried, Creating, Drained, MoveUnderWay, UserRtts } from '../../temporal/contract/carried.js';
import type { CreateEnded } from '../../temporal/contract/create.js';
import type { MoveEnded } from '../../temporal/contract/move.js';
import type { RunCycle } from '../../temporal/contract/requests.js';
import type { LoopStatus, PlanSummary } from '../../temporal/contract/status.js';

/** A desktop where its newest owner is. */
export interface Located {
  readonly host: HostRef;
  readonly report: DesktopReport;
}

/** Ended moves kept for `status`; older ones are found by search attributes. */
const RECENT_MOVES = 20;

export class LoopState {
  cloud: CloudConfig;
  policy: Policy;
  cycle: number;
  /** Hysteresis T, by desktop. */
  readonly lockedUntilMs: Map<string, number>;
  /** Since when a desktop's rank has been below T_l. */
  readonly lowSinceMs: Map<string, number>;
  readonly moves: Map<string, MoveUnderWay>;
  recent: LoopStatus['recent'];
  /** What moves gave, the newest first, and desktops whose moves did not help (gains.ts). */
  gains: readonly MoveGain[];
  unhelped: ReadonlyMap<string, Unhelped>;
  /** Moves that are not tried for now (holds.ts). */
  holds: ReadonlyMap<string, Hold>;
  /** False in the part of a run that a release before has made, which held nothing back. */
  holding = false;
  /** Places that operators have asked to be emptied, by name (drain.ts); how the desktops there stand, as of a cycle. */
  readonly draining: Map<string, Drained>;
  /** When places are worked on (windows.ts). */
  readonly windows: Map<string, MaintenanceWindow>;
  standings: ReadonlyMap<string, Standing> = new Map();
  judgedInCycle = 0;
  /** Until when desktops are left where they are whose move out of such a place was cancelled. */
  readonly sparedUntilMs: Map<string, number>;
  /** Since when the loop starts no moves of its own. */
  pausedSinceMs: number | null;
  /** What operators have said of desktops (constraints.ts). */
  readonly constraints: Map<string, DesktopConstraints>;
  readonly users: Map<string, UserRtts>;
  reports = new Map<string, HostReport>();
  problems = new Map<string, string>();
  /** Users' places by address; null where the database knows none. */
  places = new Map<string, Place | null>();
  current = new Map<string, Fingerprint>();
  /** Desktops that are being made: their addresses and room are taken before any host reports them. */
  readonly creating: Map<string, Creating>;
  /** Creations that somebody waits for: how they ended, once they have. */
  readonly awaited = new Map<string, CreateEnded | null>();
  plan: PlanSummary | null = null;
  lastCycleMs: number | null = null;
  /** When the state of the run before could not be read, and why. */
  beganAfresh: Carried['beganAfresh'];
  /** A cycle that was asked for beside the periodic ones. */
  asked: RunCycle | null;
  /** Requests for reports so far, and which of them a host's report answers: a late answer must not replace a newer one. */
  #asks = 0;
  readonly #answered = new Map<string, number>();
  /** False until the first reports with ranks of this run of the loop have come in: a pool of 20,000 desktops begins a run each cycle. */
  heard = false;

  constructor(cloud: CloudConfig, carried: Carried | undefined) {
    this.cloud = cloud;
    this.policy = carried?.policy ?? cloud.policy;
    this.cycle = carried?.cycle ?? 0;
    this.lockedUntilMs = new Map(Object.entries(carried?.lockedUntilMs ?? {}));
    this.lowSinceMs = new Map(Object.entries(carried?.lowSinceMs ?? {}));
    this.moves = new Map(Object.entries(carried?.moves ?? {}));
    this.recent = carried?.recent ?? [];
    this.creating = new Map(Object.entries(carried?.creating ?? {}));
    this.gains = carried?.gains ?? [];
    this.unhelped = new Map(Object.entries(carried?.unhelped ?? {}));
    this.holds = new Map(Object.entries(carried?.holds ?? {}));
    this.draining = new Map((carried?.draining ?? []).map((place) => [placeKey(place), place]));
    this.windows = new Map((carried?.windows ?? []).map((window) => [windowKey(window), window]));
    this.sparedUntilMs = new Map(Object.entries(carried?.spared ?? {}));
    this.pausedSinceMs = carried?.pausedSinceMs ?? null;
    this.constraints = new Map(Object.entries(carried?.constraints ?? {}));
    this.users = new Map(Object.entries(carried?.users ?? {}));
    this.asked = carried?.asked ?? null;
    for (const { report, problem } of carried?.lastWords ?? []) {
      this.reports.set(hostKey(report.host), { ...report, fingerprints: [], users: [] });
      this.problems.set(hostKey(report.host), problem);
    }
    this.beganAfresh = carried?.beganAfresh ?? null;
  }

  /** Have a cycle at once; one that acts is not forgotten for one that does not. */
  askCycle(cycle: RunCycle): void {
    if (this.asked?.act !== true || cycle.act) this.asked = cycle;
  }

  /** The number of a request for a host's report that goes out now. */
  nextAsk(): number {
    return ++this.#asks;
  }

  /** Take in a host's answer to request `ask`: its report, or why there is none. Tells whether it was the newest so far. */
  takeIn(host: HostRef, ask: number, answer: { report: HostReport } | { problem: string }): boolean {
    const key = hostKey(host);
    if ((this.#answered.get(key) ?? 0) > ask) return false;
    this.#answered.set(key, ask);
    if ('problem' in answer) this.problems.set(key, answer.problem);
    else {
      this.problems.delete(key);
      this.reports.set(key, answer.report);
    }
    return true;
  }

  /** Take up a changed vmshadow.yaml. The policy set by `vmshadow policy` stays unless the file's own policy has changed. */
  setCloud(cloud: CloudConfig): void {
    if (JSON.stringify(cloud.policy) !== JSON.stringify(this.cloud.policy)) this.policy = cloud.policy;
    this.cloud = cloud;
    const known = new Set(this.hosts().map(hostKey));
    const sites = new Set<string>(cloud.sites.map((site) => site.id));
    for (const key of [...this.draining.keys()])
      if (!known.has(key) && !sites.has(key)) this.draining.delete(key);
    for (const [key, window] of this.windows)
      if (!known.has(placeKey(window)) && !sites.has(placeKey(window))) this.windows.delete(key);
    for (const key of [...this.reports.keys()]) if (!known.has(key)) this.reports.delete(key);
    for (const key of [...this.problems.keys()]) if (!known.has(key)) this.problems.delete(key);
  }

  hosts(): HostRef[] {
    return this.cloud.sites.flatMap((site) => site.hosts.map((host) => ({ site: site.id, host: host.id })));
  }

  peerOf(ref: HostRef) {
    return this.cloud.sites.find((s) => s.id === ref.site)?.hosts.find((h) => h.id === ref.host)?.peer;
  }

  /**
   * Every desktop once, with the host that owns it by the last reports, dead hosts' last words included. A desktop that moved between
   * the reports of its two hosts is in both: the higher epoch is the owner.
   */
  desktops(): Located[] {
    const found = new Map<DesktopId, Located>();
    for (const { host, desktops } of this.reports.values())
      for (const report of desktops) {
        const { id } = report.definition;
        if (report.epoch >= (found.get(id)?.report.epoch ?? 0)) found.set(id, { host, report });
      }
    return [...found.values()];
  }

  /** The host that owns a desktop by the last reports, dead hosts' last words included. */
  find(desktop: DesktopId): Located | null {
    const found = [...this.reports.values()].flatMap(({ host, desktops }) =>
      desktops.filter((d) => d.definition.id === desktop).map((report) => ({ host, report })),
    );
    return found.sort((a, b) => b.report.epoch - a.report.epoch)[0] ?? null;
  }

  isAlive(ref: HostRef): boolean {
    return this.reports.has(hostKey(ref)) && !this.problems.has(hostKey(ref));
  }

  startMove(move: MoveUnderWay): void {
    this.moves.set(move.desktop, move);
  }

  /** Take a move off the list; a desktop that has moved stays put for the hysteresis time T. */
  endMove({ desktop, outcome, from, to, cause, error, phase }: MoveEnded, nowMs: number): void {
    const move = this.moves.get(desktop);
    const parked = move?.parking === true;
    this.moves.delete(desktop);
    // A drain goes by no hysteresis, but an operator's cancel is to count.
    if (cause === 'drain' && outcome === 'cancelled' && move?.cancelAsked !== true)
      this.sparedUntilMs.set(desktop, nowMs + this.policy.placement.hysteresisMs);
    // What failed before anything was copied has cost nobody anything: another target may be tried at once.
    const free = parked || (this.holding && outcome === 'failed' && phase === 'preflight');
    if (!free) this.lockedUntilMs.set(desktop, nowMs + this.policy.placement.hysteresisMs);
    this.recent = [
      { desktop, outcome, from, to, cause, endedAtMs: nowMs, error: error?.message ?? null },
      ...this.recent,
    ].slice(0, RECENT_MOVES);
  }

  /** Forget a desktop that is no more, in dead hosts' last words too: one of the same id that is made later begins anew. */
  forget(desktop: DesktopId): void {
    for (const [host, report] of this.reports)
      this.reports.set(host, {
        ...report,
        desktops: report.desktops.filter((d) => d.definition.id !== desktop),
      });
    for (const known of this.#byDesktop()) known.delete(desktop);
    this.constraints.delete(desktop);
  }

  /** Forget desktops that no host has any more, when every host could be asked. */
  forgetGone(): void {
    if (this.problems.size > 0 || this.reports.size < this.hosts().length) return;
    const there = new Set(
      [...this.reports.values()].flatMap((r) => r.desktops.map((d) => String(d.definition.id))),
    );
    for (const known of this.#byDesktop())
      for (const id of known.keys()) if (!there.has(id) && !this.moves.has(id)) known.delete(id);
  }
  #byDesktop() {
    return [this.current, this.lockedUntilMs, this.lowSinceMs, this.sparedUntilMs, this.users];
  }
}
