// The placement problem as the loop sees it: living hosts, running desktops with a rank and measured RTTs, room held by moves.
import type { DesktopReport, HostReport } from '../../temporal/contract/host-report.js';
import { feltRtts } from '../../domain/fingerprint/rank/move-gain.js';
import type { DesktopConstraints } from '../../domain/model/constraints.js';
import { cpuClasses } from '../../domain/model/cpu.js';
import { hypervisorClasses, unlikeHosts } from '../../domain/model/hypervisors.js';
import { hostKey, type HostRef } from '../../domain/model/ids.js';
import type { PlanClasses } from '../../domain/model/plan-classes.js';
import { placeKey } from '../../domain/drain/place.js';
import { convertSize } from '../../domain/model/units.js';
import type { PlanRequest } from '../../domain/placement/request/model.js';
import type { PlanAsk } from '../../temporal/contract/requests.js';
import { constraintsInPlan } from './constraints.js';
import { drainOf } from './drain.js';
import { leftAlone } from './gains.js';
import { heldInPlan } from './holds.js';
import type { Located, LoopState } from './loop-state.js';
import { lacksRtts, plannableRtts, settlesAt } from './round-trips.js';
import { whyClosed, whyStill } from './windows.js';

const gigabytes = (mib: number) => convertSize(mib, 'MiB', 'GB');

interface LocatedThen extends Omit<Located, 'report'> {
  readonly report: Omit<DesktopReport, 'dirty'> & { readonly dirty?: DesktopReport['dirty'] | null };
}

/**
 * Build the request of the `plan` activity from the last reports; with `onlyLeaving` nobody moves but those whose place is being emptied.
 * Pure but for the state it reads.
 */
export function planRequest(
  state: LoopState,
  nowMs: number,
  ask: PlanAsk = {},
  onlyLeaving = false,
): PlanRequest {
  const { placement } = state.policy;
  const alive = [...state.reports.values()].filter((r) => state.isAlive(r.host));
  const under = [...state.moves.values()];
  const planned = new Set<string>(alive.map((r) => r.host.site));
  const held = heldInPlan(state, nowMs);
  const desktops = state.desktops();
  const cpus = cpuClasses(
    new Map(alive.map((r) => [hostKey(r.host), r.cpu])),
    desktops.map(({ host, report }) => ({
      id: report.definition.id,
      at: hostKey(host),
      cpu: report.definition.cpu,
    })),
  );
  const classes = [
    hypervisorClasses(
      hypervisorsOf(alive),
      desktops.map(({ host, report }) => ({ id: report.definition.id, at: hostKey(host) })),
    ),
    cpus,
  ];
  const isPlanned = (ref: HostRef) => state.isAlive(ref);
  const mustLeave = (host: HostRef) => drainOf(state, host) !== undefined;
  const fresh = (desktop: string, { site }: HostRef) =>
    only(planned, plannableRtts(state, desktop, site, nowMs).rttMs);
  const ifEmptied = (emptied: boolean) => (emptied ? { draining: true } : {});
  const closed = alive.filter(({ host }) => !mustLeave(host) && whyClosed(state, host) !== null);
  const unfitRoutes = [
    ...held.unfitRoutes,
    ...closed.map(({ host }) => ({ from: undefined, to: host })),
  ].filter(({ from, to }) => isPlanned(to) && (from === undefined || isPlanned(from)));
  return {
    sites: state.cloud.sites.flatMap((site) => {
      const hosts = alive.filter((r) => r.host.site === site.id);
      if (hosts.length === 0) return [];
      return [
        {
          id: site.id,
          kind: site.kind,
          ...(site.provides === undefined ? {} : { provides: site.provides }),
          ...ifEmptied(state.draining.has(placeKey({ site: site.id }))),
          slots: hosts.reduce((sum, h) => sum + h.capacity.slots, 0),
          hosts: hosts.map(({ host, capacity }) => ({
            id: host.host,
            ...ifEmptied(mustLeave(host)),
            ...providedBy(site, host, classes),
            slots: capacity.slots,
            vcpu: capacity.vcpus,
            memoryGB: gigabytes(capacity.memoryMiB),
            diskGB: gigabytes(capacity.diskMiB),
          })),
        },
      ];
    }),
    // A dom0 of a release before measures no dirty rates.
    desktops: desktops
      .filter(({ host }) => state.isAlive(host))
      .map(({ host, report: { definition: d, state: power, dirty } }: LocatedThen) => {
        const leaves = mustLeave(host);
        const rttMs = fresh(d.id, host);
        return {
          id: d.id,
          rank: state.current.get(d.id)?.rank ?? 0,
          site: host.site,
          host: host.host,
          memoryGB: gigabytes(d.memoryMiB),
          diskGB: gigabytes(d.diskMiB),
          vcpu: d.vcpus,
          rttMs: leaves ? withAssumed(planned, rttMs) : rttMs,
          memoryDirtyMbps: dirty?.memoryMbps ?? 0,
          diskDirtyMbps: dirty?.diskMbps ?? 0,
          lowSinceMs: state.lowSinceMs.get(d.id) ?? nowMs,
          ...feltBy(state, d.id),
          ...withClasses(constraintsInPlan(state, d.id, planned), classes, d.id),
          ...(!leaves
            ? {
                ...lockOf(
                  power === 'running',
                  state.lockedUntilMs.get(d.id),
                  held.lockOf(d.id, host),
                  settlesAt(state, d.id, host.site, rttMs, planned),
                ),
                ...(onlyLeaving || leftAlone(state, d.id, host) !== null ? { pinned: true } : {}),
              }
            : lockOf(power === 'running', state.sparedUntilMs.get(d.id), held.lockOf(d.id, host))),
          ...(whyStill(state, host) === null ? {} : { pinned: true }),
          ...unfitFor(held.unfitOf(d.id)?.filter(isPlanned)),
        };
      }),
    reservations: under
      .filter((m) => state.isAlive(m.to))
      .map((m) => ({
        desktop: m.desktop,
        site: m.to.site,
        host: m.to.host,
        vcpu: m.vcpus,
        memoryGB: gigabytes(m.memoryMiB),
        diskGB: gigabytes(m.diskMiB),
      })),
    ...(unfitRoutes.length === 0 ? {} : { unfitRoutes }),
    policy: {
      ...placement,
      ...(ask.algorithm === undefined ? {} : { algorithm: ask.algorithm }),
      ...(ask.budgetGB === undefined ? {} : { budgetGB: ask.budgetGB }),
      ...(ask.maxMoves === undefined ? {} : { maxMoves: ask.maxMoves }),
      linkMbps: state.cloud.limits.moveMbps,
    },
    nowMs,
  };
}

