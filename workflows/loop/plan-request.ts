// The placement problem as the loop sees it: living hosts, running desktops with a rank and measured RTTs, room held by moves.
import { feltRtts } from '../../domain/fingerprint/move-gain.js';
import { freshRtts, sitesToMeasure, type RttReading } from '../../domain/placement/geography.js';
import type { PlanRequest } from '../../domain/placement/model.js';
import type { PlanAsk } from '../../temporal/messages.js';
import type { LoopState } from './loop-state.js';

const GB = 1024;

/** Build the request of the `plan` activity from the last reports. Pure but for the state it reads. */
export function planRequest(state: LoopState, nowMs: number, ask: PlanAsk = {}): PlanRequest {
  const { placement } = state.policy;
  const alive = [...state.reports.values()].filter((r) => state.isAlive(r.host));
  const under = Object.values(state.carried.moves);
  return {
    sites: state.cloud.sites.flatMap((site) => {
      const hosts = alive.filter((r) => r.host.site === site.id);
      if (hosts.length === 0) return [];
      return [
        {
          id: site.id,
          kind: site.kind,
          slots: hosts.reduce((sum, h) => sum + h.capacity.slots, 0),
          hosts: hosts.map(({ host, capacity }) => ({
            id: host.host,
            slots: capacity.slots,
            vcpu: capacity.vcpus,
            memoryGb: capacity.memoryMb / GB,
            diskGb: capacity.diskMb / GB,
          })),
        },
      ];
    }),
    desktops: alive.flatMap((r) =>
      r.desktops.map(({ definition: d, state: power }) => ({
        id: d.id,
        rank: state.current.get(d.id)?.rank ?? 0,
        site: r.host.site,
        host: r.host.host,
        memoryGb: d.memoryMb / GB,
        diskGb: d.diskMb / GB,
        vcpu: d.vcpus,
        rttMs: plannableRtts(state, d.id, r.host.site, nowMs).rttMs,
        lowSinceMs: state.carried.lowSinceMs[d.id] ?? nowMs,
        ...feltBy(state, d.id),
        ...lockOf(state, d.id, power === 'running'),
      })),
    ),
    reservations: under
      .filter((m) => state.isAlive(m.to))
      .map((m) => ({
        desktop: m.desktop,
        site: m.to.site,
        host: m.to.host,
        vcpu: m.vcpus,
        memoryGb: m.memoryMb / GB,
        diskGb: m.diskMb / GB,
      })),
    policy: {
      ...placement,
      ...(ask.algorithm === undefined ? {} : { algorithm: ask.algorithm }),
      ...(ask.budgetGb === undefined ? {} : { budgetGb: ask.budgetGb }),
      ...(ask.maxMoves === undefined ? {} : { maxMoves: ask.maxMoves }),
      linkMbps: state.cloud.limits.moveMbps,
    },
    nowMs,
  };
}

/** Probes older than this say nothing of where the user is now: six of the client's default intervals. */
const RTT_FRESH_MS = 60_000;

/** Tell whether any of a user's round trips is fresh. */
export function isFresh(state: LoopState, desktop: string, nowMs: number): boolean {
  const measured = Object.values(state.carried.users[desktop]?.measuredAtMs ?? {});
  return measured.some((atMs) => nowMs - atMs <= RTT_FRESH_MS / 2);
}

/** Fresh RTTs to the sites that geography leaves (all, where the user's place is unknown), and what is in doubt, in words. */
export function plannableRtts(state: LoopState, desktop: string, here: string, nowMs: number): RttReading {
  const user = state.carried.users[desktop];
  if (user === undefined) return { rttMs: {}, doubts: ['no thin client has reported a round-trip time'] };
  const { sites } = state.cloud;
  const place = state.places.get(user.seenAs.split(':')[0] ?? '') ?? null;
  const always = [here, ...sites.filter((s) => s.kind === 'global').map((s) => s.id)];
  const wanted = sitesToMeasure(place, sites, state.policy.placement.nearestSites, always);
  const samples = new Map(
    Object.entries(user.rtts).map(([id, ms]) => [id, { ms, atMs: user.measuredAtMs[id] ?? user.atMs }]),
  );
  return freshRtts(wanted, samples, nowMs, RTT_FRESH_MS);
}

/** The gain of a move is the prediction between its two round trips, where the desktop's traffic told enough for one. */
function feltBy(state: LoopState, desktop: string): { feltRttMs?: number[] } {
  const fingerprint = state.current.get(desktop);
  const felt = fingerprint === undefined ? null : feltRtts(fingerprint, state.policy.fingerprint);
  return felt === null ? {} : { feltRttMs: felt };
}

/** A stopped desktop cannot be moved live: it is locked for ever, as far as this plan goes. */
function lockOf(state: LoopState, desktop: string, running: boolean): { lockedUntilMs?: number } {
  if (!running) return { lockedUntilMs: Number.MAX_SAFE_INTEGER };
  const until = state.carried.lockedUntilMs[desktop];
  return until === undefined ? {} : { lockedUntilMs: until };
}