/** Far beyond any round trip, so that whoever must leave goes where it is known first; small enough to weigh with. */
const ASSUMED_RTT_MS = 1_000;

/** Whoever must leave can go to sites of which nobody knows a round trip, too: its user may not even be there. */
function withAssumed(sites: ReadonlySet<string>, known: Record<string, number>): Record<string, number> {
  return { ...Object.fromEntries([...sites].map((id) => [id, ASSUMED_RTT_MS])), ...known };
}

function only(sites: ReadonlySet<string>, rttMs: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(rttMs).filter(([id]) => sites.has(id)));
}

/** How many names a line of doubt gives. */
const NAMED = 5;

/** What a plan made now does not know or may not do, in words: hosts that are not alike, sites where nobody answers, desktops whose round trips are stale or missing. */
export function planDoubts(state: LoopState, request: PlanRequest): string[] {
  const planned = new Set(request.sites.map((s) => s.id));
  const silent = state.cloud.sites.filter((s) => !planned.has(s.id)).map((s) => s.id);
  const blind = request.desktops.filter((d) => !(d.site in d.rttMs)).map((d) => d.id);
  const partly = request.desktops
    .filter(
      (d) => d.site in d.rttMs && lacksRtts(state, d.id, d.site, (id) => planned.has(id) && !(id in d.rttMs)),
    )
    .map((d) => d.id);
  const assumed = request.desktops
    .filter((d) => Object.values(d.rttMs).includes(ASSUMED_RTT_MS))
    .map((d) => d.id);
  const names = (ids: readonly string[]) =>
    `${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? `, ... (${String(ids.length)})` : ''}`;
  const unlike = unlikeHosts(hypervisorsOf([...state.reports.values()].filter((r) => state.isAlive(r.host))));
  return [
    ...(unlike === null ? [] : [unlike]),
    ...(assumed.length === 0
      ? []
      : [
          `must leave although round trips of their users are not known (planned with ${String(ASSUMED_RTT_MS)} ms): ${names(assumed)}`,
        ]),
    ...(silent.length === 0 ? [] : [`no host answers at ${names(silent)}: nobody is planned to go there`]),
    ...(blind.length === 0
      ? []
      : [`without a fresh round-trip time to their own site, not planned: ${names(blind)}`]),
    ...(partly.length === 0
      ? []
      : [
          `planned without some of their sites, whose round-trip times are stale or missing: ${names(partly)}; \`vmshadow explain DESKTOP\` names them`,
        ]),
  ];
}

/** The gain of a move is the prediction between its two round trips, where the desktop's traffic told enough for one. */
function feltBy(state: LoopState, desktop: string): { feltRttMs?: number[] } {
  const fingerprint = state.current.get(desktop);
  const felt = fingerprint === undefined ? null : feltRtts(fingerprint, state.policy.fingerprint);
  return felt === null ? {} : { feltRttMs: felt };
}

/** A stopped desktop cannot be moved live: it is locked for ever, as far as this plan goes. */
function lockOf(running: boolean, ...untilMs: (number | undefined)[]): { lockedUntilMs?: number } {
  if (!running) return { lockedUntilMs: Number.MAX_SAFE_INTEGER };
  const until = untilMs.filter((ms) => ms !== undefined);
  return until.length === 0 ? {} : { lockedUntilMs: Math.max(...until) };
}

/** Hosts that the desktop is not sent to for now. */
function unfitFor(hosts: readonly HostRef[] | undefined): { unfitHosts?: HostRef[] } {
  return hosts === undefined || hosts.length === 0 ? {} : { unfitHosts: [...hosts] };
}

/** A desktop is not sent where its hypervisor or its processor is not. */
function withClasses(
  constraints: DesktopConstraints,
  classes: readonly PlanClasses[],
  desktop: string,
): DesktopConstraints {
  const more = classes.flatMap(({ required }) => required.get(desktop) ?? []);
  return more.length === 0
    ? constraints
    : { ...constraints, requires: [...(constraints.requires ?? []), ...more] };
}

/** What a host itself provides, the classes of its hypervisor and processor too. */
function providedBy(
  { hosts }: LoopState['cloud']['sites'][number],
  host: HostRef,
  classes: readonly PlanClasses[],
): { provides?: string[] } {
  const provides = [
    ...(hosts.find((h) => h.id === host.host)?.provides ?? []),
    ...classes.flatMap(({ provided }) => provided.get(hostKey(host)) ?? []),
  ];
  return provides.length === 0 ? {} : { provides };
}

function hypervisorsOf(hosts: readonly HostReport[]): Map<string, string | undefined> {
  return new Map(hosts.map((r) => [hostKey(r.host), r.hypervisor]));
}
